// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window_main.h"

#include <QApplication>
#include <QIcon>
#include <QSettings>
#include <QTimer>

#include "ui/theme.h"
#include "ui/window/main_window.h"
#include "ui/window/recovered_runs.h"

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
  window.keepRunsIn(recoveryFolder());
  window.show();
  window.controller()->openFirst(open ? QString::fromStdString(open->string()) : QString());
  // After the first paint, and what was named on the command line needs no choice.
  if (!open) QTimer::singleShot(0, &window, [&window] { window.openStartPage(true); });
  return QApplication::exec();
}

}  // namespace clipscope
