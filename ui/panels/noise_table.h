// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// Signal beside noise: the whole gradient first, then every tensor.
struct NoiseTable {
  struct Row {
    std::string name;              ///< "" for the whole gradient
    std::string group;             ///< the tensor's clipping group
    Index size = 0;                ///< d_p
    double signal = 0;             ///< ‖s_p‖
    double std = 0;                ///< s_k; root mean square over coordinates for the whole
    double expected = 0;           ///< s_k √d_p
    double realised = notANumber;  ///< ‖z_p‖; NaN before phase Noise
    /// ‖s_p‖ over the expected noise: ∞ without noise, NaN where both are 0.
    double snr = notANumber;
    double snrRealised = notANumber;  ///< over ‖z_p‖; NaN before phase Noise
  };
  std::vector<Row> rows;
  bool drawn = false;    ///< the record has phase Noise
  bool grouped = false;  ///< several groups, each with its s_k
  bool silent = false;   ///< σ = 0

  /// The smallest and largest positive number that a logarithmic axis must reach; 0.1 and 1 where
  /// there is none. What is more than six decades below the largest is left out.
  double low = 0.1, high = 1;
};

/// Needs phase Clip.
NoiseTable makeNoiseTable(const StepRecord& record);

}  // namespace clipscope
