// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "engine/training/what_if/group_gram.h"
#include "engine/training/what_if/what_if_rules.h"

namespace clipscope {

/// How far the private gradient (s + z)/B is from the unclipped mean, in parts (methods.md "error
/// budget"). The bias is that of one batch, so it holds some of the sampling's variance too.
struct BudgetPoint {
  double maxGradNorm = notANumber;       ///< C
  double biasSquared = notANumber;       ///< ‖s − Σg‖²/B²
  double noiseVariance = notANumber;     ///< Σ_k s_k² d_k/B²
  double samplingVariance = notANumber;  ///< Poisson: (1−q)/B² Σ ‖clipped g_i‖²
  double total = notANumber;
};

/// For one group: what the budget needs of the examples that are scaled at a threshold c, for every
/// c. A gradient has the length ρ_i c for c below its limit t_i, and n_i from there on
/// (ClipStrategy::lengthLaw), so with S(c) = {i: t_i > c} the bias is
/// ‖Σ_S (n_i − ρ_i c) ĝ_i‖² = A − 2cB + c²D, whose coefficients change where c passes a t_i. They
/// are kept for every prefix of the examples sorted by t_i: one pass over the Gram matrix gives the
/// whole curve.
class BudgetTable {
 public:
  BudgetTable(const GroupGram& gram, const ClipStrategy& strategy);

  struct Row {
    double a = 0, b = 0, d = 0;   ///< of the bias
    double kept = 0;              ///< Σ n_i² outside S
    double scaled = 0;            ///< Σ ρ_i² in S
    double along = 0, slope = 0;  ///< Σ_S n_i y_i, Σ_S ρ_i y_i, y_i = ⟨ĝ_i, Σg⟩
  };
  /// Coefficients at a threshold.
  const Row& at(double threshold) const;
  /// Coefficients when the first `count` of limits() are scaled.
  const Row& row(std::size_t count) const { return m_rows[count]; }
  /// Thresholds at which the coefficients change, descending; ∞ for examples scaled at every c.
  const std::vector<double>& limits() const { return m_limits; }
  double unclippedSquare() const { return m_unclippedSquare; }

 private:
  std::vector<double> m_limits;
  std::vector<Row> m_rows;
  double m_unclippedSquare = 0;
};

/// The error budget of one batch as a function of C, all C_k in the proportion of the rules. A
/// piecewise quadratic in C: exact at every C, and so is its minimum.
class ErrorBudget {
 public:
  /// `tables` by group.
  ErrorBudget(std::vector<std::shared_ptr<const BudgetTable>> tables, const WhatIfRules& rules,
              Index batchSize);

  BudgetPoint at(double maxGradNorm) const;
  /// `count` points from `low` to `high`, evenly in log C.
  std::vector<BudgetPoint> curve(double low, double high, int count) const;
  /// The suggestion "exact": argmin over C of the total. NaN for an empty batch, without noise
  /// (nothing to trade), where nothing is clipped at any C, and where the total only falls towards
  /// C = 0.
  double minimum() const;

 private:
  struct Quadratic {
    double bias0 = 0, bias1 = 0, bias2 = 0;  ///< bias² = bias0 − 2 bias1 C + bias2 C²
    double sampling0 = 0, sampling1 = 0, sampling2 = 0;  ///< the same for the sampling variance
  };
  void add(const BudgetTable& table, const BudgetTable::Row& row, double share, double sign,
           Quadratic& sum) const;
  BudgetPoint evaluate(const Quadratic& sum, double maxGradNorm) const;

  std::vector<std::shared_ptr<const BudgetTable>> m_tables;
  std::vector<double> m_shares;  ///< C_k/C
  double m_noise = 0;            ///< noise variance at C = 1
  double m_expectedBatch = 1;
  double m_poisson = 0;  ///< (1−q)/B²; 0 for batches of a fixed size
  double m_fixed = 0;    ///< (N−b)/(N−1)/b; 0 for Poisson
  double m_batch = 0;
  bool m_clips = true;
};

}  // namespace clipscope
