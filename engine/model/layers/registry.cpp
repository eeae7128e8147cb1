// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/registry.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/model/layers/activation.h"
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
  const Index inputs = b.integer("in", b.input()[b.input().rank() - 1], 1);
  const Index outputs = b.requiredInteger("out", 1);
  const ParameterId weight = b.parameter("weight", Shape{outputs, inputs}, uniform(inputs));
  const ParameterId bias =
      b.boolean("bias", true) ? b.parameter("bias", Shape{outputs}, uniform(inputs)) : -1;
  return std::make_unique<Linear>(inputs, outputs, b.input(), b.table(), weight, bias);
}

std::unique_ptr<Layer> buildConv2d(LayerBuilder& b) {
  needsImage(b);
  Conv2dSettings s;
  s.inChannels = b.integer("in_channels", b.input()[0], 1);
  s.outChannels = b.requiredInteger("out_channels", 1);
  if (!b.has("kernel")) throw SpecError("needs \"kernel\", a number or [height, width]");
  s.kernel = b.pair("kernel", {1, 1}, 1);
  s.stride = b.pair("stride", {1, 1}, 1);
  s.padding = b.pair("padding", {0, 0}, 0);
  s.dilation = b.pair("dilation", {1, 1}, 1);
  s.groups = b.integer("groups", 1, 1);
  s.bias = b.boolean("bias", true);
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
  s.kernel = b.pair("kernel", {2, 2}, 1);
  s.stride = b.pair("stride", s.kernel, 1);
  s.padding = b.pair("padding", {0, 0}, 0);
  return std::make_unique<MaxPool2d>(s, b.input());
}

std::unique_ptr<Layer> buildAvgPool(LayerBuilder& b) {
  needsImage(b);
  AvgPool2dSettings s;
  s.kernel = b.pair("kernel", {2, 2}, 1);
  s.stride = b.pair("stride", s.kernel, 1);
  s.padding = b.pair("padding", {0, 0}, 0);
  s.countIncludePad = b.boolean("count_include_pad", true);
  return std::make_unique<AvgPool2d>(s, b.input());
}

std::unique_ptr<Layer> buildGroupNorm(LayerBuilder& b) {
  const Index channels = b.integer("channels", b.input()[0], 1);
  const Index groups = b.requiredInteger("groups", 1);
  const double epsilon = b.positive("eps", 1e-5);
  const bool affine = b.boolean("affine", true);
  const ParameterId weight = affine ? b.parameter("weight", Shape{channels}, ones) : -1;
  const ParameterId bias = affine ? b.parameter("bias", Shape{channels}, zeros) : -1;
  return std::make_unique<GroupNorm>("groupnorm", groups, channels, epsilon, b.input(), b.table(),
                                     weight, bias);
}

std::unique_ptr<Layer> buildInstanceNorm(LayerBuilder& b) {
  needsImage(b);
  const Index channels = b.integer("channels", b.input()[0], 1);
  const double epsilon = b.positive("eps", 1e-5);
  // Off by default, as in PyTorch.
  const bool affine = b.boolean("affine", false);
  const ParameterId weight = affine ? b.parameter("weight", Shape{channels}, ones) : -1;
  const ParameterId bias = affine ? b.parameter("bias", Shape{channels}, zeros) : -1;
  return std::make_unique<GroupNorm>("instancenorm2d", channels, channels, epsilon, b.input(),
                                     b.table(), weight, bias);
}

std::unique_ptr<Layer> buildLayerNorm(LayerBuilder& b) {
  const Shape& input = b.input();
  const Shape fallback = input.rank() == 3 ? input : Shape{input[input.rank() - 1]};
  const Shape shape = b.shape("shape", fallback);
  const double epsilon = b.positive("eps", 1e-5);
  const bool affine = b.boolean("affine", true);
  const ParameterId weight = affine ? b.parameter("weight", shape, ones) : -1;
  const ParameterId bias = affine ? b.parameter("bias", shape, zeros) : -1;
  return std::make_unique<LayerNorm>(shape, epsilon, input, b.table(), weight, bias);
}

template <class T>
std::unique_ptr<Layer> buildPlain(LayerBuilder& b) {
  return std::make_unique<T>(b.input());
}

std::string got(const nlohmann::json& value) { return value.dump(); }

}  // namespace

Index LayerBuilder::integer(const char* field, Index fallback, Index least) const {
  if (!m_fields.contains(field)) return fallback;
  const nlohmann::json& value = m_fields.at(field);
  // The ceiling keeps products of extents inside 64 bits.
  constexpr Index most = Index{1} << 24;
  if (!value.is_number_integer() || value.get<double>() < static_cast<double>(least) ||
      value.get<double>() > static_cast<double>(most))
    throw SpecError("\"" + std::string(field) + "\" is " + got(value) +
                    " and must be a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most));
  return value.get<Index>();
}

Index LayerBuilder::requiredInteger(const char* field, Index least) const {
  if (!m_fields.contains(field))
    throw SpecError("needs \"" + std::string(field) + "\", a whole number from " +
                    std::to_string(least));
  return integer(field, least, least);
}

double LayerBuilder::positive(const char* field, double fallback) const {
  if (!m_fields.contains(field)) return fallback;
  const nlohmann::json& value = m_fields.at(field);
  if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>()))
    throw SpecError("\"" + std::string(field) + "\" is " + got(value) +
                    " and must be a number above 0");
  return value.get<double>();
}

bool LayerBuilder::boolean(const char* field, bool fallback) const {
  if (!m_fields.contains(field)) return fallback;
  const nlohmann::json& value = m_fields.at(field);
  if (!value.is_boolean())
    throw SpecError("\"" + std::string(field) + "\" is " + got(value) +
                    " and must be true or false");
  return value.get<bool>();
}

std::array<Index, 2> LayerBuilder::pair(const char* field, std::array<Index, 2> fallback,
                                        Index least) const {
  if (!m_fields.contains(field)) return fallback;
  const nlohmann::json& value = m_fields.at(field);
  const auto acceptable = [&](const nlohmann::json& v) {
    return v.is_number_integer() && v.get<double>() >= static_cast<double>(least) &&
           v.get<double>() <= 65536.0;
  };
  if (acceptable(value)) return {value.get<Index>(), value.get<Index>()};
  if (value.is_array() && value.size() == 2 && acceptable(value[0]) && acceptable(value[1]))
    return {value[0].get<Index>(), value[1].get<Index>()};
  throw SpecError("\"" + std::string(field) + "\" is " + got(value) +
                  " and must be a whole number from " + std::to_string(least) +
                  ", or [height, width] of such");
}

Shape LayerBuilder::shape(const char* field, const Shape& fallback) const {
  if (!m_fields.contains(field)) return fallback;
  const nlohmann::json& value = m_fields.at(field);
  std::vector<Index> extents;
  const nlohmann::json list = value.is_array() ? value : nlohmann::json::array({value});
  for (const nlohmann::json& extent : list) {
    if (!extent.is_number_integer() || extent.get<double>() < 1 || extent.get<double>() > 1e6)
      throw SpecError("\"" + std::string(field) + "\" is " + got(value) +
                      " and must be a list of whole numbers from 1");
    extents.push_back(extent.get<Index>());
  }
  return Shape(std::move(extents));
}

ParameterId LayerBuilder::parameter(const std::string& part, Shape shape,
                                    Initialisation initialisation) {
  const std::string name = m_name + "." + part;
  if (m_reused) {
    const ParameterId id = (*m_reused)[m_declared.size()];
    if ((*m_table)[id].shape != shape)
      throw SpecError("runs " + name + " again with shape " + shape.toString() + ", but it is " +
                      (*m_table)[id].shape.toString());
    m_table->addUse(id);
    m_declared.push_back(id);
    return id;
  }
  const ParameterId id = m_table->declare(name, std::move(shape), initialisation, !m_frozen(name));
  m_declared.push_back(id);
  return id;
}

const std::vector<LayerKind>& layerKinds() {
  static const std::vector<LayerKind> kinds{
      {"linear", "fc", {"in", "out", "bias"}, buildLinear},
      {"conv2d",
       "conv",
       {"in_channels", "out_channels", "kernel", "stride", "padding", "dilation", "groups", "bias"},
       buildConv2d},
      {"maxpool2d", "maxpool", {"kernel", "stride", "padding"}, buildMaxPool},
      {"avgpool2d", "avgpool", {"kernel", "stride", "padding", "count_include_pad"}, buildAvgPool},
      {"flatten", "flatten", {}, buildPlain<Flatten>},
      {"relu", "relu", {}, buildPlain<Relu>},
      {"tanh", "tanh", {}, buildPlain<Tanh>},
      {"sigmoid", "sigmoid", {}, buildPlain<Sigmoid>},
      {"gelu", "gelu", {}, buildPlain<Gelu>},
      {"groupnorm", "gn", {"groups", "channels", "eps", "affine"}, buildGroupNorm},
      {"layernorm", "ln", {"shape", "eps", "affine"}, buildLayerNorm},
      {"instancenorm2d", "in", {"channels", "eps", "affine"}, buildInstanceNorm},
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
        "own "
        "to clip; use groupnorm (or layernorm, instancenorm2d) instead");
  for (const char* known : {"conv1d", "embedding", "mean_time", "last_step",
                            "transpose_time_channel", "self_attention", "lstm"})
    if (type == known)
      throw UnsupportedError("layer type " + type + " is not supported by this version");
  std::string choices;
  for (const LayerKind& kind : layerKinds()) choices += (choices.empty() ? "" : ", ") + kind.type;
  throw SpecError("\"" + type + "\" is not a layer type; choose one of " + choices + ", reuse");
}

}  // namespace clipscope
