// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFontMetrics>
#include <QString>

namespace clipscope {

/// A tensor's name in at most `width` pixels: "conv1.weight", or "conv1.W", or "con…W".
QString tensorLabel(QString name, const QFontMetrics& metrics, int width);

}  // namespace clipscope
