// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/registry.h"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <cmath>

#include "engine/error.h"
#include "engine/model/layers/activation.h"
#include "engine/model/layers/adaptive_avg_pool2d.h"
#include "engine/model/layers/avg_pool2d.h"
#include "engine/model/layers/conv2d.h"
#include "engine/model/layers/flatten.h"
#include "engine/model/layers/group_norm.h"
#include "engine/model/layers/layer_norm.h"
#include "engine/model/layers/linear.h"
#include "engine/model/layers/max_pool2d.h"

namespace clipscope {

namespace {

/// PyTorch's default for weight and bias alike: uniform in ±1/√fan_in.
Initialisation uniform(Index fanIn) {
  return {Initialisation::Kind::Uniform, 1.0 / std::sqrt(static_cast<double>(fanIn))};
}

const Initialisation ones{Initialisation::Kind::Ones, 0};
const Initialisation zeros{Initialisation::Kind::Zeros, 0};

void needsImage(const LayerBuilder& builder) {
  if (builder.input().rank() != 3)
    throw SpecError("takes images {C, H, W} and gets " + builder.input().toString());
}

std::unique_ptr<Layer> buildLinear(LayerBuilder& b) {
  const Index inputs = b.whole("in", b.input()[b.input().rank() - 1]);
  const Index outputs = b.whole("out");
  const ParameterId weight = b.parameter("weight", Shape{outputs, inputs}, uniform(inputs));
  const ParameterId bias =
      b.flag("bias") ? b.parameter("bias", Shape{outputs}, uniform(inputs)) : -1;
  return std::make_unique<Linear>(inputs, outputs, b.input(), b.table(), weight, bias);
}

std::unique_ptr<Layer> buildConv2d(LayerBuilder& b) {
  needsImage(b);
  Conv2dSettings s;
  s.inChannels = b.whole("in_channels", b.input()[0]);
  s.outChannels = b.whole("out_channels");
  s.kernel = b.pair("kernel");
  s.stride = b.pair("stride");
  s.padding = b.pair("padding");
  s.dilation = b.pair("dilation");
  s.groups = b.whole("groups");
  s.bias = b.flag("bias");
  if (s.inChannels % s.groups != 0 || s.outChannels % s.groups != 0)
    throw SpecError(std::to_string(s.groups) + " groups do not divide " +
                    std::to_string(s.inChannels) + " input and " + std::to_string(s.outChannels) +
                    " output channels");
  const Index fanIn = s.inChannels / s.groups * s.kernel[0] * s.kernel[1];
  const ParameterId weight = b.parameter("weight", Conv2d::weightShape(s), uniform(fanIn));
  const ParameterId bias = s.bias ? b.parameter("bias", Shape{s.outChannels}, uniform(fanIn)) : -1;
  return std::make_unique<Conv2d>(s, b.input(), b.table(), weight, bias);
}

std::unique_ptr<Layer> buildMaxPool(LayerBuilder& b) {
  needsImage(b);
  MaxPool2dSettings s;
  s.kernel = b.pair("kernel");
  s.stride = b.pair("stride", s.kernel);
  s.padding = b.pair("padding");
  return std::make_unique<MaxPool2d>(s, b.input());
}

std::unique_ptr<Layer> buildAvgPool(LayerBuilder& b) {
  needsImage(b);
  AvgPool2dSettings s;
  s.kernel = b.pair("kernel");
  s.stride = b.pair("stride", s.kernel);
  s.padding = b.pair("padding");
  s.countIncludePad = b.flag("count_include_pad");
  return std::make_unique<AvgPool2d>(s, b.input());
}

std::unique_ptr<Layer> buildAdaptiveAvgPool(LayerBuilder& b) {
  needsImage(b);
  return std::make_unique<AdaptiveAvgPool2d>(b.pair("output"), b.input());
}

std::unique_ptr<Layer> buildLeakyRelu(LayerBuilder& b) {
  return std::make_unique<LeakyRelu>(b.real("negative_slope"), b.input());
}

std::unique_ptr<Layer> buildGroupNorm(LayerBuilder& b) {
  const Index channels = b.whole("channels", b.input()[0]);
  const Index groups = b.whole("groups");
  const double epsilon = b.real("eps");
  const bool affine = b.flag("affine");
  const ParameterId weight = affine ? b.parameter("weight", Shape{channels}, ones) : -1;
  const ParameterId bias = affine ? b.parameter("bias", Shape{channels}, zeros) : -1;
  return std::make_unique<GroupNorm>("groupnorm", groups, channels, epsilon, b.input(), b.table(),
                                     weight, bias);
}

std::unique_ptr<Layer> buildInstanceNorm(LayerBuilder& b) {
  needsImage(b);
  const Index channels = b.whole("channels", b.input()[0]);
  const double epsilon = b.real("eps");
  const bool affine = b.flag("affine");
  const ParameterId weight = affine ? b.parameter("weight", Shape{channels}, ones) : -1;
  const ParameterId bias = affine ? b.parameter("bias", Shape{channels}, zeros) : -1;
  return std::make_unique<GroupNorm>("instancenorm2d", channels, channels, epsilon, b.input(),
                                     b.table(), weight, bias);
}

std::unique_ptr<Layer> buildLayerNorm(LayerBuilder& b) {
  const Shape& input = b.input();
  const Shape whole = input.rank() == 3 ? input : Shape{input[input.rank() - 1]};
  const Shape shape = b.extents("shape", whole);
  const double epsilon = b.real("eps");
  const bool affine = b.flag("affine");
  const ParameterId weight = affine ? b.parameter("weight", shape, ones) : -1;
  const ParameterId bias = affine ? b.parameter("bias", shape, zeros) : -1;
  return std::make_unique<LayerNorm>(shape, epsilon, input, b.table(), weight, bias);
}

template <class T>
std::unique_ptr<Layer> buildPlain(LayerBuilder& b) {
  return std::make_unique<T>(b.input());
}

using Type = LayerField::Type;

LayerField required(const char* name, Type type, Index least, const char* help) {
  return {name, type, nullptr, {}, least, help};
}

LayerField given(const char* name, Type type, nlohmann::json fallback, Index least,
                 const char* help) {
  return {name, type, std::move(fallback), {}, least, help};
}

LayerField following(const char* name, Type type, const char* what, const char* help) {
  return {name, type, nullptr, what, 1, help};
}

const LayerField affineOn = given("affine", Type::Flag, true, 0, "Learns a scale and a shift.");
const LayerField epsilonField = given("eps", Type::Positive, 1e-5, 0,
                                      "Added to the variance, so that nothing is divided by 0.");
const LayerField channelsField =
    following("channels", Type::Whole, "the input", "Channels of the input.");
const LayerField windowKernel = given("kernel", Type::Pair, 2, 1, "Size of the window.");
const LayerField windowStride =
    following("stride", Type::Pair, "the kernel", "Step from window to window.");
const LayerField windowPadding = given("padding", Type::Pair, 0, 0, "Cells added on each side.");

}  // namespace

std::string LayerField::takes() const {
  switch (type) {
    case Type::Whole:
      return "a whole number from " + std::to_string(least) + " to 16777216";
    case Type::Real:
      return "a finite number";
    case Type::Positive:
      return "a number above 0";
    case Type::Flag:
      return "true or false";
    case Type::Pair:
      return "a whole number from " + std::to_string(least) + ", or [height, width] of such";
    case Type::Extents:
      return "a list of up to three whole numbers from 1 to 1000000";
    case Type::Layers:
      return "a list of layers";
    case Type::LayerName:
      return "the name of an earlier layer with parameters";
  }
  return {};
}

const LayerField& LayerKind::field(const std::string& wanted) const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const LayerField& f) { return f.name == wanted; });
  assert(found != fields.end());
  return *found;
}

const std::vector<LayerKind>& layerKinds() {
  static const std::vector<LayerKind> kinds{
      {"linear",
       "fc",
       "Linear",
       "y = Wx + b, every output from every input.",
       LayerGroup::Weights,
       {following("in", Type::Whole, "the input", "Inputs."),
        required("out", Type::Whole, 1, "Outputs."), given("bias", Type::Flag, true, 0, "Adds b.")},
       buildLinear},
      {"conv2d",
       "conv",
       "Convolution",
       "Slides a window of weights over an image.",
       LayerGroup::Weights,
       {following("in_channels", Type::Whole, "the input", "Channels of the input."),
        required("out_channels", Type::Whole, 1, "Channels of the output."),
        required("kernel", Type::Pair, 1, "Size of the window."),
        given("stride", Type::Pair, 1, 1, "Step from window to window."),
        given("padding", Type::Pair, 0, 0, "Zeros added on each side."),
        given("dilation", Type::Pair, 1, 1, "Distance between the cells of a window."),
        given("groups", Type::Whole, 1, 1,
              "Parts into which the channels are cut; each sees its own."),
        given("bias", Type::Flag, true, 0, "Adds a number to each channel.")},
       buildConv2d},
      {"maxpool2d",
       "maxpool",
       "Max pooling",
       "The largest value of each window.",
       LayerGroup::Pooling,
       {windowKernel, windowStride, windowPadding},
       buildMaxPool},
      {"avgpool2d",
       "avgpool",
       "Mean pooling",
       "The mean of each window.",
       LayerGroup::Pooling,
       {windowKernel, windowStride, windowPadding,
        given("count_include_pad", Type::Flag, true, 0, "Counts the padding in the mean.")},
       buildAvgPool},
      {"adaptive_avgpool2d",
       "avgpool",
       "Adaptive mean pooling",
       "The mean of each bin of a grid over the image, whatever the image's size.",
       LayerGroup::Pooling,
       {required("output", Type::Pair, 1, "Size of the grid.")},
       buildAdaptiveAvgPool},
      {"flatten",
       "flatten",
       "Flatten",
       "All values of an example as one row, as a linear layer takes them.",
       LayerGroup::Structure,
       {},
       buildPlain<Flatten>},
      {"relu", "relu", "ReLU", "max(x, 0)", LayerGroup::Activation, {}, buildPlain<Relu>},
      {"leaky_relu",
       "leaky",
       "Leaky ReLU",
       "x above 0, slope · x below.",
       LayerGroup::Activation,
       {given("negative_slope", Type::Real, 0.01, 0, "Slope for x ≤ 0.")},
       buildLeakyRelu},
      {"tanh", "tanh", "Tanh", "tanh x", LayerGroup::Activation, {}, buildPlain<Tanh>},
      {"sigmoid",
       "sigmoid",
       "Sigmoid",
       "1 / (1 + e^−x)",
       LayerGroup::Activation,
       {},
       buildPlain<Sigmoid>},
      {"gelu", "gelu", "GELU", "x Φ(x), exact", LayerGroup::Activation, {}, buildPlain<Gelu>},
      {"silu",
       "silu",
       "SiLU",
       "x / (1 + e^−x), also called swish",
       LayerGroup::Activation,
       {},
       buildPlain<Silu>},
      {"groupnorm",
       "gn",
       "GroupNorm",
       "Standardises groups of an example's channels.",
       LayerGroup::Normalisation,
       {required("groups", Type::Whole, 1, "Groups of channels; must divide them."), channelsField,
        epsilonField, affineOn},
       buildGroupNorm},
      {"layernorm",
       "ln",
       "LayerNorm",
       "Standardises all values of an example, or of a position.",
       LayerGroup::Normalisation,
       {following("shape", Type::Extents, "the input", "The last extents to standardise over."),
        epsilonField, affineOn},
       buildLayerNorm},
      {"instancenorm2d",
       "in",
       "InstanceNorm",
       "Standardises each channel of an example.",
       LayerGroup::Normalisation,
       {channelsField, epsilonField,
        // Off by default, as in PyTorch.
        given("affine", Type::Flag, false, 0, "Learns a scale and a shift.")},
       buildInstanceNorm},
      {"residual",
       "res",
       "Residual block",
       "y = layers(x) + shortcut(x); without a shortcut, + x.",
       LayerGroup::Structure,
       {required("layers", Type::Layers, 1, "The branch."),
        given("shortcut", Type::Layers, nlohmann::json::array(), 0,
              "Layers beside the branch, where its output has another shape than the input.")},
       {}},
      {"reuse",
       "reuse",
       "Reuse",
       "Runs an earlier layer again with the same weights.",
       LayerGroup::Structure,
       {required("layer", Type::LayerName, 0, "Name of the earlier layer.")},
       {}},
  };
  return kinds;
}

const LayerKind& layerKind(const std::string& type) {
  for (const LayerKind& kind : layerKinds())
    if (kind.type == type) return kind;
  std::string lower = type;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower.find("batchnorm") != std::string::npos || lower.find("batch_norm") != std::string::npos)
    throw SpecError(
        "batch normalisation mixes the examples of a batch, so no example has a gradient of its "
        "own to clip; use groupnorm (or layernorm, instancenorm2d) instead");
  for (const char* known : {"conv1d", "embedding", "mean_time", "last_step",
                            "transpose_time_channel", "self_attention", "lstm"})
    if (type == known)
      throw UnsupportedError("layer type " + type + " is not supported by this version");
  std::string choices;
  for (const LayerKind& kind : layerKinds()) choices += (choices.empty() ? "" : ", ") + kind.type;
  throw SpecError("\"" + type + "\" is not a layer type; choose one of " + choices);
}

}  // namespace clipscope
