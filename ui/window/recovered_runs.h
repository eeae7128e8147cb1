// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDateTime>
#include <QString>
#include <vector>

namespace clipscope {

/// A run that nobody named, found in the recovery folder.
struct RecoveredRun {
  QString path;
  QDateTime when;        ///< of its last writing
  bool crashed = false;  ///< its program ended without closing it
  QString text;          ///< "MNIST t10k · mnist-cnn · 1,204 steps · loss 0.31"
};

/// The runs in a folder that no program has open, the newest first. What cannot be read as a
/// recording is left out.
std::vector<RecoveredRun> recoveredRuns(const QString& folder);

/// Removes the oldest of them: beyond `most`, or beyond so many bytes in total.
void thinRecoveredRuns(const QString& folder, int most = 20, qint64 bytes = qint64{4} << 30);

/// Where this user's unnamed runs are kept.
QString recoveryFolder();

}  // namespace clipscope
