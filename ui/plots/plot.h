// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <qcustomplot.h>

#include <functional>

namespace clipscope {

/// A QCustomPlot with this program's look and habits: colours from the Theme (and again when it
/// changes), a faint grid and no box; the wheel zooms at the cursor, or one axis when over it;
/// dragging pans; Shift+drag zooms to a rectangle, Ctrl+drag selects one; double click and Home
/// fit; arrows pan, + and − zoom. Hovering shows what `hoverText` says. Replots are queued.
class Plot : public QCustomPlot {
  Q_OBJECT

 public:
  explicit Plot(const QString& accessibleName, QWidget* parent = nullptr);

  /// Called to bring both axes to the data; by fit() and, until the user zooms, by refit().
  void setFit(std::function<void()> fit) { m_fit = std::move(fit); }
  /// Text for a point in axis coordinates; empty for none.
  void setHoverText(std::function<QString(QPointF)> text) { m_hoverText = std::move(text); }
  /// Colours of what a panel has added to the plot; called after the axes got theirs.
  void setRecolour(std::function<void()> recolour) { m_recolour = std::move(recolour); }

  void fit();
  /// fit(), unless the user has zoomed or panned since.
  void refit();
  void queueReplot() { replot(QCustomPlot::rpQueuedReplot); }
  QPointF coordinates(QPointF pixel) const;

 signals:
  /// A plain click, and with Ctrl.
  void clicked(QPointF coordinates, bool add);
  /// Ctrl+drag: a rectangle in axis coordinates.
  void rectangleSelected(QRectF coordinates);
  /// Shift+← and Shift+→: to the next thing that a click would select, −1 or 1.
  void walked(int direction);

 protected:
  void changeEvent(QEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void applyTheme();

  std::function<void()> m_fit, m_recolour;
  std::function<QString(QPointF)> m_hoverText;
  QPointF m_pressed;
  bool m_userRange = false;
};

/// Ticks of an axis that shows log₁₀ of its values: powers of ten, and 2 and 5 between them where
/// there is room. Positions at or below `zeroAt` stand for the value 0.
class PowerTicker : public QCPAxisTicker {
 public:
  void setZeroAt(double position) { m_zeroAt = position; }

 protected:
  QVector<double> createTickVector(double tickStep, const QCPRange& range) override;
  QString getTickLabel(double tick, const QLocale& locale, QChar formatChar,
                       int precision) override;
  int getSubTickCount(double) override { return 0; }

 private:
  double m_zeroAt = -1e300;
};

}  // namespace clipscope
