// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "ui/panels/compare_set.h"
#include "ui/plots/plot.h"

namespace clipscope {

class Selection;
class ThresholdHandle;

/// The pictures of the comparison, of two of its columns: clip factor against factor, norm after
/// clipping against norm (a point an example, lit where it is selected), retained norm by tensor as
/// paired bars, and the norms before and after as histograms. Where x is a norm, the clipping norm
/// C stands on it and can be dragged.
class ComparePlot : public Plot {
  Q_OBJECT

 public:
  enum class View { Factors, Norms, Layers, Histogram };

  explicit ComparePlot(Selection* selection, QWidget* parent = nullptr);

  /// `x`, `y`: columns. The state's record is the one shown.
  void showView(View view, const CompareSet& set, const WhatIfState& state, std::size_t x,
                std::size_t y);
  void showSelection();
  View view() const { return m_view; }
  ThresholdHandle* handle() const { return m_handle; }
  /// A point's example and place, of the scatter views.
  struct Point {
    Index example;
    double x, y;
  };
  const std::vector<Point>& points() const { return m_points; }
  void setLogarithmicFactors(bool on) { m_logFactors = on; }
  bool logarithmicFactors() const { return m_logFactors; }
  /// Bars by tensor of the Layers view: column x, column y.
  const std::vector<std::pair<double, double>>& bars() const { return m_bars; }

 protected:
  void resizeEvent(QResizeEvent* event) override;

 private:
  void showPoints(const CompareSet& set, const WhatIfState& state);
  void showLayers(const CompareSet& set, const WhatIfState& state);
  void showHistogram(const CompareSet& set, const WhatIfState& state);
  void useScale(bool logarithmicX, bool logarithmicY);
  void labelAxes();
  void showThreshold(const WhatIfState& state);
  void fitView();
  void recolour();
  void select(QPointF at, bool add);
  void selectIn(QRectF rect);
  const Point* nearest(QPointF at, double pixels) const;
  QString hover(QPointF at) const;

  Selection* m_selection;
  View m_view = View::Factors;
  std::size_t m_x = 0, m_y = 1;
  QString m_nameX, m_nameY;
  bool m_logFactors = false;
  bool m_log = false;  ///< the scatter shows log₁₀
  std::vector<Point> m_points;
  std::vector<std::pair<double, double>> m_bars;
  std::vector<QString> m_tensors;
  struct Bin {
    Index before = 0, x = 0, y = 0;
    std::vector<Index> examples;
  };
  std::vector<Bin> m_bins;
  double m_low = 0, m_high = 1;
  QCPGraph *m_dots, *m_lit, *m_stepX, *m_stepY;
  QCPBars *m_barsX, *m_barsY, *m_before;
  QCPItemStraightLine* m_diagonal;
  ThresholdHandle* m_handle;
};

}  // namespace clipscope
