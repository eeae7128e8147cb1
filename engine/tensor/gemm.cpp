// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/gemm.h"

#include <dnnl.h>

#include "engine/error.h"

namespace clipscope {

void gemm(bool transposeA, bool transposeB, Index m, Index n, Index k, float alpha, const float* a,
          Index lda, const float* b, Index ldb, float beta, float* c, Index ldc) {
  const dnnl_status_t status = dnnl_sgemm(transposeA ? 'T' : 'N', transposeB ? 'T' : 'N', m, n, k,
                                          alpha, a, lda, b, ldb, beta, c, ldc);
  if (status != dnnl_success)
    throw Error("matrix product " + std::to_string(m) + "×" + std::to_string(k) + "×" +
                std::to_string(n) + ": oneDNN refused it with status " + std::to_string(status));
}

}  // namespace clipscope
