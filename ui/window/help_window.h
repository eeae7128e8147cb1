// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTextBrowser>

#include "ui/window/step_tour.h"

namespace clipscope {

/// F1: the step at hand told in pictures, what the panels answer, and every key. Stays beside the
/// window while one works.
class HelpWindow : public QTextBrowser {
  Q_OBJECT

 public:
  explicit HelpWindow(QWidget* parent);
  /// `keys`: pairs of an action's text and its key, of every menu. No pages: nothing is open yet.
  void tell(const std::vector<TourPage>& pages, Index step,
            const QList<std::pair<QString, QString>>& keys);

 protected:
  void keyPressEvent(QKeyEvent* event) override;
};

}  // namespace clipscope
