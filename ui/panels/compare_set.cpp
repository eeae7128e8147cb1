// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/compare_set.h"

#include <QCoreApplication>
#include <QStringList>
#include <cmath>

#include "engine/error.h"
#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("Compare", text); }

struct RowText {
  const char* name;
  const char* key;
  const char* explanation;
  int best;  ///< 1 the largest, −1 the smallest, 0 none
};

const RowText& about(CompareSet::Row row) {
  static const RowText texts[CompareSet::rows] = {
      {"clipped", "clipped_fraction",
       "Share of examples with n > C in any group; blank for automatic rules, which scale all. "
       "Best: the smallest",
       -1},
      {"scaled up", "above_one_fraction",
       "Share of examples with a factor above 1 (automatic rules)", 0},
      {"retained", "retained_norm",
       "Retained norm Σ‖clipped g‖ / Σ‖g‖. Best: the largest, of rules that never scale up", 1},
      {"cos to mean", "bias_cosine", "cos(s, Σg), the clipped sum's direction. Best: the largest",
       1},
      {"bias ‖β‖/‖ḡ‖", "bias_ratio", "‖s − Σg‖/‖Σg‖. Best: the smallest", -1},
      {"bias, scale-free", "bias_scale_free",
       "min over α of ‖αs − Σg‖/‖Σg‖: what is left of the bias when the step is scaled at will. "
       "Best: the smallest",
       -1},
      {"signal ‖s‖", "signal", "Length of the clipped sum", 0},
      {"noise √Σs²d", "noise_expected", "Expected length of the noise", 0},
      {"noise ‖z‖", "noise_realised",
       "Length of the noise drawn: the same standard normal draw in all columns", 0},
      {"SNR", "snr", "‖s‖ over expected noise. Best: the largest", 1},
      {"SNR, drawn", "snr_realised", "‖s‖ over ‖z‖", 0},
      {"cos(ĝ, ḡ)", "private_cosine",
       "The private direction, with the noise drawn; a random one would have ±1/√d", 0},
      {"effective σ", "effective_sigma",
       "The noise multiplier that the mechanism truly has. Where it differs the privacy does, and "
       "no column is called best",
       0},
      {"error budget", "error_budget",
       "bias² + noise + sampling variance of the mean gradient. Best: the smallest", -1},
  };
  return texts[static_cast<int>(row)];
}

const char* shortGrouping(GroupingKind kind) {
  switch (kind) {
    case GroupingKind::PerLayer:
      return QT_TRANSLATE_NOOP("Compare", "layer");
    case GroupingKind::PerParameter:
      return QT_TRANSLATE_NOOP("Compare", "param");
    case GroupingKind::Custom:
      return QT_TRANSLATE_NOOP("Compare", "custom");
    default:
      return QT_TRANSLATE_NOOP("Compare", "flat");
  }
}

const char* longGrouping(GroupingKind kind) {
  switch (kind) {
    case GroupingKind::PerLayer:
      return QT_TRANSLATE_NOOP("Compare", "per layer");
    case GroupingKind::PerParameter:
      return QT_TRANSLATE_NOOP("Compare", "per parameter");
    case GroupingKind::Custom:
      return QT_TRANSLATE_NOOP("Compare", "custom groups");
    default:
      return QT_TRANSLATE_NOOP("Compare", "flat");
  }
}

QString titleOf(const std::string& strategy) {
  const auto made = makeStrategy(strategy, {});
  return QString::fromUtf8(made->title().data(), static_cast<qsizetype>(made->title().size()));
}

const char* allocationTitle(NoiseAllocation allocation) {
  switch (allocation) {
    case NoiseAllocation::EqualBudget:
      return QT_TRANSLATE_NOOP("Compare", "equal budget");
    case NoiseAllocation::DimensionWeighted:
      return QT_TRANSLATE_NOOP("Compare", "dimension");
    case NoiseAllocation::LeastPower:
      return QT_TRANSLATE_NOOP("Compare", "least power");
    default:
      return QT_TRANSLATE_NOOP("Compare", "global noise");
  }
}

}  // namespace

QString shortName(const CompareColumn& column) {
  QStringList words;
  const bool flat = column.grouping == GroupingKind::Flat;
  if (!flat || column.strategy == "threshold") words << tr(shortGrouping(column.grouping));
  if (column.strategy != "threshold")
    words << titleOf(column.strategy).section(QLatin1Char(' '), 0, 0);
  if (!flat && column.allocation != NoiseAllocation::Global)
    words << tr(allocationTitle(column.allocation)).section(QLatin1Char(' '), 0, 0);
  if (column.maxGradNorm) words << QStringLiteral("C ") + shortNumber(*column.maxGradNorm, 2);
  return words.join(QLatin1Char('\n'));
}

QString longName(const CompareColumn& column) {
  QStringList words{tr(longGrouping(column.grouping)), titleOf(column.strategy)};
  if (column.grouping != GroupingKind::Flat) words << tr(allocationTitle(column.allocation));
  if (column.maxGradNorm) words << QStringLiteral("C = ") + shortNumber(*column.maxGradNorm, 3);
  return words.join(QStringLiteral(", "));
}

QString encode(const CompareColumn& column) {
  const auto text = [](std::string_view name) {
    return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
  };
  return QStringList{text(groupingName(column.grouping)), QString::fromStdString(column.strategy),
                     text(noiseAllocationName(column.allocation)),
                     text(thresholdRuleName(column.thresholds)),
                     column.maxGradNorm ? QString::number(*column.maxGradNorm, 'g', 17) : QString()}
      .join(QLatin1Char('|'));
}

std::optional<CompareColumn> decodeColumn(const QString& text) {
  const QStringList parts = text.split(QLatin1Char('|'));
  if (parts.size() != 5) return std::nullopt;
  try {
    CompareColumn column;
    column.grouping = parseGrouping(parts[0].toStdString(), "grouping");
    column.strategy = parts[1].toStdString();
    makeStrategy(column.strategy, {});
    column.allocation = parseNoiseAllocation(parts[2].toStdString(), "allocation");
    column.thresholds = parseThresholdRule(parts[3].toStdString(), "thresholds");
    const double c = parts[4].toDouble();
    if (c > 0 && std::isfinite(c)) column.maxGradNorm = c;
    return column;
  } catch (const Error&) {
    return std::nullopt;
  }
}

CompareSet::CompareSet() {
  columns.resize(3);
  columns[1].grouping = GroupingKind::PerParameter;
  columns[2].strategy = "auto_s";
}

ClippingSettings CompareSet::clippingOf(const WhatIfState& state,
                                        const CompareColumn& column) const {
  ClippingSettings clipping = state.experiment().clipping;
  // C_k that were given are given for the experiment's groups.
  if (column.thresholds != ThresholdRule::Custom) clipping.groupThresholds.clear();
  clipping.grouping = column.grouping;
  clipping.strategy = column.strategy;
  clipping.thresholds = column.thresholds;
  clipping.maxGradNorm = column.maxGradNorm.value_or(state.maxGradNorm());
  return clipping;
}

NoiseSettings CompareSet::noiseOf(const WhatIfState& state, const CompareColumn& column) const {
  NoiseSettings noise = state.experiment().noise;
  noise.allocation = column.allocation;
  return noise;
}

bool CompareSet::isExperiments(const WhatIfState& state, const CompareColumn& column) const {
  const ClippingSettings& clipping = state.experiment().clipping;
  return column.grouping == clipping.grouping && column.strategy == clipping.strategy &&
         column.thresholds == clipping.thresholds && !column.maxGradNorm &&
         column.allocation == state.experiment().noise.allocation;
}

void CompareSet::evaluate(const WhatIfState& state) {
  m_numbers.clear();
  m_problems.clear();
  if (!state.hasBatch()) return;
  for (const CompareColumn& column : columns) {
    try {
      // The experiment's own clipping has its thresholds as they are tried, each C_k by itself.
      const WhatIfRules rules =
          isExperiments(state, column)
              ? state.triedRules()
              : state.rulesOf(clippingOf(state, column), noiseOf(state, column));
      m_numbers.push_back(state.whatIf()->evaluate(rules));
      m_problems.emplace_back();
    } catch (const Error& error) {
      m_numbers.emplace_back();
      m_problems.push_back(QString::fromUtf8(error.what()));
    }
  }
}

const WhatIfNumbers* CompareSet::numbers(std::size_t column) const {
  return column < m_numbers.size() && m_numbers[column] ? &*m_numbers[column] : nullptr;
}

QString CompareSet::problem(std::size_t column) const {
  return column < m_problems.size() ? m_problems[column] : QString();
}

double CompareSet::value(Row row, std::size_t column) const {
  const WhatIfNumbers* w = numbers(column);
  if (!w) return notANumber;
  switch (row) {
    case Row::Clipped:
      return w->clippedFraction;
    case Row::ScaledUp:
      return w->aboveOneFraction;
    case Row::Retained:
      return w->total.retainedNorm;
    case Row::Cosine:
      return w->total.biasCosine;
    case Row::Bias:
      return w->total.biasRatio;
    case Row::BiasScaleFree:
      return w->total.biasScaleFree;
    case Row::Signal:
      return w->total.signal;
    case Row::NoiseExpected:
      return w->total.noiseExpected;
    case Row::NoiseRealised:
      return w->total.noiseRealised;
    case Row::Snr:
      return w->total.snr;
    case Row::SnrRealised:
      return w->total.snrRealised;
    case Row::PrivateCosine:
      return w->privateCosine;
    case Row::EffectiveSigma:
      return w->effectiveSigma;
    case Row::ErrorBudget:
      return w->budget.total;
  }
  return notANumber;
}

QString CompareSet::text(Row row, std::size_t column) const {
  const double number = value(row, column);
  return row == Row::Clipped || row == Row::ScaledUp ? percent(number) : shortNumber(number, 3);
}

bool CompareSet::competes(std::size_t column) const {
  return numbers(column) && columns[column].strategy != "none";
}

bool CompareSet::isComparable() const {
  double sigma = notANumber;
  for (std::size_t k = 0; k < m_numbers.size(); ++k) {
    if (!competes(k)) continue;
    const double own = m_numbers[k]->effectiveSigma;
    if (std::isnan(sigma)) sigma = own;
    if (!(std::abs(own - sigma) <= 1e-6 * sigma)) return false;
  }
  return true;
}

bool CompareSet::isBest(Row row, std::size_t column) const {
  const int sense = about(row).best;
  if (sense == 0 || !isComparable()) return false;
  const auto takesPart = [&](std::size_t k) {
    // A rule that scales up retains more than there was: that is no merit.
    const bool scalesUp = row == Row::Retained && numbers(k) && numbers(k)->aboveOneFraction > 0;
    return competes(k) && !scalesUp && std::isfinite(value(row, k));
  };
  if (!takesPart(column)) return false;
  bool better = false;
  for (std::size_t k = 0; k < m_numbers.size(); ++k) {
    if (k == column || !takesPart(k) || text(row, k) == text(row, column)) continue;
    if (sense * (value(row, k) - value(row, column)) > 0) return false;
    better = true;
  }
  return better;
}

QString CompareSet::name(Row row) { return tr(about(row).name); }
QString CompareSet::explanation(Row row) { return tr(about(row).explanation); }
QString CompareSet::words(Row row, std::size_t column) const {
  const WhatIfNumbers* n = numbers(column);
  if (!n) return explanation(row);
  const auto shown = [](double value) { return shortNumber(value, 4); };
  const auto ratio = [&](double over, double under, double result) {
    return tr("%1 / %2 = %3").arg(shown(over), shown(under), shown(result));
  };
  const SumNumbers& t = n->total;
  QString values = shown(value(row, column)), source;
  switch (row) {
    case Row::Clipped:
    case Row::ScaledUp: {
      const Index count = n->factors.examples();
      const double share = value(row, column);
      values = tr("%1 / %2 = %3")
                   .arg(std::isnan(share)
                            ? QStringLiteral("–")
                            : QString::number(std::llround(share * static_cast<double>(count))))
                   .arg(count)
                   .arg(percent(share));
      source = row == Row::Clipped ? tr("Abadi et al. 2016, arXiv:1607.00133")
                                   : tr("Bu et al. 2022, arXiv:2206.07136 (AUTO-S)");
      break;
    }
    case Row::Retained: {
      double before = 0, after = 0;
      for (Index i = 0; i < n->factors.examples(); ++i) {
        const double clipped = n->factors.clippedNorm(i), factor = n->factors.overallFactor(i);
        if (!n->factors.finite(i) || !(factor > 0)) continue;
        after += clipped;
        before += clipped / factor;
      }
      values = ratio(after, before, t.retainedNorm);
      break;
    }
    case Row::Bias:
      values = tr("%1, ‖Σg‖ = %2").arg(shown(t.biasRatio), shown(t.unclipped));
      source = tr("Chen, Wu, Hong 2020, arXiv:2006.15429");
      break;
    case Row::Cosine:
    case Row::BiasScaleFree:
      values = tr("cosine %1, √(1 − cos²) = %2").arg(shown(t.biasCosine), shown(t.biasScaleFree));
      source = tr("Chen, Wu, Hong 2020, arXiv:2006.15429");
      break;
    case Row::Signal:
      values = tr("%1, unclipped ‖Σg‖ = %2").arg(shown(t.signal), shown(t.unclipped));
      break;
    case Row::NoiseExpected:
    case Row::NoiseRealised:
      values = tr("expected %1, drawn %2").arg(shown(t.noiseExpected), shown(t.noiseRealised));
      source = tr("the Gaussian mechanism: z ~ N(0, s_k²) in each of d_k coordinates");
      break;
    case Row::Snr:
      values = ratio(t.signal, t.noiseExpected, t.snr);
      break;
    case Row::SnrRealised:
      values = ratio(t.signal, t.noiseRealised, t.snrRealised);
      break;
    case Row::PrivateCosine:
      values = tr("%1, random ±%2").arg(shown(n->privateCosine), shown(n->randomCosine));
      break;
    case Row::EffectiveSigma: {
      QStringList parts;
      for (const GroupNumbers& group : n->groups)
        if (parts.size() < 3)
          parts << tr("(%1/%2)²").arg(shown(group.threshold), shown(group.noiseStd));
      if (n->groups.size() > 3) parts << QStringLiteral("…");
      values =
          tr("(%1)^(−1/2) = %2").arg(parts.join(QStringLiteral(" + ")), shown(n->effectiveSigma));
      source = tr("(Σ C_k²/s_k²)^(−1/2): McMahan et al. 2018, arXiv:1812.06210");
      break;
    }
    case Row::ErrorBudget:
      values = tr("%1 + %2 + %3 = %4")
                   .arg(shown(n->budget.biasSquared), shown(n->budget.noiseVariance),
                        shown(n->budget.samplingVariance), shown(value(row, column)));
      source = tr("of the mean gradient; DC-SGD, arXiv:2503.22988");
      break;
  }
  QString text =
      explanation(row) + QStringLiteral("\n%1: = %2").arg(longName(columns[column]), values);
  if (n->fromSubset) text += tr("\nestimated from a part of the batch");
  return source.isEmpty() ? text : text + QLatin1Char('\n') + source;
}

const char* CompareSet::key(Row row) { return about(row).key; }

}  // namespace clipscope
