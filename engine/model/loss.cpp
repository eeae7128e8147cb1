// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/loss.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/formats/number_text.h"

namespace clipscope {

namespace {

void checkWidth(const Shape& output, const TargetKind& targets) {
  if (output.size() != targets.count)
    throw SpecError("model: the last layer gives " + output.toString() + " values for " +
                    std::to_string(targets.count) + " targets an example");
}

class CrossEntropy : public Loss {
 public:
  std::string_view name() const override { return "cross_entropy"; }
  bool needsClasses() const override { return true; }

  void check(const Shape& output, const TargetKind& targets) const override {
    if (!targets.classes)
      throw SpecError(
          "model.loss: cross_entropy does not fit the data, which has real targets; use mse");
    if (output.rank() != 1)
      throw SpecError("model: the last layer gives " + output.toString() +
                      " but cross_entropy needs one row of scores; end with flatten and linear");
    const std::string classes = std::to_string(targets.count);
    if (output[0] < targets.count)
      throw SpecError("model: the last layer gives " + output.toString() + " scores for " +
                      classes + " classes; widen it to " + classes);
  }

  void evaluate(ConstView outputs, const Targets& targets, float* losses, int* predictions,
                View dy) const override {
    const Index classes = outputs.cols;
    for (Index i = 0; i < outputs.rows; ++i) {
      const float* z = outputs.row(i);
      const Index label = targets.labels[i];
      const float* largest = std::max_element(z, z + classes);
      // In double: a confident example's loss is the difference of two nearly equal numbers.
      const double top = static_cast<double>(*largest);
      double total = 0;
      for (Index k = 0; k < classes; ++k) total += std::exp(static_cast<double>(z[k]) - top);
      const double logTotal = std::log(total);
      if (losses) losses[i] = static_cast<float>(logTotal - (static_cast<double>(z[label]) - top));
      if (predictions) predictions[i] = static_cast<int>(largest - z);
      if (!dy) continue;
      float* d = dy.row(i);
      double others = 0;
      for (Index k = 0; k < classes; ++k) {
        const double p = std::exp(static_cast<double>(z[k]) - top - logTotal);
        d[k] = static_cast<float>(p);
        if (k != label) others += p;
      }
      // p_label − 1 = −Σ of the others, without the cancellation.
      d[label] = std::isfinite(others) ? static_cast<float>(-others) : d[label] - 1.0f;
    }
  }
};

class BinaryCrossEntropy : public Loss {
 public:
  std::string_view name() const override { return "bce_with_logits"; }
  bool needsClasses() const override { return false; }

  void check(const Shape& output, const TargetKind& targets) const override {
    if (!targets.classes) {
      checkWidth(output, targets);
      return;
    }
    if (targets.count != 2)
      throw SpecError("model.loss: bce_with_logits tells two classes apart, and the data has " +
                      std::to_string(targets.count) + "; use cross_entropy");
    if (output.size() != 1)
      throw SpecError("model: the last layer gives " + output.toString() +
                      " but bce_with_logits needs one score for two classes; narrow it to 1");
  }

  void checkTarget(float value, Index example) const override {
    if (value >= 0.0f && value <= 1.0f) return;
    throw SpecError("model.loss: bce_with_logits needs targets from 0 to 1, and example " +
                    std::to_string(example + 1) + " has " + numberText(value) + "; use mse");
  }

  void evaluate(ConstView outputs, const Targets& targets, float* losses, int* predictions,
                View dy) const override {
    const double scale = 1.0 / static_cast<double>(outputs.cols);
    for (Index i = 0; i < outputs.rows; ++i) {
      double total = 0;
      for (Index k = 0; k < outputs.cols; ++k) {
        const double z = static_cast<double>(outputs.row(i)[k]);
        const double t = targets.labels ? static_cast<double>(targets.labels[i])
                                        : static_cast<double>(targets.values[i * outputs.cols + k]);
        // −t log σ(z) − (1−t) log σ(−z) with the larger exponential taken out: nothing overflows.
        const double tail = std::exp(-std::abs(z));
        total += std::max(z, 0.0) - z * t + std::log1p(tail);
        if (!dy) continue;
        // σ(z) − t = (1−t) σ(z) − t σ(−z): no cancellation where the model is right and certain.
        const double small = tail / (1 + tail), large = 1 / (1 + tail);
        const double up = z >= 0 ? large : small, down = z >= 0 ? small : large;
        dy.row(i)[k] = static_cast<float>(scale * ((1 - t) * up - t * down));
      }
      if (losses) losses[i] = static_cast<float>(scale * total);
      if (predictions) predictions[i] = targets.labels ? int{outputs.row(i)[0] > 0.0f} : -1;
    }
  }
};

class MeanSquaredError : public Loss {
 public:
  std::string_view name() const override { return "mse"; }
  bool needsClasses() const override { return false; }

  void check(const Shape& output, const TargetKind& targets) const override {
    if (targets.classes)
      throw SpecError(
          "model.loss: mse does not fit the data, which has classes; use cross_entropy");
    checkWidth(output, targets);
  }

  void evaluate(ConstView outputs, const Targets& targets, float* losses, int* predictions,
                View dy) const override {
    const double scale = 1.0 / static_cast<double>(outputs.cols);
    for (Index i = 0; i < outputs.rows; ++i) {
      const float* y = outputs.row(i);
      const float* t = targets.values + i * outputs.cols;
      double total = 0;
      for (Index k = 0; k < outputs.cols; ++k) {
        const double difference = static_cast<double>(y[k]) - static_cast<double>(t[k]);
        total += difference * difference;
        if (dy) dy.row(i)[k] = static_cast<float>(2.0 * scale * difference);
      }
      if (losses) losses[i] = static_cast<float>(scale * total);
      if (predictions) predictions[i] = -1;
    }
  }
};

}  // namespace

const std::vector<LossName>& lossNames() {
  static const std::vector<LossName> names{
      {"cross_entropy", "Cross-entropy", "−log softmax(z) of the label; one output a class."},
      {"bce_with_logits", "Binary cross-entropy",
       "−t log σ(z) − (1−t) log(1−σ(z)); one output for two classes, or one a target in 0…1."},
      {"mse", "Mean squared error", "The mean over the outputs of (z − t)²."}};
  return names;
}

std::string lossChoices() {
  const auto& names = lossNames();
  std::string text;
  for (std::size_t k = 0; k < names.size(); ++k)
    text += (k == 0 ? "" : k + 1 == names.size() ? " or " : ", ") + names[k].name;
  return text;
}

std::unique_ptr<Loss> makeLoss(const std::string& name) {
  if (name == "cross_entropy") return std::make_unique<CrossEntropy>();
  if (name == "bce_with_logits") return std::make_unique<BinaryCrossEntropy>();
  if (name == "mse") return std::make_unique<MeanSquaredError>();
  throw SpecError("model.loss: \"" + name + "\" is not a loss; choose " + lossChoices());
}

}  // namespace clipscope
