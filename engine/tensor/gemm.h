// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// C = alpha·op(A)·op(B) + beta·C, row-major, single precision, through oneDNN: op(A) is m×k,
/// op(B) k×n, C m×n; lda, ldb, ldc are row strides of the stored matrices. Inside a parallel region
/// it runs on the calling thread alone; outside it uses the pool.
void gemm(bool transposeA, bool transposeB, Index m, Index n, Index k, float alpha, const float* a,
          Index lda, const float* b, Index ldb, float beta, float* c, Index ldc);

}  // namespace clipscope
