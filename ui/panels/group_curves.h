// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QPointF>
#include <QString>
#include <vector>

#include "ui/panels/factor_histogram.h"

class QCPGraph;
class QCPItemText;

namespace clipscope {

class Plot;

/// The cumulative curves of every group's clip factors in one plot, each with its name at the right
/// in its own colour. Colours repeat after five; the dashes then differ.
class GroupCurves {
 public:
  explicit GroupCurves(Plot* plot) : m_plot(plot) {}

  void show(const StepRecord& record, bool logarithmic);
  void hide();
  void recolour();
  /// Brings the names to the curves' heights, apart from one another; after the axes have changed.
  void placeLabels();
  /// Room that the names need at the right.
  int labelWidth() const;

  const std::vector<FactorHistogram>& groups() const { return m_groups; }
  /// The group whose curve is nearest to a place, within `pixels`; −1 for none.
  int nearest(QPointF coordinates, double pixels) const;

 private:
  double heightOf(const FactorHistogram& h) const;

  Plot* m_plot;
  std::vector<FactorHistogram> m_groups;
  std::vector<QString> m_names;
  QList<QCPGraph*> m_curves;
  QList<QCPItemText*> m_labels;
};

}  // namespace clipscope
