// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>

#include "ui/window/recovered_runs.h"

class QCheckBox;
class QLabel;
class QVBoxLayout;

namespace clipscope {

/// A card over the window: runs that were not saved, recent files, and the default run, which is
/// open behind it. Esc, or a choice, closes it.
class StartPage : public QFrame {
  Q_OBJECT

 public:
  explicit StartPage(QWidget* window);

  /// Shows what there is in the middle of the window.
  void open(const std::vector<RecoveredRun>& runs, const QStringList& recent);
  /// Whether it comes by itself at the start.
  static bool isWanted();

 signals:
  void pathChosen(const QString& path);
  void openRequested();
  void removeRequested(const QString& path);
  void defaultRequested();

 protected:
  bool event(QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void addHeading(const QString& text);
  void addEntry(const QString& title, const QString& detail, const QString& path,
                const QString& removeTip);
  void place();

  QWidget* m_window;
  QVBoxLayout* m_entries;
};

}  // namespace clipscope
