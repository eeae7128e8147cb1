// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "engine/tensor/shape.h"

class QComboBox;
class QLabel;
class QSlider;

namespace clipscope {

class WhatIfState;

/// The clipping norm C, logarithmic over the batch's norms, or with several groups one of their
/// C_k, which is chosen beside it. While it is dragged the numbers of all panels follow.
class ClipSlider : public QWidget {
  Q_OBJECT

 public:
  enum class Release {
    Sets,   ///< let go, it becomes the setting; the suggested C stands beside it as a link
    Tries,  ///< let go, it goes on being tried, and its value stands beside it
  };

  explicit ClipSlider(Release release, QWidget* parent = nullptr);

  void setState(WhatIfState* state);
  QSlider* slider() const { return m_slider; }
  /// Shown where there are several groups: C, or a group's name.
  QComboBox* choice() const { return m_choice; }
  QLabel* suggestion() const { return m_label; }

 private:
  void refresh();
  void fillChoice();
  void showLabel();
  void moveTo(int position);
  double valueAt(int position) const;
  Index group() const;  ///< −1: all of them, C
  double threshold() const;

  Release m_release;
  WhatIfState* m_state = nullptr;
  QComboBox* m_choice;
  QLabel* m_label;
  QSlider* m_slider;
  double m_low = 0.1, m_high = 10;
  bool m_moved = false;  ///< by a drag that is not over
};

}  // namespace clipscope
