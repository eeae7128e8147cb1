// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <functional>

class QCPItemStraightLine;
class QCPItemText;

namespace clipscope {

class Plot;

/// A threshold on a plot's x axis that can be moved: a line with a tag at its top. The line and the
/// tag are dragged with the mouse; with the focus on the tag, ← and → move it by a twentieth, with
/// Shift by a two-hundredth, Return accepts and Esc goes back. The line and the tag belong to the
/// plot (and to its pictures); this widget is the tag's place, for the focus and the mouse.
class ThresholdHandle : public QWidget {
  Q_OBJECT

 public:
  ThresholdHandle(Plot* plot, const QString& accessibleName);

  /// From the axis's coordinate to the value, and back; identity until set.
  void setMapping(std::function<double(double)> value, std::function<double(double)> position);
  /// Shows the threshold; the tag says `text`. Dashed: a length that nothing is held to by itself.
  void setValue(double value, const QString& text, bool dashed = false);
  void setShown(bool shown);
  double value() const { return m_value; }
  bool isDragging() const { return m_dragging; }
  /// Whether Esc has something to go back from: else it is left to others.
  void setReversible(bool reversible) { m_reversible = reversible; }
  /// After a change of theme.
  void recolour();
  /// Where the line is, in pixels of the plot.
  double linePixel() const;

 signals:
  void moved(double value);
  /// The mouse let go.
  void released();
  void accepted();
  void reversed();

 protected:
  bool event(QEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void paintEvent(QPaintEvent* event) override;

 private:
  void place();
  void begin(double pixel);
  void moveTo(double pixel);
  void end();
  bool isOnLine(QPointF pixel) const;

  Plot* m_plot;
  QCPItemStraightLine* m_line;
  QCPItemText* m_tag;
  std::function<double(double)> m_toValue, m_toPosition;
  double m_value = 1;
  double m_grip = 0;  ///< from the line to where it was taken, in pixels
  bool m_shown = false;
  bool m_dashed = false;
  bool m_dragging = false;
  bool m_reversible = false;
};

}  // namespace clipscope
