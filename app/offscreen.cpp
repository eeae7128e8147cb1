// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/offscreen.h"

#include <QString>
#include <QtGlobal>
#include <iostream>

namespace clipscope {

namespace {

void report(QtMsgType type, const QMessageLogContext&, const QString& message) {
  // Of no use to someone who asked for a picture.
  if (message.startsWith(QLatin1String("This plugin does not support")) ||
      message.startsWith(QLatin1String("QStandardPaths: XDG_RUNTIME_DIR not set")))
    return;
  if (type == QtDebugMsg || type == QtInfoMsg) return;
  std::cerr << message.toStdString() << "\n";
}

}  // namespace

void drawOffscreen() {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  qInstallMessageHandler(report);
}

}  // namespace clipscope
