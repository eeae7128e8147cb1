// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace clipscope {

/// Marks the upper halves of the calling thread's vector registers as unused. Code of the
/// processor's oldest vector set, which is most of a generic build, takes several times as long
/// while they are marked as used, by whatever library was there before; a thread that is made
/// inherits the mark from its maker. Costs a cycle or two.
inline void cleanVectorState() {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool hasUpperHalves = __builtin_cpu_supports("avx");
  if (hasUpperHalves)
    asm volatile("vzeroupper" ::
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
#endif
}

}  // namespace clipscope
