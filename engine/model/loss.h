// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/model/views.h"
#include "engine/tensor/shape.h"

namespace clipscope {

/// What the examples of a block should give: a class each, or a row of real values each.
struct Targets {
  const int* labels = nullptr;
  const float* values = nullptr;  ///< rows × outputs, for a regression
};

/// A loss of each example on its own; nothing is averaged over the batch. Losses that couple
/// examples have no per-sample gradient and are not offered.
class Loss {
 public:
  virtual ~Loss() = default;
  /// "cross_entropy", "mse".
  virtual std::string_view name() const = 0;
  virtual bool isClassification() const = 0;
  /// Throws SpecError when the model's output cannot be scored, for example fewer outputs than
  /// classes. `targets` is the number of classes, or of real values an example.
  virtual void check(const Shape& output, Index targets) const = 0;
  /// Writes each example's loss, its prediction (arg max; −1 for a regression; either pointer may
  /// be null) and, when dy is given, ∂L_i/∂output_i.
  virtual void evaluate(ConstView outputs, const Targets& targets, float* losses, int* predictions,
                        View dy) const = 0;
};

/// softmax cross-entropy: L = −log softmax(z)_label; mse: L = mean over outputs of (z − t)².
/// Throws SpecError for another name, listing these.
std::unique_ptr<Loss> makeLoss(const std::string& name);

}  // namespace clipscope
