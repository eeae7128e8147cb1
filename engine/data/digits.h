// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "engine/data/dataset.h"

namespace clipscope {

/// The data that a first start has: 28×28 digits drawn from strokes, so that the program shows a
/// real training with nothing to download.
struct DigitsSettings {
  Index count = 10000;  ///< 20 … 1,000,000
  std::uint64_t seed = 1;
  double difficulty = 0.4;    ///< 0 … 1: how far strokes bend, turn and fade
  double labelNoise = 0.005;  ///< share with a wrong label, 0 … 0.5
  double outliers = 0.01;     ///< share that is hardly a digit, 0 … 0.5

  friend bool operator==(const DigitsSettings&, const DigitsSettings&) = default;
};

/// Draws the digits. Example i depends on (seed, i) and the settings alone, not on the count; its
/// class is i mod 10 before label noise. Each has a style of its class, a random affine map, a
/// smooth elastic distortion, a stroke width, a brightness and pixel noise. Outliers are two digits
/// on one another, a digit bent and turned beyond reading, or noise. Throws SettingError beginning
/// "data.digits.".
Dataset::Content generateDigits(const DigitsSettings& settings);

}  // namespace clipscope
