// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/recovered_runs.h"

#include <QDir>
#include <QFile>
#include <QObject>
#include <QStandardPaths>
#include <cmath>

#include "engine/error.h"
#include "engine/recording/recording_info.h"
#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

QFileInfoList recordings(const QString& folder) {
  return QDir(folder).entryInfoList({QStringLiteral("*.clipscope")}, QDir::Files, QDir::Time);
}

/// What lies beside a recording while it is open, or after its program was killed.
bool hasLog(const QString& path) { return QFile::exists(path + QStringLiteral("-wal")); }

QString textOf(const RecordingInfo& info) {
  const auto name = info.meta.find("data_name");
  QStringList parts;
  if (name != info.meta.end()) parts << QString::fromStdString(name->second);
  parts << (info.experiment.model.preset.empty()
                ? QObject::tr("own model")
                : QString::fromStdString(info.experiment.model.preset));
  parts << (info.steps == 1 ? QObject::tr("1 step")
                            : QObject::tr("%1 steps").arg(grouped(info.steps)));
  if (!std::isnan(info.loss)) parts << QObject::tr("loss %1").arg(shortNumber(info.loss, 3));
  return parts.join(QStringLiteral(" · "));
}

}  // namespace

std::vector<RecoveredRun> recoveredRuns(const QString& folder) {
  std::vector<RecoveredRun> runs;
  for (const QFileInfo& file : recordings(folder)) {
    try {
      RecoveredRun run;
      run.path = file.absoluteFilePath();
      run.when = file.lastModified();
      run.crashed = hasLog(run.path);
      const RecordingInfo info = readRecordingInfo(run.path.toStdString());
      if (info.isBeingWritten || info.steps == 0) continue;
      run.text = textOf(info);
      runs.push_back(std::move(run));
    } catch (const Error&) {
      // Not one that could be offered.
    }
  }
  return runs;
}

void thinRecoveredRuns(const QString& folder, int most, qint64 bytes) {
  int kept = 0;
  qint64 total = 0;
  for (const QFileInfo& file : recordings(folder)) {
    total += file.size();
    if (++kept <= most && total <= bytes) continue;
    try {
      if (readRecordingInfo(file.absoluteFilePath().toStdString()).isBeingWritten) continue;
    } catch (const Error&) {
      // Cannot be offered, and is in the way.
    }
    for (const char* suffix : {"", "-wal", "-shm", "-lock"})
      QFile::remove(file.absoluteFilePath() + QLatin1String(suffix));
  }
}

QString recoveryFolder() {
  return QStandardPaths::writableLocation(QStandardPaths::AppLocalDataLocation) +
         QStringLiteral("/recovery");
}

}  // namespace clipscope
