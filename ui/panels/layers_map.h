// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QWidget>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

class Selection;

/// The picture of the Layers panel: a heat map, tensors down and examples across (largest norm
/// left), and beside it each tensor's mean share of the squared norm as a bar.
class LayersMap : public QWidget {
  Q_OBJECT

 public:
  enum class Quantity { Share, Norm };

  explicit LayersMap(Selection* selection, QWidget* parent = nullptr);

  void setRecord(std::shared_ptr<const StepRecord> record);
  void setQuantity(Quantity quantity);
  void setAfterClipping(bool after);
  /// One of several: the map alone, without the bars beside it and the words below.
  void setCompact(bool compact);
  /// Log₁₀ of the norms at the ends of the colours, for several maps on one scale; nothing: those
  /// of the record shown.
  void setScale(std::optional<std::pair<double, double>> scale);
  /// The ends that the record shown has by itself.
  std::pair<double, double> ownScale() const;
  Quantity quantity() const { return m_quantity; }
  bool afterClipping() const { return m_after; }

  /// What cell (tensor, column) shows; NaN for an example that is not finite.
  double value(Index tensor, Index column) const;
  /// Batch row of a column.
  Index rowOf(Index column) const { return m_order[static_cast<std::size_t>(column)]; }
  Index columns() const { return static_cast<Index>(m_order.size()); }

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  bool event(QEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  struct Layout {
    QRectF map, bars;
    double row = 0;
    int labelEvery = 1;
    bool grouped = false;
  };
  Layout layout() const;
  void rebuild();
  Index columnAt(double x) const;
  /// −1 beside the map.
  Index tensorAt(double y) const;
  QString label(std::size_t tensor, int width) const;
  void drawScale(QPainter& painter, const QRectF& foot, const QString& low,
                 const QString& high) const;
  void drawBars(QPainter& painter, const Layout& l) const;
  void drawSelection(QPainter& painter, const Layout& l) const;
  void drawFocus(QPainter& painter, const Layout& l) const;

  Selection* m_selection;
  std::shared_ptr<const StepRecord> m_record;
  std::vector<Index> m_order;
  Quantity m_quantity = Quantity::Share;
  bool m_after = false;
  bool m_compact = false;
  std::optional<std::pair<double, double>> m_scale;
  double m_low = 0, m_high = 1;  ///< the colour scale: shares, or log₁₀ of norms
  QImage m_image;
};

}  // namespace clipscope
