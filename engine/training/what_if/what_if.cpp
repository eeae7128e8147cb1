// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/what_if/what_if.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/training/diagnostics.h"

namespace clipscope {

namespace {

/// Groupings whose matrices are held: as many as can be compared.
constexpr std::size_t heldGroupings = 8;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// ‖s‖², ⟨s, Σg⟩, ‖s − Σg‖² and ‖Σg‖².
struct Products {
  double ss = 0, su = 0, distance = 0, uu = 0;

  void add(const Products& other) {
    ss += other.ss;
    su += other.su;
    distance += other.distance;
    uu += other.uu;
  }
};

/// From the lengths that the examples are left with in a group. One quadratic form is computed and
/// the other follows: of s or of s − Σg the one with less in it, so that nothing cancels.
Products productsOf(const GroupGram& gram, std::span<const double> lengths) {
  thread_local std::vector<double> removed;
  removed.resize(lengths.size());
  double kept = 0, lost = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    removed[i] = lengths[i] - gram.norms()[i];
    kept += lengths[i] * lengths[i];
    lost += removed[i] * removed[i];
  }
  Products p;
  p.uu = gram.unclippedSquare();
  if (lost < kept) {
    p.distance = lost > 0 ? gram.square(removed) : 0.0;
    const double along = lost > 0 ? gram.withUnclipped(removed) : 0.0;
    p.ss = std::max(0.0, p.uu + 2 * along + p.distance);
    p.su = p.uu + along;
  } else {
    p.ss = gram.square(lengths);
    p.su = gram.withUnclipped(lengths);
    p.distance = std::max(0.0, p.ss - 2 * p.su + p.uu);
  }
  return p;
}

void describe(const Products& p, SumNumbers& out) {
  out.signal = std::sqrt(p.ss);
  out.unclipped = std::sqrt(p.uu);
  if (p.uu > 0) out.biasRatio = std::sqrt(p.distance / p.uu);
  if (p.uu > 0 && p.ss > 0) {
    out.biasCosine = std::clamp(p.su / std::sqrt(p.ss) / std::sqrt(p.uu), -1.0, 1.0);
    out.biasScaleFree = std::sqrt(std::max(0.0, 1 - out.biasCosine * out.biasCosine));
  }
}

double ratio(double signal, double noise) {
  if (std::isnan(signal) || std::isnan(noise)) return notANumber;
  if (noise > 0) return signal / noise;
  return signal > 0 ? std::numeric_limits<double>::infinity() : notANumber;
}

void relate(SumNumbers& out) {
  out.snr = ratio(out.signal, out.noiseExpected);
  out.snrRealised = ratio(out.signal, out.noiseRealised);
}

}  // namespace

WhatIf::WhatIf(std::shared_ptr<const RunInfo> info, std::shared_ptr<const NormsPart> norms,
               std::shared_ptr<const BatchGram> gram)
    : m_info(std::move(info)), m_norms(std::move(norms)), m_gram(std::move(gram)) {}

WhatIf::Groups& WhatIf::groupsOf(const Grouping& grouping) {
  std::vector<Index> groupOf;
  for (Index t = 0; t < grouping.tensors(); ++t) groupOf.push_back(grouping.groupOf(t));
  for (auto it = m_groups.begin(); it != m_groups.end(); ++it)
    if (it->groupOf == groupOf) {
      m_groups.splice(m_groups.begin(), m_groups, it);
      return m_groups.front();
    }
  Groups groups;
  groups.groupOf = std::move(groupOf);
  for (const ClippingGroup& group : grouping.groups())
    groups.grams.push_back(std::make_shared<GroupGram>(*m_gram, group));
  m_groups.push_front(std::move(groups));
  if (m_groups.size() > heldGroupings) m_groups.pop_back();
  return m_groups.front();
}

std::vector<double> WhatIf::medians(const Grouping& grouping) const {
  std::vector<double> medians, column, parts;
  for (const ClippingGroup& group : grouping.groups()) {
    column.clear();
    for (Index i = 0; i < m_norms->norms.examples(); ++i) {
      if (!std::isfinite(m_norms->global[at(i)])) continue;
      parts.clear();
      for (const Index tensor : group.tensors) parts.push_back(m_norms->norms.at(i, tensor));
      column.push_back(combinedNorm(parts));
    }
    std::sort(column.begin(), column.end());
    medians.push_back(column.empty() ? 0.0 : quantile(column, 0.5));
  }
  return medians;
}

WhatIfNumbers WhatIf::evaluate(const WhatIfRules& rules, Detail detail) {
  WhatIfNumbers out;
  computeFactors(m_norms->norms, rules.grouping, rules.thresholds, *rules.strategy, out.factors);
  const Index batch = m_norms->norms.examples(), groups = rules.grouping.count();
  const auto tensors = m_info->tensors.size();
  const bool automatic = rules.strategy->isAutomatic();
  out.maxGradNorm = rules.maxGradNorm();
  out.randomCosine = 1 / std::sqrt(static_cast<double>(m_info->dimension));
  if (batch > 0 && !automatic) out.clippedFraction = out.factors.clippedFraction();
  if (batch > 0 && automatic) out.aboveOneFraction = out.factors.aboveOneFraction();
  out.groups.resize(at(groups));
  out.tensors.resize(tensors);

  double before = 0, after = 0, squares = 0;
  std::vector<double> groupBefore(at(groups)), groupAfter(at(groups));
  std::vector<double> tensorBefore(tensors), tensorAfter(tensors);
  for (Index i = 0; i < batch; ++i) {
    if (!out.factors.finite(i)) continue;
    const double clipped = out.factors.clippedNorm(i);
    before += m_norms->global[at(i)];
    after += clipped;
    squares += clipped * clipped;
    for (Index k = 0; k < groups; ++k) {
      groupBefore[at(k)] += out.factors.groupNorm(i, k);
      groupAfter[at(k)] += out.factors.clippedGroupNorm(i, k);
    }
    for (std::size_t t = 0; t < tensors; ++t) {
      const double n = m_norms->norms.at(i, static_cast<Index>(t));
      tensorBefore[t] += n;
      tensorAfter[t] += n * out.factors.factor(i, rules.grouping.groupOf(static_cast<Index>(t)));
    }
  }
  const auto share = [](double part, double whole) {
    return whole > 0 ? part / whole : notANumber;
  };
  out.total.retainedNorm = share(after, before);
  for (std::size_t t = 0; t < tensors; ++t)
    out.tensors[t].retainedNorm = share(tensorAfter[t], tensorBefore[t]);
  double sensitivity = 0;
  for (Index k = 0; k < groups; ++k) {
    GroupNumbers& group = out.groups[at(k)];
    group.retainedNorm = share(groupAfter[at(k)], groupBefore[at(k)]);
    group.threshold = rules.thresholds[at(k)];
    if (batch > 0 && !automatic) group.clippedFraction = out.factors.groupClippedFraction(k);
    const double part = rules.strategy->sensitivity(group.threshold);
    sensitivity += part * part;
  }
  out.sensitivity = std::sqrt(sensitivity);

  const double b2 = rules.expectedBatch * rules.expectedBatch;
  out.budget.maxGradNorm = out.maxGradNorm;
  if (!rules.fixedSize) out.budget.samplingVariance = (1 - rules.sampleRate) / b2 * squares;
  measureNoise(rules, out);
  if (m_gram) measureSums(rules, detail, out);
  relate(out.total);
  for (GroupNumbers& group : out.groups) relate(group);
  for (SumNumbers& tensor : out.tensors) relate(tensor);
  out.budget.noiseVariance = out.total.noiseExpected * out.total.noiseExpected / b2;
  out.budget.total =
      out.budget.biasSquared + out.budget.noiseVariance + out.budget.samplingVariance;
  return out;
}

void WhatIf::measureNoise(const WhatIfRules& rules, WhatIfNumbers& out) const {
  const std::vector<double> stds =
      groupNoiseStds(rules.allocation, rules.sigma, rules.thresholds, rules.dimensions);
  std::vector<double> sensitivities;
  for (const double threshold : rules.thresholds)
    sensitivities.push_back(rules.strategy->sensitivity(threshold));
  out.effectiveSigma = effectiveSigma(sensitivities, stds, rules.counts, rules.countStd);
  double expected = 0, realised = 0;
  for (std::size_t k = 0; k < stds.size(); ++k) {
    double groupRealised = 0;
    for (const Index tensor : rules.grouping.groups()[k].tensors) {
      SumNumbers& numbers = out.tensors[at(tensor)];
      numbers.noiseExpected = stds[k] * std::sqrt(static_cast<double>(m_info->sizes[at(tensor)]));
      if (!m_gram) continue;
      numbers.noiseRealised = stds[k] * std::sqrt(m_gram->noiseSquare(tensor));
      groupRealised += numbers.noiseRealised * numbers.noiseRealised;
    }
    GroupNumbers& group = out.groups[k];
    group.noiseStd = stds[k];
    group.noiseExpected = stds[k] * std::sqrt(static_cast<double>(rules.dimensions[k]));
    if (m_gram) group.noiseRealised = std::sqrt(groupRealised);
    expected += group.noiseExpected * group.noiseExpected;
    realised += groupRealised;
  }
  out.total.noiseExpected = std::sqrt(expected);
  if (m_gram) out.total.noiseRealised = std::sqrt(realised);
}

void WhatIf::measureSums(const WhatIfRules& rules, Detail detail, WhatIfNumbers& out) {
  out.fromSubset = m_gram->isSubset();
  const Index batch = m_norms->norms.examples();
  const Groups& groups = groupsOf(rules.grouping);
  std::vector<double> lengths(at(batch));
  Products total;
  for (Index k = 0; k < rules.grouping.count(); ++k) {
    for (Index i = 0; i < batch; ++i) lengths[at(i)] = out.factors.clippedGroupNorm(i, k);
    const Products products = productsOf(*groups.grams[at(k)], lengths);
    describe(products, out.groups[at(k)]);
    total.add(products);
  }
  describe(total, out.total);

  // ⟨z, s⟩ and ⟨z, Σg⟩ from the projections; those of a subset stand for all.
  double zs = 0, zu = 0;
  const double scale =
      m_gram->size() > 0 ? static_cast<double>(batch) / static_cast<double>(m_gram->size()) : 0.0;
  for (Index j = 0; j < m_gram->size(); ++j) {
    const Index row = m_gram->rows()[at(j)];
    if (!out.factors.finite(row)) continue;
    for (Index t = 0; t < m_gram->tensors(); ++t) {
      const Index k = rules.grouping.groupOf(t);
      const double along = scale * out.groups[at(k)].noiseStd * m_norms->norms.at(row, t) *
                           m_gram->noiseProjection(j, t);
      zu += along;
      zs += along * out.factors.factor(row, k);
    }
  }
  const double zz = out.total.noiseRealised * out.total.noiseRealised;
  const double length = std::sqrt(std::max(0.0, total.ss + 2 * zs + zz));
  if (length > 0 && total.uu > 0)
    out.privateCosine = std::clamp((total.su + zu) / length / std::sqrt(total.uu), -1.0, 1.0);

  const double b2 = rules.expectedBatch * rules.expectedBatch;
  out.budget.biasSquared = total.distance / b2;
  if (rules.fixedSize && batch > 0) {
    const double b = static_cast<double>(batch), n = static_cast<double>(rules.datasetSize);
    double squares = 0;
    for (Index i = 0; i < batch; ++i)
      squares += out.factors.clippedNorm(i) * out.factors.clippedNorm(i);
    const double trace = std::max(0.0, squares / b - total.ss / (b * b));
    out.budget.samplingVariance = n > 1 ? std::max(0.0, (n - b) / (n - 1)) * trace / b : 0.0;
  }

  if (detail == Detail::Groups) return;
  if (m_tensorGrams.empty())
    for (Index t = 0; t < m_gram->tensors(); ++t)
      m_tensorGrams.push_back(std::make_shared<GroupGram>(*m_gram, ClippingGroup{{}, {t}}));
  for (Index t = 0; t < m_gram->tensors(); ++t) {
    const Index k = rules.grouping.groupOf(t);
    for (Index i = 0; i < batch; ++i)
      lengths[at(i)] =
          out.factors.finite(i) ? out.factors.factor(i, k) * m_norms->norms.at(i, t) : 0.0;
    describe(productsOf(*m_tensorGrams[at(t)], lengths), out.tensors[at(t)]);
  }
}

std::shared_ptr<const ErrorBudget> WhatIf::budget(const WhatIfRules& rules) {
  if (!m_gram) return nullptr;
  Groups& groups = groupsOf(rules.grouping);
  if (groups.tables.empty() || groups.strategy != rules.strategyName ||
      !(groups.settings == rules.strategySettings)) {
    groups.tables.clear();
    for (const auto& gram : groups.grams)
      groups.tables.push_back(std::make_shared<BudgetTable>(*gram, *rules.strategy));
    groups.strategy = rules.strategyName;
    groups.settings = rules.strategySettings;
  }
  return std::make_shared<ErrorBudget>(groups.tables, rules, m_norms->norms.examples());
}

}  // namespace clipscope
