// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/what_if/error_budget.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {

std::size_t place(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

BudgetTable::BudgetTable(const GroupGram& gram, const ClipStrategy& strategy)
    : m_unclippedSquare(gram.unclippedSquare()) {
  struct Entry {
    Index row;
    LengthLaw law;
  };
  std::vector<Entry> entries;
  Row sums;
  for (Index i = 0; i < static_cast<Index>(gram.norms().size()); ++i) {
    const double n = gram.norms()[place(i)];
    if (n == 0) continue;
    sums.kept += n * n;
    const LengthLaw law = strategy.lengthLaw(n);
    if (law.limit > 0) entries.push_back({i, law});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& x, const Entry& y) { return x.law.limit > y.law.limit; });
  m_rows.push_back(sums);

  // S as two vectors: its norms and its slopes, 0 outside.
  std::vector<double> norms, slopes;
  bool anySlope = false;
  for (const Entry& entry : entries) {
    const Index slot = gram.slot(entry.row);
    const double n = gram.norms()[place(entry.row)], slope = entry.law.slope;
    double withNorms = 0, withSlopes = 0;
    if (slot >= 0) {
      const auto cosines = gram.cosines(slot);
      if (norms.empty()) {
        norms.assign(cosines.size(), 0.0);
        slopes.assign(cosines.size(), 0.0);
      }
      const auto size = static_cast<Index>(cosines.size());
      withNorms = gram.pairScale() * dotProduct(cosines.data(), norms.data(), size);
      anySlope = anySlope || slope != 0;
      if (anySlope) withSlopes = gram.pairScale() * dotProduct(cosines.data(), slopes.data(), size);
      norms[place(slot)] = n;
      slopes[place(slot)] = slope;
    }
    sums.a += n * (n + 2 * withNorms);
    sums.b += n * (slope + withSlopes) + slope * withNorms;
    sums.d += slope * (slope + 2 * withSlopes);
    sums.kept -= n * n;
    sums.scaled += slope * slope;
    const double along = gram.alongUnclipped(entry.row);
    sums.along += n * along;
    sums.slope += slope * along;
    m_limits.push_back(entry.law.limit);
    m_rows.push_back(sums);
  }
  // What subtractions left of nothing.
  for (Row& row : m_rows) row.kept = std::max(0.0, row.kept);
}

const BudgetTable::Row& BudgetTable::at(double threshold) const {
  const auto first = std::partition_point(m_limits.begin(), m_limits.end(),
                                          [&](double limit) { return limit > threshold; });
  return m_rows[static_cast<std::size_t>(first - m_limits.begin())];
}

ErrorBudget::ErrorBudget(std::vector<std::shared_ptr<const BudgetTable>> tables,
                         const WhatIfRules& rules, Index batchSize)
    : m_tables(std::move(tables)),
      m_expectedBatch(rules.expectedBatch),
      m_batch(static_cast<double>(batchSize)) {
  const double c = rules.maxGradNorm(), b2 = m_expectedBatch * m_expectedBatch;
  for (const double threshold : rules.thresholds) m_shares.push_back(threshold / c);
  const std::vector<double> stds =
      groupNoiseStds(rules.allocation, rules.sigma, m_shares, rules.dimensions);
  for (std::size_t k = 0; k < stds.size(); ++k)
    m_noise += stds[k] * stds[k] * static_cast<double>(rules.dimensions[k]) / b2;
  if (rules.fixedSize) {
    const double n = static_cast<double>(rules.datasetSize);
    if (m_batch > 0 && n > 1) m_fixed = std::max(0.0, (n - m_batch) / (n - 1)) / m_batch;
  } else {
    m_poisson = std::max(0.0, 1 - rules.sampleRate) / b2;
  }
  m_clips = std::any_of(m_tables.begin(), m_tables.end(),
                        [](const auto& table) { return !table->limits().empty(); });
}

void ErrorBudget::add(const BudgetTable& table, const BudgetTable::Row& row, double share,
                      double sign, Quadratic& sum) const {
  const double b2 = m_expectedBatch * m_expectedBatch;
  sum.bias0 += sign * row.a / b2;
  sum.bias1 += sign * share * row.b / b2;
  sum.bias2 += sign * share * share * row.d / b2;
  sum.sampling0 += sign * m_poisson * row.kept;
  sum.sampling2 += sign * m_poisson * share * share * row.scaled;
  if (m_fixed == 0) return;
  // tr Cov = Σ w²/b − ‖s‖²/b², and ‖s‖² = ‖Σg‖² + 2⟨s − Σg, Σg⟩ + ‖s − Σg‖².
  const double f = m_fixed / m_batch, g = f / m_batch;
  sum.sampling0 += sign * (f * row.kept - g * (table.unclippedSquare() - 2 * row.along + row.a));
  sum.sampling1 += sign * share * g * (row.slope - row.b);
  sum.sampling2 += sign * share * share * (f * row.scaled - g * row.d);
}

BudgetPoint ErrorBudget::evaluate(const Quadratic& sum, double c) const {
  BudgetPoint point;
  point.maxGradNorm = c;
  point.biasSquared = std::max(0.0, sum.bias0 + c * (c * sum.bias2 - 2 * sum.bias1));
  point.noiseVariance = m_noise * c * c;
  point.samplingVariance =
      std::max(0.0, sum.sampling0 + c * (c * sum.sampling2 - 2 * sum.sampling1));
  point.total = point.biasSquared + point.noiseVariance + point.samplingVariance;
  return point;
}

BudgetPoint ErrorBudget::at(double maxGradNorm) const {
  Quadratic sum;
  for (std::size_t k = 0; k < m_tables.size(); ++k)
    add(*m_tables[k], m_tables[k]->at(m_shares[k] * maxGradNorm), m_shares[k], 1, sum);
  return evaluate(sum, maxGradNorm);
}

std::vector<BudgetPoint> ErrorBudget::curve(double low, double high, int count) const {
  std::vector<BudgetPoint> points;
  for (int i = 0; i < count; ++i)
    points.push_back(at(low * std::pow(high / low, static_cast<double>(i) / (count - 1))));
  return points;
}

double ErrorBudget::minimum() const {
  if (m_batch == 0 || !(m_noise > 0) || !m_clips) return notANumber;
  struct Change {
    double c;
    std::size_t group, count;  ///< below c, `count` examples of the group are scaled
  };
  std::vector<Change> changes;
  Quadratic sum;
  for (std::size_t k = 0; k < m_tables.size(); ++k) {
    std::size_t always = 0;
    for (std::size_t i = 0; i < m_tables[k]->limits().size(); ++i) {
      const double limit = m_tables[k]->limits()[i];
      if (std::isinf(limit))
        always = i + 1;
      else
        changes.push_back({limit / m_shares[k], k, i + 1});
    }
    add(*m_tables[k], m_tables[k]->row(always), m_shares[k], 1, sum);
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& x, const Change& y) { return x.c > y.c; });
  double best = notANumber, least = std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i <= changes.size(); ++i) {
    const double low = i < changes.size() ? changes[i].c : 0.0;
    if (low < high) {
      // Between two changes the total is one parabola.
      const double curvature = sum.bias2 + sum.sampling2 + m_noise;
      double c = low;
      if (curvature > 0) c = std::clamp((sum.bias1 + sum.sampling1) / curvature, low, high);
      const double total = evaluate(sum, c).total;
      if (total < least) {
        least = total;
        best = c > 0 ? c : notANumber;
      }
      high = low;
    }
    if (i == changes.size()) break;
    const Change& change = changes[i];
    const BudgetTable& table = *m_tables[change.group];
    add(table, table.row(change.count - 1), m_shares[change.group], -1, sum);
    add(table, table.row(change.count), m_shares[change.group], 1, sum);
  }
  return best;
}

}  // namespace clipscope
