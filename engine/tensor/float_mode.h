// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace clipscope {

/// What the calling thread's arithmetic does with denormals, numbers so small that processors take
/// up to a hundred times as long for them. On other processors than x86 there is one mode.
class FloatMode {
 public:
  static FloatMode current() {
#if defined(__SSE__)
    return FloatMode(_mm_getcsr());
#else
    return FloatMode(0);
#endif
  }
  /// This mode, with denormals read and written as 0.
  FloatMode flushing() const { return FloatMode(m_bits | flushToZero | denormalsAreZero); }
  bool flushes() const { return (m_bits & flushToZero) != 0 && (m_bits & denormalsAreZero) != 0; }
  void use() const {
#if defined(__SSE__)
    _mm_setcsr(m_bits);
#endif
  }

  friend bool operator==(const FloatMode&, const FloatMode&) = default;

 private:
  explicit FloatMode(unsigned bits) : m_bits(bits) {}
  static constexpr unsigned flushToZero = 0x8000, denormalsAreZero = 0x0040;
  unsigned m_bits;
};

/// Gives the calling thread a mode while it lives, and then the one it had.
class FloatModeScope {
 public:
  explicit FloatModeScope(FloatMode mode) : m_before(FloatMode::current()) { mode.use(); }
  ~FloatModeScope() { m_before.use(); }
  FloatModeScope(const FloatModeScope&) = delete;
  FloatModeScope& operator=(const FloatModeScope&) = delete;

 private:
  FloatMode m_before;
};

/// Denormals are 0 while it lives: in the model's passes, the noise and the update. The pool's
/// threads take over the mode of whoever calls them (parallelRanges).
class FlushedDenormals : public FloatModeScope {
 public:
  FlushedDenormals() : FloatModeScope(FloatMode::current().flushing()) {}
};

}  // namespace clipscope
