// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/presets.h"

#include <algorithm>

#include "engine/error.h"

namespace clipscope {

using nlohmann::json;

namespace {

json linear(Index outputs) { return {{"type", "linear"}, {"out", outputs}}; }

json conv(Index outputs, Index kernel, Index stride, Index padding) {
  return {{"type", "conv2d"},
          {"out_channels", outputs},
          {"kernel", {kernel, kernel}},
          {"stride", {stride, stride}},
          {"padding", {padding, padding}}};
}

json pool(const char* type, Index kernel, Index stride) {
  return {{"type", type}, {"kernel", {kernel, kernel}}, {"stride", {stride, stride}}};
}

json plain(const char* type) { return {{"type", type}}; }

json withFlatten(const Shape& input) {
  return input.rank() > 1 ? json::array({plain("flatten")}) : json::array();
}

json mlpLayers(const Shape& input, Index outputs) {
  json layers = withFlatten(input);
  for (const Index width : {512, 256}) {
    layers.push_back(linear(width));
    layers.push_back(plain("relu"));
  }
  layers.push_back(linear(outputs));
  return layers;
}

json mnistCnnLayers(Index outputs) {
  return json::array({conv(16, 8, 2, 3), plain("relu"), pool("maxpool2d", 2, 1), conv(32, 4, 2, 0),
                      plain("relu"), pool("maxpool2d", 2, 1), plain("flatten"), linear(32),
                      plain("relu"), linear(outputs)});
}

json groupNorm(Index channels) {
  return {{"type", "groupnorm"}, {"groups", channels / 4}, {"channels", channels}};
}

json cifarCnnLayers(Index outputs) {
  json layers = json::array();
  for (const Index channels : {32, 64, 128}) {
    layers.push_back(conv(channels, 3, 1, 1));
    layers.push_back(groupNorm(channels));
    layers.push_back(plain("relu"));
    layers.push_back(pool("avgpool2d", 2, 2));
  }
  layers.push_back(plain("flatten"));
  layers.push_back(linear(outputs));
  return layers;
}

/// Without a bias: the norm behind it shifts each channel anyway.
json plainConv(Index outputs, Index kernel, Index stride) {
  json layer = conv(outputs, kernel, stride, kernel / 2);
  layer["bias"] = false;
  return layer;
}

json resnetLayers(Index outputs) {
  json layers = json::array({plainConv(16, 3, 1), groupNorm(16), plain("relu")});
  for (const Index channels : {16, 32, 64}) {
    const Index stride = channels == 16 ? 1 : 2;
    json block{
        {"type", "residual"},
        {"layers", json::array({plainConv(channels, 3, stride), groupNorm(channels), plain("relu"),
                                plainConv(channels, 3, 1), groupNorm(channels)})}};
    if (stride > 1)
      block["shortcut"] = json::array({plainConv(channels, 1, stride), groupNorm(channels)});
    layers.push_back(std::move(block));
    layers.push_back(plain("relu"));
  }
  layers.push_back({{"type", "adaptive_avgpool2d"}, {"output", 1}});
  layers.push_back(plain("flatten"));
  layers.push_back(linear(outputs));
  return layers;
}

}  // namespace

const std::vector<ModelPreset>& modelPresets() {
  static const std::vector<ModelPreset> presets{{"logistic", "Logistic regression", false},
                                                {"mlp", "MLP 512-256", false},
                                                {"mnist-cnn", "MNIST CNN", true},
                                                {"cifar-cnn", "CIFAR CNN", true},
                                                {"resnet-small", "Small ResNet", true}};
  return presets;
}

std::string presetChoices() {
  std::string choices;
  for (const ModelPreset& preset : modelPresets())
    choices += (choices.empty() ? "" : ", ") + preset.name;
  return choices;
}

json presetSpec(const std::string& name, const Shape& input, Index outputs, bool regression) {
  json layers;
  const auto& presets = modelPresets();
  const auto preset = std::find_if(presets.begin(), presets.end(),
                                   [&](const ModelPreset& p) { return p.name == name; });
  if (preset != presets.end() && preset->images && input.rank() != 3)
    throw SpecError("model.preset: \"" + name + "\" needs images, and the data has rows of " +
                    input.toString() + " values; choose logistic or mlp");
  if (name == "logistic") {
    layers = withFlatten(input);
    layers.push_back(linear(outputs));
  } else if (name == "mlp") {
    layers = mlpLayers(input, outputs);
  } else if (name == "mnist-cnn") {
    layers = mnistCnnLayers(outputs);
  } else if (name == "cifar-cnn") {
    layers = cifarCnnLayers(outputs);
  } else if (name == "resnet-small") {
    layers = resnetLayers(outputs);
  } else {
    throw SpecError("model.preset: \"" + name + "\" is not a preset; choose one of " +
                    presetChoices() + ", or give model.spec");
  }
  return {{"layers", layers}, {"loss", regression ? "mse" : "cross_entropy"}};
}

}  // namespace clipscope
