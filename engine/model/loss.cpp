// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/loss.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace clipscope {

namespace {

class CrossEntropy : public Loss {
 public:
  std::string_view name() const override { return "cross_entropy"; }
  bool isClassification() const override { return true; }

  void check(const Shape& output, Index targets) const override {
    if (output.rank() != 1)
      throw SpecError("model: the last layer gives " + output.toString() +
                      " but cross_entropy needs one row of scores; end with flatten and linear");
    if (output[0] < targets)
      throw SpecError("model: the last layer gives " + output.toString() + " scores for " +
                      std::to_string(targets) + " classes; widen it to " + std::to_string(targets));
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

class MeanSquaredError : public Loss {
 public:
  std::string_view name() const override { return "mse"; }
  bool isClassification() const override { return false; }

  void check(const Shape& output, Index targets) const override {
    if (output.size() != targets)
      throw SpecError("model: the last layer gives " + output.toString() + " values for " +
                      std::to_string(targets) + " targets an example");
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

std::unique_ptr<Loss> makeLoss(const std::string& name) {
  if (name == "cross_entropy") return std::make_unique<CrossEntropy>();
  if (name == "mse") return std::make_unique<MeanSquaredError>();
  throw SpecError("model.loss: \"" + name + "\" is not a loss; choose cross_entropy or mse");
}

}  // namespace clipscope
