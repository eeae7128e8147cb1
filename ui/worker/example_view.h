// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "engine/training/batch_probe.h"
#include "engine/training/step_record.h"

namespace clipscope {

/// One example of a batch, looked at closely: what a step never keeps. Immutable.
struct ExampleView {
  Index example = -1;  ///< dataset index
  Index row = -1;      ///< in the batch
  Index step = 0;
  /// The batch it is of. A view belongs to a record that holds this very part: a step that was
  /// taken again, with other weights perhaps, has another.
  std::shared_ptr<const SamplePart> sample;
  GradientSet gradient;       ///< g_i in double, every trainable tensor, before clipping
  std::vector<double> norms;  ///< ‖g_ip‖ of that gradient, by trainable tensor
  std::vector<float> output;  ///< the model's output: logits, or predictions
};

/// Null where the example is not in the batch of `record`, which must be the probe's.
std::shared_ptr<const ExampleView> viewExample(const BatchProbe& probe, const StepRecord& record,
                                               Index example);

}  // namespace clipscope
