// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// A model to start from.
struct ModelPreset {
  std::string name;     ///< "mnist-cnn"
  std::string title;    ///< "MNIST CNN"
  bool images = false;  ///< needs pixels
};

/// "logistic", "mlp", "mnist-cnn", "cifar-cnn", "resnet-small".
const std::vector<ModelPreset>& modelPresets();
/// "logistic, mlp, …": all names, for a message.
std::string presetChoices();

/// The preset's spec for data of `input` shape and `outputs` classes or values. "mlp" is
/// 784-512-256-10 on MNIST (its first width follows the input); "mnist-cnn" is the network of
/// Opacus's MNIST example; "cifar-cnn" has three 3×3 convolutions of 32, 64 and 128 channels with
/// GroupNorm, ReLU and average pooling; "resnet-small" has a 3×3 convolution and three residual
/// blocks of two, 16, 32 and 64 channels wide, the later two at half the size and with a 1×1
/// convolution as shortcut, all with GroupNorm. `regression` gives the loss mse instead of
/// cross_entropy. Throws SpecError for an unknown name (listing these), or where a CNN meets data
/// without pixels.
nlohmann::json presetSpec(const std::string& name, const Shape& input, Index outputs,
                          bool regression);

}  // namespace clipscope
