// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/history_chart.h"

#include <QCoreApplication>

namespace clipscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("HistoryChart", text); }

QColor accent(const Theme& t) { return t.accent; }
QColor good(const Theme& t) { return t.good; }
QColor before(const Theme& t) { return t.before; }
QColor threshold(const Theme& t) { return t.threshold; }
QColor median(const Theme& t) { return t.dark ? t.before.lighter(125) : t.before.darker(140); }
QColor first(const Theme& t) { return t.category(0); }
QColor third(const Theme& t) { return t.category(3); }

}  // namespace

const std::vector<HistoryChart>& historyCharts() {
  using Kind = HistorySeries::Kind;
  using S = StepSummary;
  static const std::vector<HistoryChart> charts{
      {QStringLiteral("loss"),
       tr("loss"),
       {{tr("batch"), &S::loss, accent}, {tr("test"), &S::testLoss, first, Kind::Points}},
       false,
       false,
       true,
       &S::loss},
      {QStringLiteral("accuracy"),
       tr("test accuracy"),
       {{tr("test accuracy"), &S::testAccuracy, good, Kind::Points}},
       true,
       false,
       true,
       &S::testAccuracy},
      {QStringLiteral("epsilon"),
       tr("ε so far"),
       {{tr("ε"), &S::epsilon, threshold},
        {tr("not valid"), &S::epsilonNotValid, before, Kind::Pieces}},
       false,
       false,
       true,
       &S::epsilon},
      {QStringLiteral("clipped"),
       tr("clipped fraction"),
       {{tr("clipped"), &S::clippedFraction, accent}},
       true,
       false,
       false,
       &S::clippedFraction},
      {QStringLiteral("threshold"),
       tr("clipping norm C"),
       {{tr("suggested"), &S::suggestedThreshold, third, Kind::Dashed},
        {tr("C"), &S::maxGradNorm, threshold}},
       false,
       false,
       false,
       &S::maxGradNorm},
      {QStringLiteral("snr"),
       tr("SNR ‖s‖/‖z‖"),
       {{tr("drawn"), &S::snrRealised, third}, {tr("expected"), &S::snr, accent}},
       false,
       false,
       false,
       &S::snr},
      {QStringLiteral("norms"),
       tr("norms ‖g‖₂"),
       {{tr("5 %"), &S::q05, before, Kind::Wide},
        {tr("95 %"), &S::q95, before, Kind::Wide},
        {tr("25 %"), &S::q25, before, Kind::Narrow},
        {tr("75 %"), &S::q75, before, Kind::Narrow},
        {tr("median"), &S::q50, median},
        {tr("C"), &S::maxGradNorm, threshold}},
       false,
       true,
       true,
       &S::q50}};
  return charts;
}

}  // namespace clipscope
