// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTextBrowser>

namespace clipscope {

/// F1: how to step, what the panels answer, and every key. Stays beside the window while one works.
class HelpWindow : public QTextBrowser {
  Q_OBJECT

 public:
  explicit HelpWindow(QWidget* parent);
  /// `keys`: pairs of an action's text and its key, of every menu.
  void showKeys(const QList<std::pair<QString, QString>>& keys);

 protected:
  void keyPressEvent(QKeyEvent* event) override;
};

}  // namespace clipscope
