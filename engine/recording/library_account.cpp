// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/library_account.h"

#include <algorithm>
#include <cmath>

namespace clipscope {

LibraryAccount::LibraryAccount(const std::string& accountant, double delta, bool isValid)
    : m_delta(delta), m_isValid(isValid) {
  const bool isKnown = std::ranges::find(accountantNames(), accountant) != accountantNames().end();
  if (isKnown && delta > 0 && delta < 1) m_accountant = makeAccountant(accountant);
}

void LibraryAccount::account(const StepSummary& summary) {
  double epsilon = summary.epsilon;
  // A file may say anything: after a step that is none there is no ε.
  const double sigma = summary.gradientSigma, rate = summary.sampleRate;
  if (!(sigma >= 0) || !(rate >= 0 && rate <= 1)) m_accountant.reset();
  if (m_accountant) {
    // What its hook hands over: with an adaptive C that is z, which lint says.
    m_accountant->add(sigma, rate, 1);
    if (std::isnan(epsilon)) epsilon = m_accountant->epsilon(m_delta);
  }
  m_epsilons.push_back(epsilon);
}

void LibraryAccount::fill(StepSummary& summary) const {
  if (!std::isnan(summary.epsilon)) return;
  summary.epsilon = at(summary.step);
  if (!m_isValid) summary.epsilonNotValid = summary.epsilon;
}

}  // namespace clipscope
