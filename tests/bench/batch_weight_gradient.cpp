// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/batch_weight_gradient.h"

#include <algorithm>

#include "engine/tensor/channel_kernels.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {

using Tag = dnnl::memory::format_tag;
using Desc = dnnl::memory::desc;
using Dims = dnnl::memory::dims;

constexpr auto f32 = dnnl::memory::data_type::f32;

dnnl::memory memoryAt(const Desc& desc, const float* data) {
  return dnnl::memory(desc, onednnEngine(), const_cast<float*>(data));
}

std::size_t floats(const Desc& desc) { return desc.get_size() / sizeof(float); }

Dims pair(const nlohmann::json& fields, const char* name) {
  return fields.at(name).get<std::vector<Index>>();
}

Desc activation(Index rows, const Shape& shape) {
  return Desc(Dims{rows, shape[0], shape[1], shape[2]}, f32, Tag::nhwc);
}

Dims weightDims(const nlohmann::json& fields) {
  const Dims kernel = pair(fields, "kernel");
  const Index in = fields.at("in_channels"), out = fields.at("out_channels"),
              groups = fields.at("groups");
  if (groups == 1) return {out, in, kernel[0], kernel[1]};
  return {groups, out / groups, in / groups, kernel[0], kernel[1]};
}

dnnl::convolution_backward_weights::primitive_desc describe(const nlohmann::json& fields,
                                                            const Shape& input, const Shape& output,
                                                            Index rows, const Desc& weights) {
  const Dims strides = pair(fields, "stride"), padding = pair(fields, "padding");
  Dims dilations = pair(fields, "dilation");
  for (auto& dilation : dilations) --dilation;
  const Desc x = activation(rows, input), y = activation(rows, output);
  const auto direct = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, direct, x, Desc(weightDims(fields), f32, Tag::any), y,
       strides, dilations, padding, padding},
      onednnEngine());
  dnnl::primitive_attr own;
  own.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return {
      {direct, x, weights, y, strides, dilations, padding, padding}, own, onednnEngine(), forward};
}

}  // namespace

BatchWeightGradient::BatchWeightGradient(const nlohmann::json& fields, const Shape& input,
                                         const Shape& output, Index rows)
    : m_rows(rows),
      m_positions(output[1] * output[2]),
      m_channels(output[0]),
      m_bias(fields.at("bias")) {
  const SingleThreadedPrimitives scope;
  const Dims dims = weightDims(fields);
  m_full.desc = describe(fields, input, output, rows, Desc(dims, f32, Tag::any));
  // The same layout for both, so that one sum takes blocks of either size.
  m_single.desc = describe(fields, input, output, 1, m_full.desc.diff_weights_desc());
  m_full.run = dnnl::convolution_backward_weights(m_full.desc);
  m_single.run = dnnl::convolution_backward_weights(m_single.desc);
  m_plain = Desc(dims, f32, dims.size() == 4 ? Tag::oihw : Tag::goihw);
  m_fromFull = dnnl::reorder(dnnl::reorder::primitive_desc(
      onednnEngine(), m_full.desc.diff_weights_desc(), onednnEngine(), m_plain));
}

BatchWeightGradient::Sum BatchWeightGradient::makeSum() const {
  Sum sum;
  sum.weight.resize(floats(m_full.desc.diff_weights_desc()));
  sum.blockWeight.resize(sum.weight.size());
  sum.bias.resize(static_cast<std::size_t>(m_channels));
  sum.scratch.resize(
      std::max(floats(m_full.desc.scratchpad_desc()), floats(m_single.desc.scratchpad_desc())));
  return sum;
}

void BatchWeightGradient::clear(Sum& sum) const {
  std::ranges::fill(sum.weight, 0.0f);
  std::ranges::fill(sum.bias, 0.0f);
}

void BatchWeightGradient::addBlock(const Primitive& primitive, const float* x, const float* dy,
                                   Sum& sum) const {
  const auto source = memoryAt(primitive.desc.src_desc(), x);
  const auto delta = memoryAt(primitive.desc.diff_dst_desc(), dy);
  const auto gradient = memoryAt(primitive.desc.diff_weights_desc(), sum.blockWeight.data());
  const auto scratch = memoryAt(primitive.desc.scratchpad_desc(), sum.scratch.data());
  execute(primitive.run, {{DNNL_ARG_SRC, source.get()},
                          {DNNL_ARG_DIFF_DST, delta.get()},
                          {DNNL_ARG_DIFF_WEIGHTS, gradient.get()},
                          {DNNL_ARG_SCRATCHPAD, scratch.get()}});
  addScaled(1.0f, sum.blockWeight.data(), sum.weight.data(), static_cast<Index>(sum.weight.size()));
}

void BatchWeightGradient::add(const ConstView& x, const ConstView& dy, Sum& sum) const {
  if (x.rows == m_rows)
    addBlock(m_full, x.data, dy.data, sum);
  else
    for (Index i = 0; i < x.rows; ++i) addBlock(m_single, x.row(i), dy.row(i), sum);
  if (!m_bias) return;
  thread_local std::vector<double> bias;
  bias.resize(sum.bias.size());
  channelSums(dy.data, dy.rows * m_positions, m_channels, bias.data());
  for (std::size_t c = 0; c < bias.size(); ++c) sum.bias[c] += static_cast<float>(bias[c]);
}

void BatchWeightGradient::unpack(const Sum& sum, float* weight, float* bias) const {
  auto from = memoryAt(m_full.desc.diff_weights_desc(), sum.weight.data());
  auto to = memoryAt(m_plain, weight);
  m_fromFull.execute(onednnStream(), from, to);
  onednnStream().wait();
  if (m_bias) std::ranges::copy(sum.bias, bias);
}

}  // namespace clipscope
