// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace clipscope {

/// Numbers for the screen: '.' for the point whatever the locale, '–' for what has no meaning
/// (NaN), '∞' for infinity.

/// Four significant digits: 0.01234, 12.34, 1234, 1.234e-05.
QString shortNumber(double value, int digits = 4);
/// 0.677 → "67.7 %".
QString percent(double share);
/// 26010 → "26,010".
QString grouped(qint64 value);

}  // namespace clipscope
