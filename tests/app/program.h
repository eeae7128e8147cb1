// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QProcess>
#include <QStringList>

#include "tests/support/files.h"

namespace clipscope::test {

/// What the program said, and its exit code; −1 for one that crashed.
struct Result {
  int code = -1;
  QString out, err;
};

inline QProcessEnvironment withoutDisplay() {
  QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
  for (const char* name : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
    environment.remove(QString::fromLatin1(name));
  return environment;
}

/// Runs the program in a folder without a display.
inline Result call(const QStringList& arguments, const Folder& folder) {
  QProcess process;
  process.setProcessEnvironment(withoutDisplay());
  process.setWorkingDirectory(QString::fromStdString(folder.path().string()));
  process.start(QStringLiteral(CLIPSCOPE_PROGRAM), arguments);
  if (!process.waitForFinished(120000)) return {};
  return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1,
          QString::fromUtf8(process.readAllStandardOutput()),
          QString::fromUtf8(process.readAllStandardError())};
}

/// A fast run: few digits, a small network.
inline QStringList quick(QStringList more) {
  return QStringList{"run", "--model",      "logistic", "--digits",
                     "200", "--batch-size", "20",       "--no-plots"} +
         more;
}

}  // namespace clipscope::test
