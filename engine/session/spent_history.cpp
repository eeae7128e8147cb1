// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/spent_history.h"

namespace clipscope {

void SpentHistory::append(const StepSummary& summary) {
  const double sigma = summary.sigma;
  const bool isShuffled = summary.scheme == SamplingScheme::Shuffled;
  switch (summary.scheme) {
    case SamplingScheme::Poisson:
      addToHistory(m_entries, {sigma, summary.sampleRate, 1});
      break;
    case SamplingScheme::Fixed:
      addToHistory(m_entries, {sigma, 1, 1});
      break;
    case SamplingScheme::Shuffled:
      if (!m_isShuffled || summary.epoch != m_epoch) {
        addToHistory(m_entries, {sigma, 1, 1});
        m_epochSigma = sigma;
      } else if (sigma < m_epochSigma) {
        if (--m_entries.back().steps == 0) m_entries.pop_back();
        addToHistory(m_entries, {sigma, 1, 1});
        m_epochSigma = sigma;
      }
      break;
  }
  m_isShuffled = isShuffled;
  m_epoch = summary.epoch;
}

void SpentHistory::append(std::span<const StepSummary> summaries) {
  for (const StepSummary& summary : summaries) append(summary);
}

}  // namespace clipscope
