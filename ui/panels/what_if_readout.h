// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QLabel;
class QMenu;
class QPushButton;

namespace clipscope {

class WhatIfState;

/// What the thresholds that are being tried would do, in a line, and the buttons that use them or
/// go back. Hidden while nothing is tried.
class WhatIfReadout : public QWidget {
  Q_OBJECT

 public:
  explicit WhatIfReadout(WhatIfState* state, QWidget* parent = nullptr);

  QString text() const;
  QPushButton* useButton() const { return m_use; }

 private:
  void showNumbers();

  WhatIfState* m_state;
  QLabel* m_text;
  QPushButton *m_use, *m_back;
};

/// "What if C = 2.31", or "From the next step on, C = 2.31" once it is set.
QString whatIfTitle(const WhatIfState& state);

/// "clipped 41.0 % · retained 0.62 · bias 0.31 · SNR 0.12 · error 3.1e-4": '–' for what needs the
/// Gram matrices while there are none.
QString whatIfLine(const WhatIfState& state);

/// Entries that use what is tried, go back, and try the suggested thresholds.
void addWhatIfActions(QMenu& menu, WhatIfState* state);

}  // namespace clipscope
