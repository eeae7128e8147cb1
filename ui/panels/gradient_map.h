// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QWidget>
#include <memory>

#include "ui/panels/tensor_cells.h"
#include "ui/worker/example_view.h"

namespace clipscope {

/// One tensor's gradient of one example as a heat map, before and after clipping on one scale:
/// what clipping leaves is as faint as it is small.
class GradientMap : public QWidget {
  Q_OBJECT

 public:
  explicit GradientMap(QWidget* parent = nullptr);

  /// `factor`: f_k of the tensor's group; NaN before phase Clip, when there is no "after" yet.
  void show(std::shared_ptr<const ExampleView> view, Index tensor, double factor);
  using QWidget::show;
  /// No gradient: says why in its place.
  void showNothing(const QString& why);

  bool isEmpty() const { return !m_view; }
  /// The tensor's values as shown, and after clipping, f·g; a dropped example's are 0.
  std::span<const double> before() const;
  double after(Index position) const;
  /// The end of the colour scale, max |g| of the tensor before clipping.
  double scale() const { return m_scale; }
  /// The picture itself, a pixel a cell (or fewer), as painted.
  QImage picture(bool afterClipping, QSize most) const;
  bool hasHeightForWidth() const override { return true; }
  int heightForWidth(int width) const override;
  QSize sizeHint() const override { return {246, heightForWidth(246)}; }

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  bool event(QEvent* event) override;

 private:
  struct Layout {
    QRectF before, after, legend;
  };
  Layout layout(int width) const;
  void fitHeight();
  void drawScale(QPainter& painter, const QRectF& place) const;

  std::shared_ptr<const ExampleView> m_view;
  QString m_why;
  Index m_tensor = 0;
  double m_factor = 0, m_scale = 0;
  TensorCells m_cells;
};

}  // namespace clipscope
