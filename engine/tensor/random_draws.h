// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace clipscope {

/// Uniforms, integers and normals from a stream of 64 random bits at a time: `Stream` has bits().
template <class Stream>
class RandomDraws {
 public:
  /// Uniform in [0, 1) with 53 random bits.
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform integer in [0, bound), without modulo bias. bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    // Rejects the incomplete last interval, so that every value is equally likely.
    const std::uint64_t limit = ~std::uint64_t{0} - (~std::uint64_t{0} % bound + 1) % bound;
    std::uint64_t word = bits();
    while (word > limit) word = bits();
    return word % bound;
  }
  /// Standard normal (Box–Muller on two 53-bit uniforms, in double).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t bits() { return static_cast<Stream*>(this)->bits(); }
};

}  // namespace clipscope
