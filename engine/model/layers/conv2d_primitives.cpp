// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/conv2d_primitives.h"

#include <algorithm>

namespace clipscope {

namespace {

using Tag = dnnl::memory::format_tag;
using Desc = dnnl::memory::desc;
using Dims = dnnl::memory::dims;

constexpr auto f32 = dnnl::memory::data_type::f32;

Desc activation(Index rows, const Shape& shape) {
  return Desc(Dims{rows, shape[0], shape[1], shape[2]}, f32, Tag::nhwc);
}

Dims weightDims(const Conv2dSettings& s) {
  if (s.groups == 1) return {s.outChannels, s.inChannels, s.kernel[0], s.kernel[1]};
  return {s.groups, s.outChannels / s.groups, s.inChannels / s.groups, s.kernel[0], s.kernel[1]};
}

Dims dims(const std::array<Index, 2>& pair) { return {pair[0], pair[1]}; }

dnnl::primitive_attr userScratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

/// What the three descriptions have in common.
struct Geometry {
  Geometry(const Conv2dSettings& s)
      : weights(weightDims(s), f32, Tag::any),
        strides(dims(s.stride)),
        dilations{s.dilation[0] - 1, s.dilation[1] - 1},
        padding(dims(s.padding)) {}
  Desc weights;
  Dims strides, dilations, padding;
};

constexpr auto direct = dnnl::algorithm::convolution_direct;

dnnl::convolution_forward::primitive_desc describeForward(const Conv2dSettings& s,
                                                          const Shape& input, const Shape& output,
                                                          Index rows) {
  const Geometry g(s);
  const auto kind = dnnl::prop_kind::forward_training;
  const Desc x = activation(rows, input), y = activation(rows, output);
  if (!s.bias)
    return {{kind, direct, x, g.weights, y, g.strides, g.dilations, g.padding, g.padding},
            userScratchpad(),
            onednnEngine()};
  const Desc bias(Dims{s.outChannels}, f32, Tag::a);
  return {{kind, direct, x, g.weights, bias, y, g.strides, g.dilations, g.padding, g.padding},
          userScratchpad(),
          onednnEngine()};
}

}  // namespace

Conv2d::Primitives::Primitives(const Conv2dSettings& s, const Shape& input, const Shape& output,
                               Index rows)
    : plainWeights(weightDims(s), f32, s.groups == 1 ? Tag::oihw : Tag::goihw) {
  const SingleThreadedPrimitives scope;
  const Geometry g(s);
  forwardDesc = describeForward(s, input, output, rows);
  backwardDesc = {{direct, activation(rows, input), g.weights, activation(rows, output), g.strides,
                   g.dilations, g.padding, g.padding},
                  userScratchpad(),
                  onednnEngine(),
                  forwardDesc};
  const auto oneForward = describeForward(s, input, output, 1);
  weightsDesc = {{direct, activation(1, input), g.weights, activation(1, output), g.strides,
                  g.dilations, g.padding, g.padding},
                 userScratchpad(),
                 onednnEngine(),
                 oneForward};
  forward = dnnl::convolution_forward(forwardDesc);
  backward = dnnl::convolution_backward_data(backwardDesc);
  weights = dnnl::convolution_backward_weights(weightsDesc);
  const auto reorder = [](const Desc& from, const Desc& to) {
    return dnnl::reorder(dnnl::reorder::primitive_desc(onednnEngine(), from, onednnEngine(), to));
  };
  toForward = reorder(plainWeights, forwardDesc.weights_desc());
  toBackward = reorder(plainWeights, backwardDesc.weights_desc());
  fromGradient = reorder(weightsDesc.diff_weights_desc(), plainWeights);
}

Index Conv2d::Primitives::scratch() const {
  return std::max({floats(forwardDesc.scratchpad_desc()), floats(backwardDesc.scratchpad_desc()),
                   floats(weightsDesc.scratchpad_desc())});
}

}  // namespace clipscope
