// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QLabel;
class QSlider;

namespace clipscope {

class WhatIfState;

/// The slider under "Clipping norm C": logarithmic over the batch's norms, with the suggested C as
/// a link beside it. While it is dragged the numbers of the panels follow; let go, it sets C.
class ClipSlider : public QWidget {
  Q_OBJECT

 public:
  explicit ClipSlider(QWidget* parent = nullptr);

  void setState(WhatIfState* state);
  QSlider* slider() const { return m_slider; }
  QLabel* suggestion() const { return m_link; }

 private:
  void refresh();
  void moveTo(int position);
  double valueAt(int position) const;

  WhatIfState* m_state = nullptr;
  QLabel* m_link;
  QSlider* m_slider;
  double m_low = 0.1, m_high = 10;
  bool m_moved = false;  ///< by a drag that is not over
};

}  // namespace clipscope
