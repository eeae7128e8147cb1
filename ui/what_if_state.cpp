// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/what_if_state.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/training/diagnostics.h"
#include "engine/training/what_if/tried_record.h"

namespace clipscope {

namespace {

bool same(double a, double b) { return std::abs(a - b) <= 1e-9 * a; }

bool sameThresholds(const WhatIfRules& rules, const ClipPart& clip) {
  return rules.strategyName == clip.strategy &&
         std::equal(rules.thresholds.begin(), rules.thresholds.end(), clip.groups.begin(),
                    clip.groups.end(),
                    [](double c, const GroupResult& group) { return same(c, group.threshold); });
}

}  // namespace

void WhatIfState::setExperiment(const Experiment& experiment) {
  const bool unchanged =
      m_experiment.clipping == experiment.clipping && m_experiment.noise == experiment.noise;
  m_experiment = experiment;
  if (unchanged) return;
  renew();
  emit changed();
}

void WhatIfState::setRecord(std::shared_ptr<const StepRecord> record) {
  const bool sameNorms = m_record && record && m_record->norms == record->norms;
  m_record = std::move(record);
  if (!m_record || !m_record->norms) {
    m_whatIf.reset();
  } else if (!sameNorms || !m_whatIf) {
    m_whatIf = std::make_unique<WhatIf>(m_record->info, m_record->norms);
  }
  renew();
  emit changed();
}

void WhatIfState::setGram(std::shared_ptr<const NormsPart> norms,
                          std::shared_ptr<const BatchGram> gram) {
  if (!m_record || !m_record->norms || m_record->norms != norms) return;
  m_whatIf = std::make_unique<WhatIf>(m_record->info, m_record->norms, std::move(gram));
  renew();
  emit changed();
}

WhatIfRules WhatIfState::rulesOf(const ClippingSettings& clipping,
                                 const NoiseSettings& noise) const {
  std::vector<double> medians;
  if (clipping.thresholds == ThresholdRule::Median)
    medians = m_whatIf->medians(
        makeGrouping(clipping.grouping, m_record->info->tensors, clipping.groups));
  NoiseSettings used = noise;
  // A schedule has the step's σ.
  if (!m_experiment.schedules.noiseMultiplier.isConstant())
    used.noiseMultiplier = m_record->sample->noiseMultiplier;
  return makeWhatIfRules(clipping, used, *m_record->sample, *m_record->info, medians);
}

void WhatIfState::renew() {
  m_numbers.reset();
  m_bound.reset();
  m_exact.reset();
  if (!m_whatIf) return;
  const WhatIfRules before = m_rules;
  try {
    m_rules = rulesOf(m_experiment.clipping, m_experiment.noise);
  } catch (const Error&) {
    // Settings of a model that is being opened: the record of the old one has no use for them.
    m_whatIf.reset();
    m_tried.reset();
    return;
  }
  // Thresholds after medians, or that move from step to step: those that the step really had, where
  // they are this rule's.
  const ClipPart* clip = m_record->clip.get();
  const bool moves =
      m_experiment.clipping.adaptive.enabled || !m_experiment.schedules.maxGradNorm.isConstant();
  if (clip && (moves || m_experiment.clipping.thresholds == ThresholdRule::Median) &&
      clip->groups.size() == m_rules.thresholds.size()) {
    bool fits = true;
    for (std::size_t k = 0; k < clip->groups.size(); ++k)
      fits = fits && clip->groups[k].tensors == m_rules.grouping.groups()[k].tensors;
    if (fits) {
      for (std::size_t k = 0; k < clip->groups.size(); ++k)
        m_rules.thresholds[k] = clip->groups[k].threshold;
      if (!moves) m_rules = m_rules.withMaxGradNorm(m_experiment.clipping.maxGradNorm);
    }
  }
  if (!m_tried) return;
  // What is tried goes on under the new rules, unless it has become them or does not fit them.
  if (clip && sameThresholds(*m_tried, *clip) && sameThresholds(m_rules, *clip)) {
    m_tried.reset();
  } else if (m_tried->thresholds.size() != m_rules.thresholds.size() ||
             (!m_groupTried && before.thresholds.size() != m_rules.thresholds.size())) {
    m_tried.reset();
  } else if (m_groupTried) {
    WhatIfRules next = m_rules;
    next.thresholds = m_tried->thresholds;
    m_tried = std::move(next);
  } else {
    m_tried = m_rules.withMaxGradNorm(m_tried->maxGradNorm());
  }
}

const WhatIfNumbers& WhatIfState::numbers() const {
  if (!m_numbers) m_numbers = m_whatIf ? m_whatIf->evaluate(triedRules()) : WhatIfNumbers();
  return *m_numbers;
}

std::shared_ptr<const StepRecord> WhatIfState::triedRecord() const {
  if (!isTrying() || !hasBatch()) return nullptr;
  return clipscope::triedRecord(
      *m_record, *m_tried,
      hasGram() ? m_whatIf->evaluate(*m_tried, WhatIf::Detail::Tensors) : numbers());
}

std::shared_ptr<const ErrorBudget> WhatIfState::budget() const {
  return hasGram() ? m_whatIf->budget(triedRules()) : nullptr;
}

bool WhatIfState::isSet() const {
  return m_tried && std::equal(m_tried->thresholds.begin(), m_tried->thresholds.end(),
                               m_rules.thresholds.begin(), m_rules.thresholds.end(), same);
}

double WhatIfState::suggestedBound() const {
  if (!hasBatch()) return notANumber;
  if (!m_bound)
    m_bound = suggestThreshold(m_record->norms->global, m_rules.sigma, m_record->info->dimension,
                               m_rules.expectedBatch);
  return *m_bound;
}

double WhatIfState::suggestedExact() const {
  if (!hasBatch() || !hasGram()) return notANumber;
  if (!m_exact) m_exact = m_whatIf->budget(m_rules)->minimum();
  return *m_exact;
}

std::pair<double, double> WhatIfState::span() const {
  if (!hasBatch()) return {0.1, 10};
  const NormsPart& norms = *m_record->norms;
  double low = std::isfinite(norms.q05) && norms.q05 > 0 ? norms.q05 : norms.q50;
  double high = norms.max;
  const double c = m_rules.maxGradNorm();
  if (!(high > 0) || !std::isfinite(high)) return {c / 100, c * 100};
  if (!(low > high * 1e-4)) low = high * 1e-4;
  return {std::min(low / 10, c), std::max(high * 3, c)};
}

void WhatIfState::setTried(std::optional<WhatIfRules> rules) {
  m_tried = std::move(rules);
  m_numbers.reset();
  emit tried();
}

void WhatIfState::tryMaxGradNorm(double maxGradNorm) {
  if (!hasBatch() || !(maxGradNorm > 0) || !std::isfinite(maxGradNorm)) return;
  if (!m_tried) m_groupTried = false;
  setTried(triedRules().withMaxGradNorm(maxGradNorm));
}

void WhatIfState::tryThreshold(Index group, double threshold) {
  if (!hasBatch() || !(threshold > 0) || !std::isfinite(threshold)) return;
  m_groupTried = m_rules.thresholds.size() > 1;
  setTried(triedRules().withThreshold(group, threshold));
}

void WhatIfState::giveUp() {
  m_groupTried = false;
  if (m_tried) setTried(std::nullopt);
}

ClippingSettings WhatIfState::settingsFor(const WhatIfRules& rules) const {
  ClippingSettings clipping = m_experiment.clipping;
  clipping.maxGradNorm = rules.maxGradNorm();
  const bool several = rules.thresholds.size() > 1;
  if (several && (m_groupTried || clipping.thresholds == ThresholdRule::Custom)) {
    clipping.thresholds = ThresholdRule::Custom;
    clipping.groupThresholds.clear();
    for (std::size_t k = 0; k < rules.thresholds.size(); ++k)
      clipping.groupThresholds[rules.grouping.groups()[k].name] = rules.thresholds[k];
  } else if (!several && clipping.thresholds == ThresholdRule::Custom) {
    clipping.groupThresholds[rules.grouping.groups().front().name] = rules.thresholds.front();
  }
  return clipping;
}

void WhatIfState::use() {
  if (!m_tried) return;
  Experiment next = m_experiment;
  next.clipping = settingsFor(*m_tried);
  emit useRequested(next);
}

void WhatIfState::useMaxGradNorm(double maxGradNorm) {
  if (!hasBatch()) return;
  tryMaxGradNorm(maxGradNorm);
  use();
}

void WhatIfState::useSettings(const ClippingSettings& clipping, const NoiseSettings& noise) {
  Experiment next = m_experiment;
  next.clipping = clipping;
  next.noise = noise;
  emit useRequested(next);
}

}  // namespace clipscope
