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
  window.controller()->openFirst(open ? QString::fromStdString(open->string()) : QString());
  return QApplication::exec();
}

}  // namespace clipscope
