// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace clipscope {

class Panel;

/// Writes a panel's data (.csv) or its picture (.png, at twice the screen's size, which print needs),
/// by the name's ending. Written beside the place and renamed. Throws FileError.
void exportPanel(const Panel& panel, const QString& path);

}  // namespace clipscope
