// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "engine/model/layers/conv_engine.h"
#include "engine/tensor/onednn.h"
#include "engine/tensor/vector_kernels.h"

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

dnnl::memory memoryAt(const Desc& desc, const float* data) {
  return dnnl::memory(desc, onednnEngine(), const_cast<float*>(data));
}

Index floats(const Desc& desc) {
  return (static_cast<Index>(desc.get_size() / sizeof(float)) + 15) / 16 * 16;
}

/// oneDNN's three convolutions: forward and backward-data on whole blocks, backward-weights on one
/// example, whose result is that example's gradient. Weights are in whatever layout oneDNN prefers,
/// and are brought there once a step.
class OneDnnConvolution : public ConvEngine {
 public:
  OneDnnConvolution(const Conv2dSettings& s, const Shape& input, const Shape& output, Index rows)
      : m_settings(s), m_plainWeights(weightDims(s), f32, s.groups == 1 ? Tag::oihw : Tag::goihw) {
    const SingleThreadedPrimitives scope;
    const Geometry g(s);
    m_forwardDesc = describeForward(s, input, output, rows);
    m_backwardDesc = {{direct, activation(rows, input), g.weights, activation(rows, output),
                       g.strides, g.dilations, g.padding, g.padding},
                      userScratchpad(),
                      onednnEngine(),
                      m_forwardDesc};
    const auto oneForward = describeForward(s, input, output, 1);
    m_weightsDesc = {{direct, activation(1, input), g.weights, activation(1, output), g.strides,
                      g.dilations, g.padding, g.padding},
                     userScratchpad(),
                     onednnEngine(),
                     oneForward};
    m_forward = dnnl::convolution_forward(m_forwardDesc);
    m_backward = dnnl::convolution_backward_data(m_backwardDesc);
    m_weights = dnnl::convolution_backward_weights(m_weightsDesc);
    const auto reorder = [](const Desc& from, const Desc& to) {
      return dnnl::reorder(dnnl::reorder::primitive_desc(onednnEngine(), from, onednnEngine(), to));
    };
    m_toForward = reorder(m_plainWeights, m_forwardDesc.weights_desc());
    m_toBackward = reorder(m_plainWeights, m_backwardDesc.weights_desc());
    m_fromGradient = reorder(m_weightsDesc.diff_weights_desc(), m_plainWeights);
  }

  Index preparedSize() const override {
    return forwardSize() + backwardSize() + m_settings.outChannels;
  }
  Index scratchSize() const override {
    return std::max({floats(m_forwardDesc.scratchpad_desc()),
                     floats(m_backwardDesc.scratchpad_desc()),
                     floats(m_weightsDesc.scratchpad_desc())});
  }
  Index gradientSize() const override { return floats(m_weightsDesc.diff_weights_desc()); }

  void prepare(const float* weights, const float* bias, float* prepared) const override {
    auto plain = memoryAt(m_plainWeights, weights);
    auto forward = memoryAt(m_forwardDesc.weights_desc(), prepared);
    auto backward = memoryAt(m_backwardDesc.weights_desc(), prepared + forwardSize());
    m_toForward.execute(onednnStream(), plain, forward);
    m_toBackward.execute(onednnStream(), plain, backward);
    onednnStream().wait();
    if (bias) std::copy_n(bias, m_settings.outChannels, prepared + forwardSize() + backwardSize());
  }

  void forward(const float* prepared, ConstView x, bool relu, View y,
               float* scratch) const override {
    // The primitive runs over a full block; the rows beyond the block's own are left unread.
    const auto source = memoryAt(m_forwardDesc.src_desc(), x.data);
    const auto weights = memoryAt(m_forwardDesc.weights_desc(), prepared);
    const auto target = memoryAt(m_forwardDesc.dst_desc(), y.data);
    const auto work = memoryAt(m_forwardDesc.scratchpad_desc(), scratch);
    const dnnl_exec_arg_t in{DNNL_ARG_SRC, source.get()}, w{DNNL_ARG_WEIGHTS, weights.get()},
        out{DNNL_ARG_DST, target.get()}, pad{DNNL_ARG_SCRATCHPAD, work.get()};
    if (!m_settings.bias) {
      execute(m_forward, {in, w, out, pad});
    } else {
      const auto bias =
          memoryAt(m_forwardDesc.bias_desc(), prepared + forwardSize() + backwardSize());
      execute(m_forward, {in, w, {DNNL_ARG_BIAS, bias.get()}, out, pad});
    }
    if (relu) reluForward(y.data, y.data, y.size());
  }

  void backward(const float* prepared, ConstView dy, View dx, float* scratch) const override {
    const auto delta = memoryAt(m_backwardDesc.diff_dst_desc(), dy.data);
    const auto weights = memoryAt(m_backwardDesc.weights_desc(), prepared + forwardSize());
    const auto target = memoryAt(m_backwardDesc.diff_src_desc(), dx.data);
    const auto work = memoryAt(m_backwardDesc.scratchpad_desc(), scratch);
    execute(m_backward, {{DNNL_ARG_DIFF_DST, delta.get()},
                         {DNNL_ARG_WEIGHTS, weights.get()},
                         {DNNL_ARG_DIFF_SRC, target.get()},
                         {DNNL_ARG_SCRATCHPAD, work.get()}});
  }

  double gradient(const float* x, const float* dy, float* gradient, float* scratch) const override {
    const auto source = memoryAt(m_weightsDesc.src_desc(), x);
    const auto delta = memoryAt(m_weightsDesc.diff_dst_desc(), dy);
    const auto target = memoryAt(m_weightsDesc.diff_weights_desc(), gradient);
    const auto work = memoryAt(m_weightsDesc.scratchpad_desc(), scratch);
    execute(m_weights, {{DNNL_ARG_SRC, source.get()},
                        {DNNL_ARG_DIFF_DST, delta.get()},
                        {DNNL_ARG_DIFF_WEIGHTS, target.get()},
                        {DNNL_ARG_SCRATCHPAD, work.get()}});
    return sumSquares(gradient, gradientSize());
  }

  void unpack(const float* packed, float* plain) const override {
    auto from = memoryAt(m_weightsDesc.diff_weights_desc(), packed);
    auto to = memoryAt(m_plainWeights, plain);
    m_fromGradient.execute(onednnStream(), from, to);
    onednnStream().wait();
  }

 private:
  Index forwardSize() const { return floats(m_forwardDesc.weights_desc()); }
  Index backwardSize() const { return floats(m_backwardDesc.weights_desc()); }

  Conv2dSettings m_settings;
  Desc m_plainWeights;  ///< PyTorch's layout
  dnnl::convolution_forward::primitive_desc m_forwardDesc;
  dnnl::convolution_backward_data::primitive_desc m_backwardDesc;
  dnnl::convolution_backward_weights::primitive_desc m_weightsDesc;
  dnnl::convolution_forward m_forward;
  dnnl::convolution_backward_data m_backward;
  dnnl::convolution_backward_weights m_weights;
  dnnl::reorder m_toForward, m_toBackward, m_fromGradient;
};

}  // namespace

std::unique_ptr<ConvEngine> makeOneDnnConvolution(const Conv2dSettings& settings,
                                                  const Shape& input, const Shape& output,
                                                  Index rows) {
  return std::make_unique<OneDnnConvolution>(settings, input, output, rows);
}

}  // namespace clipscope
