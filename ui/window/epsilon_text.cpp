// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/epsilon_text.h"

#include <QCoreApplication>
#include <cmath>

#include "engine/accounting/accountant.h"
#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("EpsilonText", text); }

QString samplingText(AccountedSampling sampling) {
  switch (sampling) {
    case AccountedSampling::Shuffled:
      return tr(
          "Shuffled batches: one Gaussian mechanism (q = 1) for each epoch begun. Neighbours "
          "have one example zeroed out.");
    case AccountedSampling::Fixed:
      return tr("The same batch each step: q = 1. Neighbours have one example zeroed out.");
    case AccountedSampling::Mixed:
      return tr(
          "Steps of several samplings, each with its own cost. Neighbours have one example "
          "zeroed out.");
    case AccountedSampling::None:
    case AccountedSampling::Poisson:
      break;
  }
  return tr("Poisson sampling. Neighbours differ by one example added or removed.");
}

}  // namespace

QString epsilonText(const AccountPart& account) {
  if (std::isnan(account.epsilon)) return tr("no ε: no accountant");
  if (!account.isValid())
    return tr("ε not valid: %1")
        .arg(QString::fromUtf8(account.invalidBecause.data(),
                               static_cast<qsizetype>(account.invalidBecause.size())));
  const bool isBound = accountantIsBound(account.accountant);
  const QString text =
      account.simulated
          ? (isBound ? tr("simulated ε %1 at δ %2") : tr("simulated ε ≈ %1 (GDP), δ %2"))
          : (isBound ? tr("ε %1 at δ %2") : tr("ε ≈ %1 (GDP), δ %2"));
  return text.arg(shortNumber(account.epsilon, 3), shortNumber(account.delta, 3));
}

QString epsilonTip(const AccountPart& account) {
  const QString simulated =
      account.simulated
          ? tr("A run that can be replayed from its seed is a simulation: ε is about releasing the "
               "weights of one run whose noise and sampling were fresh and secret.")
          : tr("Secure mode: sampling and noise came from keys that are kept nowhere. ε is about "
               "releasing the weights of this run alone: what this window shows is not private, "
               "and choosing a run or a setting from it is not in ε.");
  QString text = samplingText(account.sampling) + QLatin1Char('\n');
  if (!accountantIsBound(account.accountant))
    text += tr("Gaussian differential privacy by the central limit theorem: an approximation and "
               "not a bound, usually too small. No guarantee follows from it.") +
            QLatin1Char('\n');
  if (account.isValid()) return text + simulated;
  return tr("A count was divided by the size of the batch drawn, which is private: no ε holds for "
            "this run. A constant denominator would give %1 at δ %2.")
      .arg(shortNumber(account.epsilon, 3), shortNumber(account.delta, 3));
}

}  // namespace clipscope
