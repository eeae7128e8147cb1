// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <optional>
#include <vector>

#include "ui/what_if_state.h"

namespace clipscope {

/// One clipping of the comparison. What it does not say (σ, the strategy's constants, custom
/// groups) is the experiment's.
struct CompareColumn {
  GroupingKind grouping = GroupingKind::Flat;
  std::string strategy = "threshold";
  NoiseAllocation allocation = NoiseAllocation::Global;
  ThresholdRule thresholds = ThresholdRule::Equal;
  std::optional<double> maxGradNorm;  ///< its own C; else the one that all share

  friend bool operator==(const CompareColumn&, const CompareColumn&) = default;
};

/// "param", "AUTO-S", "flat": what distinguishes a column, in at most three words.
QString shortName(const CompareColumn& column);
/// "per parameter, AUTO-S, global noise".
QString longName(const CompareColumn& column);
/// A column as a line of text to be kept, and back; nothing where it cannot be read.
QString encode(const CompareColumn& column);
std::optional<CompareColumn> decodeColumn(const QString& text);

/// Two to six columns and their numbers on one batch with one noise draw.
class CompareSet {
 public:
  static constexpr std::size_t least = 2, most = 6;
  /// A number of the table.
  enum class Row {
    Clipped,
    ScaledUp,
    Retained,
    Cosine,
    Bias,
    BiasScaleFree,
    Signal,
    NoiseExpected,
    NoiseRealised,
    Snr,
    SnrRealised,
    PrivateCosine,
    EffectiveSigma,
    ErrorBudget,
  };
  static constexpr int rows = 14;

  CompareSet();

  std::vector<CompareColumn> columns;

  /// Computes all columns for what the state shows and tries.
  void evaluate(const WhatIfState& state);
  /// What a column would make of the experiment's settings.
  ClippingSettings clippingOf(const WhatIfState& state, const CompareColumn& column) const;
  NoiseSettings noiseOf(const WhatIfState& state, const CompareColumn& column) const;

  bool isEmpty() const { return m_numbers.empty(); }
  /// Null where the settings do not fit the model: problem() says why.
  const WhatIfNumbers* numbers(std::size_t column) const;
  QString problem(std::size_t column) const;
  double value(Row row, std::size_t column) const;
  QString text(Row row, std::size_t column) const;
  /// True where the number is better than another column's, in a sense that all of them share: see
  /// rule().
  bool isBest(Row row, std::size_t column) const;
  /// All columns (but "none") have one effective σ: the same privacy, so errors can be compared.
  bool isComparable() const;

  static QString name(Row row);
  /// What the number is, and what "best" means for it.
  static QString explanation(Row row);
  /// The same for one column, with its numbers and where the formula comes from.
  QString words(Row row, std::size_t column) const;
  static const char* key(Row row);  ///< in CSV

 private:
  bool isExperiments(const WhatIfState& state, const CompareColumn& column) const;
  bool competes(std::size_t column) const;

  std::vector<std::optional<WhatIfNumbers>> m_numbers;
  std::vector<QString> m_problems;
};

}  // namespace clipscope
