// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

namespace clipscope {

class Panel;

/// Writes the panel's picture (.png, two pixels to one of the screen's) or data (.csv), whole or
/// not at all. Throws FileError.
void exportPanel(const Panel& panel, const QString& path);

/// The picture's bytes.
QByteArray panelPng(const Panel& panel);

}  // namespace clipscope
