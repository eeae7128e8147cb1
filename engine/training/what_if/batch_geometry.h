// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "engine/training/step_record.h"
#include "engine/training/what_if/batch_gram.h"

namespace clipscope {

/// Directions of a batch's gradients, from their inner products alone. Everything private.
struct BatchGeometry {
  struct Point {
    double x = 0, y = 0;
  };

  std::vector<Index> rows;  ///< of the batch, one for each entry below; a part of a large batch
  /// cos(g_i, ḡ), ḡ = Σ g_i/n over the rows; NaN for a gradient that is 0 or not finite.
  std::vector<double> cosines;
  double privateCosine = notANumber;  ///< cos(s + z, ḡ), s = Σ f_i g_i, z the step's noise
  double clippedCosine = notANumber;  ///< cos(s, ḡ)
  double randomCosine = notANumber;   ///< 1/√d: the std of a random direction's
  /// The simple gradient noise scale tr Σ/‖G‖², both unbiased (McCandlish et al. 2018,
  /// arXiv:1812.06162, appendix A): batches below it are dominated by sampling. NaN where the
  /// estimate of ‖G‖² is not positive.
  double noiseScale = notANumber;

  // The two principal components of the g_i around ḡ, which lies at the origin.
  double explained[2] = {0, 0};      ///< share of the variance
  std::vector<Point> before, after;  ///< g_i, and f_i g_i
  Point clippedMean, noisyMean;      ///< s/n and (s + z)/n
  Point zero;                        ///< the gradient 0
};

/// Of a record whose phase Clip is done, and the matrices of its batch. Rows beyond `mostRows` are
/// left out evenly. O(rows²·tensors + rows³). An empty one for fewer than two rows. Throws
/// Cancelled on request.
BatchGeometry batchGeometry(const StepRecord& record, const BatchGram& gram,
                            std::stop_token stop = {}, Index mostRows = 384);

}  // namespace clipscope
