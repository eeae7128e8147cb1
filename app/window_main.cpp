// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window_main.h"

#include <QApplication>
#include <QIcon>
#include <QSettings>

#include "ui/theme.h"
#include "ui/window/main_window.h"

namespace clipscope {

int runWindow(int argc, char** argv, const std::optional<std::filesystem::path>& open) {
  QApplication application(argc, argv);
  QCoreApplication::setOrganizationName(QStringLiteral("Clipscope"));
  QCoreApplication::setApplicationName(QStringLiteral("Clipscope"));
  QCoreApplication::setApplicationVersion(QStringLiteral(CLIPSCOPE_VERSION));
  QGuiApplication::setDesktopFileName(QStringLiteral("clipscope"));
  application.setWindowIcon(QIcon(QStringLiteral(":/icons/clipscope.svg")));
  applyTheme(application,
             static_cast<ThemeChoice>(QSettings().value(QStringLiteral("theme"), 0).toInt()));
  MainWindow window;
  window.show();
  // The default experiment comes first either way: a file that cannot be opened then leaves
  // something to look at behind its message.
  window.controller()->openExperiment(Experiment{});
  if (open) window.controller()->openPath(QString::fromStdString(open->string()));
  return QApplication::exec();
}

}  // namespace clipscope
