// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>

#include "ui/theme.h"

namespace clipscope {

/// A branch has one colour in the list and in every plot. The first category means the test set in
/// History, and is left out.
inline QColor branchColour(int number) { return Theme::current().category(1 + number % 4); }

}  // namespace clipscope
