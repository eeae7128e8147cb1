// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/history_words.h"

#include <QCoreApplication>
#include <cmath>

#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("HistoryWords", text); }
QString shown(double value) { return shortNumber(value, 4); }

/// Formula, the numbers in it, and its source, a line each.
QString lines(const QString& formula, const QString& values, const QString& source) {
  return formula + QStringLiteral("\n= ") + values + QLatin1Char('\n') + source;
}

}  // namespace

QString historyWords(const QString& chart, const StepSummary& s) {
  if (chart == QStringLiteral("loss"))
    return lines(tr("(1/b) Σ L_i over the batch drawn"),
                 tr("%1, b = %2").arg(shown(s.loss)).arg(s.batchSize),
                 tr("before the update, which divides by B and not by b"));
  if (chart == QStringLiteral("accuracy"))
    return std::isnan(s.testAccuracy)
               ? QString()
               : lines(tr("share of the held-out examples whose largest score is their class"),
                       tr("%1, their loss %2").arg(percent(s.testAccuracy), shown(s.testLoss)),
                       tr("after the update of this step"));
  if (chart == QStringLiteral("epsilon"))
    return lines(tr("the least ε at δ that the accountant proves over all steps so far"),
                 tr("%1; this step added σ = %2, q = %3")
                     .arg(shown(s.epsilon), shown(s.sigma), shown(s.sampleRate)),
                 s.epsilonIsBound
                     ? tr("Rényi: arXiv:1702.07476, 1908.10530; PRV: arXiv:2106.02848")
                     : tr("central limit theorem, arXiv:1911.11607: an approximation, no bound"));
  if (chart == QStringLiteral("clipped"))
    return lines(tr("|{i : n_ik > C_k in any group k}| / b"),
                 std::isnan(s.clippedFraction)
                     ? tr("–: an automatic rule scales every gradient")
                     : tr("%1 / %2 = %3")
                           .arg(std::llround(s.clippedFraction * static_cast<double>(s.batchSize)))
                           .arg(s.batchSize)
                           .arg(percent(s.clippedFraction)),
                 tr("Abadi et al. 2016, arXiv:1607.00133"));
  if (chart == QStringLiteral("threshold"))
    return lines(tr("C = √Σ C_k²; suggested: argmin over C of σ²C²d/B² + (1/b) Σ max(n_i − C, 0)²"),
                 tr("C = %1, suggested %2 (σ = %3, B = %4)")
                     .arg(shown(s.maxGradNorm), shown(s.suggestedThreshold), shown(s.sigma),
                          shown(s.expectedBatchSize)),
                 tr("the suggestion: DC-SGD, arXiv:2503.22988, from private norms"));
  if (chart == QStringLiteral("snr"))
    return lines(tr("‖s‖ / √(Σ s_k² d_k), s = Σ f_i g_i the clipped sum"),
                 tr("%1 / %2 = %3").arg(shown(s.signal), shown(s.noise), shown(s.snr)),
                 tr("with the noise drawn: %1 / %2 = %3")
                     .arg(shown(s.signal), shown(s.noiseRealised), shown(s.snrRealised)));
  if (chart == QStringLiteral("norms"))
    return lines(
        tr("n_i = √(Σ_p ‖∂L_i/∂θ_p‖²); quantiles by linear interpolation"),
        tr("5 %: %1, median %2, 95 %: %3, largest %4; C = %5")
            .arg(shown(s.q05), shown(s.q50), shown(s.q95), shown(s.max), shown(s.maxGradNorm)),
        tr("Abadi et al. 2016, arXiv:1607.00133"));
  return {};
}

}  // namespace clipscope
