// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/views.h"
#include "engine/tensor/shape.h"

namespace clipscope {

/// What the examples of a block should give: a class each, or a row of real values each.
struct Targets {
  const int* labels = nullptr;
  const float* values = nullptr;  ///< rows × outputs, for a regression
};

/// What a data set asks of a model: classes, or real values.
struct TargetKind {
  bool classes = true;
  Index count = 0;  ///< of classes, or of values an example
};

/// A loss of each example on its own; nothing is averaged over the batch. Losses that couple
/// examples have no per-sample gradient and are not offered.
class Loss {
 public:
  virtual ~Loss() = default;
  /// "cross_entropy", "bce_with_logits", "mse".
  virtual std::string_view name() const = 0;
  /// True when targets can only be classes.
  virtual bool needsClasses() const = 0;
  /// Throws SpecError when the model's output cannot be scored against such targets, for example
  /// fewer outputs than classes.
  virtual void check(const Shape& output, const TargetKind& targets) const = 0;
  /// Throws SpecError when a target value, of an example numbered from 0, is not one that the loss
  /// takes.
  virtual void checkTarget(float value, Index example) const {
    static_cast<void>(value);
    static_cast<void>(example);
  }
  /// Writes each example's loss, its prediction (a class; −1 without classes; either pointer may
  /// be null) and, when dy is given, ∂L_i/∂output_i.
  virtual void evaluate(ConstView outputs, const Targets& targets, float* losses, int* predictions,
                        View dy) const = 0;
};

/// A loss for a menu.
struct LossName {
  std::string name;   ///< "cross_entropy"
  std::string title;  ///< "Cross-entropy"
  std::string help;   ///< its formula
};
const std::vector<LossName>& lossNames();
/// "cross_entropy, bce_with_logits or mse"
std::string lossChoices();

/// cross_entropy: L = −log softmax(z)_label.
/// bce_with_logits: L = mean over outputs of −t log σ(z) − (1−t) log(1−σ(z)), as PyTorch's
/// BCEWithLogitsLoss(reduction='none').mean(1): targets t in 0…1 as many as outputs, or two classes
/// and one output, whose prediction is class 1 where z > 0.
/// mse: L = mean over outputs of (z − t)².
/// Throws SpecError for another name, listing these.
std::unique_ptr<Loss> makeLoss(const std::string& name);

}  // namespace clipscope
