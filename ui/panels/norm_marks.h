// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>
#include <QPointF>
#include <optional>

#include "ui/panels/norm_histogram.h"

class QCPItemStraightLine;
class QCPItemText;

namespace clipscope {

class Plot;

/// The marks over a histogram of norms: median, the other quantiles when asked for, and the
/// suggested thresholds, whose labels can be clicked.
class NormMarks {
 public:
  explicit NormMarks(Plot* plot);

  /// Quantile lines and labels; all five, or the median alone. `threshold` is where the threshold
  /// stands, NaN for none: labels keep clear of it.
  void showQuantiles(const NormHistogram& histogram, bool all, double threshold);
  /// NaN hides a suggestion.
  void showSuggestions(const NormHistogram& histogram, double bound, double exact);
  /// The suggested threshold whose label is at a pixel.
  std::optional<double> suggestionAt(QPointF pixel) const;
  void recolour();

 private:
  struct Suggestion {
    QCPItemStraightLine* line;
    QCPItemText* text;
    double value = 0;
  };

  Plot* m_plot;
  QList<QCPItemStraightLine*> m_lines;
  QList<QCPItemText*> m_texts;
  QList<Suggestion> m_suggestions;  ///< bound, exact
};

}  // namespace clipscope
