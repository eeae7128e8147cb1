// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace clipscope {

/// What a random draw is for. Two draws with different purposes never share a stream.
enum class DrawPurpose : std::uint8_t {
  Initialise = 1,
  Sample = 2,
  Noise = 3,
  Dropout = 4,
  Data = 5,
  Diagnose = 6,
  Split = 7,
  Count = 8,    ///< noise on an adaptive threshold's counts
  Shuffle = 9,  ///< the order of an epoch; `step` is the epoch
  Test = 15,
};

/// Names one random stream: every draw of the engine is a pure function of (seed, purpose, step,
/// block, position), so that any step can be replayed alone and no draw depends on the threads.
/// philox.h says how it is laid out over Philox's counter and key.
struct DrawKey {
  std::uint64_t seed = 0;
  DrawPurpose purpose = DrawPurpose::Test;
  std::uint64_t step = 0;   ///< below 2^32
  std::uint32_t block = 0;  ///< a block, a parameter tensor, an example: below 2^24

  friend bool operator==(const DrawKey&, const DrawKey&) = default;
};

}  // namespace clipscope
