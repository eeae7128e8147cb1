// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/gemm.h"

#include <dnnl.h>

#include <atomic>

#include "engine/error.h"
#include "engine/tensor/parallel.h"

namespace clipscope {

namespace {

/// A product is cut along its longer side into parts of 128 to 256 rows or columns, an even number
/// of them, on whole cache lines. The parts follow from the shape alone, so that the bits do not
/// depend on the threads; and oneDNN's own sharing out is slower on blocks of few examples.
Index partsOf(Index side) { return side < 256 ? 1 : side / 256 * 2; }

Index beginOf(Index part, Index parts, Index side) {
  return part == parts ? side : side * part / parts / 16 * 16;
}

}  // namespace

void gemm(bool transposeA, bool transposeB, Index m, Index n, Index k, float alpha, const float* a,
          Index lda, const float* b, Index ldb, float beta, float* c, Index ldc) {
  const char opA = transposeA ? 'T' : 'N', opB = transposeB ? 'T' : 'N';
  const bool columns = n >= m;
  const Index side = columns ? n : m;
  const Index parts = partsOf(side);
  std::atomic<int> status{dnnl_success};
  const auto product = [&](Index from, Index to) {
    const Index row = columns ? 0 : from, column = columns ? from : 0;
    const dnnl_status_t done =
        dnnl_sgemm(opA, opB, columns ? m : to - from, columns ? to - from : n, k, alpha,
                   a + row * (transposeA ? 1 : lda), lda, b + column * (transposeB ? ldb : 1), ldb,
                   beta, c + row * ldc + column, ldc);
    if (done != dnnl_success) status = done;
  };
  if (parts == 1)
    product(0, side);
  else
    parallelRanges(parts, m * n * k / 8, [&](Index first, Index last) {
      for (Index part = first; part < last; ++part)
        product(beginOf(part, parts, side), beginOf(part + 1, parts, side));
    });
  if (status != dnnl_success)
    throw Error("matrix product " + std::to_string(m) + "×" + std::to_string(k) + "×" +
                std::to_string(n) + ": oneDNN refused it with status " + std::to_string(status));
}

}  // namespace clipscope
