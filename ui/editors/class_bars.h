// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// Class counts as bars, a row a class; a click, or the keyboard, picks a class, and once more lets
/// it go.
class ClassBars : public QWidget {
  Q_OBJECT

 public:
  explicit ClassBars(QWidget* parent = nullptr);

  void setCounts(const QStringList& names, const std::vector<Index>& counts);
  /// −1: none is picked.
  void setPicked(int label);
  int picked() const { return m_picked; }
  QRect rowRect(int label) const;
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override { return sizeHint(); }

 signals:
  /// −1 when the picked class is let go.
  void classPicked(int label);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void focusInEvent(QFocusEvent* event) override;
  bool event(QEvent* event) override;

 private:
  int rowHeight() const;
  void pick(int label);

  QStringList m_names;
  std::vector<Index> m_counts;
  int m_picked = -1;
};

}  // namespace clipscope
