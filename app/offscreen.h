// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace clipscope {

/// To be called before QApplication: draws without a display (QApplication otherwise ends the
/// program where there is none), and without what Qt's offscreen platform says of itself.
void drawOffscreen();

}  // namespace clipscope
