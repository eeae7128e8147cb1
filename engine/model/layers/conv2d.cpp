// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/conv2d.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/model/layers/affine_parameters.h"
#include "engine/model/layers/conv2d_primitives.h"
#include "engine/model/layers/window.h"
#include "engine/tensor/channel_kernels.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {

dnnl::memory memoryAt(const dnnl::memory::desc& desc, const float* data) {
  return dnnl::memory(desc, onednnEngine(), const_cast<float*>(data));
}

Index roundUp(Index count) { return (count + 15) / 16 * 16; }

}  // namespace

Conv2d::Conv2d(const Conv2dSettings& settings, Shape input,
               std::shared_ptr<const ParameterTable> table, ParameterId weight, ParameterId bias)
    : Layer(std::move(input), std::move(table), presentIds(weight, bias)),
      m_settings(settings),
      m_weight(weight),
      m_bias(bias) {
  if (m_input.rank() != 3 || m_input[0] != settings.inChannels)
    throw SpecError("expects " + std::to_string(settings.inChannels) + " channels but gets " +
                    m_input.toString());
  const auto [height, width] = windowedExtent(m_input, settings.kernel, settings.stride,
                                              settings.padding, settings.dilation);
  m_output = Shape{settings.outChannels, height, width};
}

Conv2d::~Conv2d() = default;

Shape Conv2d::weightShape(const Conv2dSettings& s) {
  return Shape{s.outChannels, s.inChannels / s.groups, s.kernel[0], s.kernel[1]};
}

std::string Conv2d::describe() const {
  std::string text = "Conv " + std::to_string(m_settings.inChannels) + "→" +
                     std::to_string(m_settings.outChannels) + ", " + pairText(m_settings.kernel);
  if (m_settings.stride != std::array<Index, 2>{1, 1})
    text.append(" ").append(strideText(m_settings.stride));
  if (m_settings.groups > 1) text += ", " + std::to_string(m_settings.groups) + " groups";
  return text;
}

Index Conv2d::work() const { return m_output[1] * m_output[2] * weightShape(m_settings).size(); }

void Conv2d::compile(Index maxRows) {
  m_rows = maxRows;
  m_primitives = std::make_unique<Primitives>(m_settings, m_input, m_output, maxRows);
}

CacheSize Conv2d::cacheSize(Index) const {
  // Before compile() only the size of the kept gradient is known, and only roughly: enough to
  // choose the block.
  if (!m_primitives) return {roundUp(weightShape(m_settings).size()) + m_settings.outChannels, 0};
  return {m_primitives->gradientSize() + roundUp(m_settings.outChannels), m_primitives->scratch()};
}

Index Conv2d::preparedSize() const {
  return m_primitives->forwardSize() + m_primitives->backwardSize();
}

void Conv2d::prepare(const Parameters& values, float* prepared) const {
  const Primitives& p = *m_primitives;
  auto plain = memoryAt(p.plainWeights, values[m_weight].data());
  auto forward = memoryAt(p.forwardDesc.weights_desc(), prepared);
  auto backward = memoryAt(p.backwardDesc.weights_desc(), prepared + p.forwardSize());
  p.toForward.execute(onednnStream(), plain, forward);
  p.toBackward.execute(onednnStream(), plain, backward);
  onednnStream().wait();
}

void Conv2d::forward(const ParameterView& parameters, LayerCache& cache, const DrawKey&) const {
  // The primitive runs over a full block; the rows beyond the block's own are left unread.
  const Primitives& p = *m_primitives;
  const auto source = memoryAt(p.forwardDesc.src_desc(), cache.x.data);
  const auto weights = memoryAt(p.forwardDesc.weights_desc(), parameters.prepared);
  const auto target = memoryAt(p.forwardDesc.dst_desc(), cache.y.data);
  const auto scratch = memoryAt(p.forwardDesc.scratchpad_desc(), cache.scratch);
  const dnnl_exec_arg_t in{DNNL_ARG_SRC, source.get()}, w{DNNL_ARG_WEIGHTS, weights.get()},
      out{DNNL_ARG_DST, target.get()}, work{DNNL_ARG_SCRATCHPAD, scratch.get()};
  if (m_bias < 0) {
    execute(p.forward, {in, w, out, work});
    return;
  }
  const auto bias = memoryAt(p.forwardDesc.bias_desc(), parameters.values[m_bias].data());
  execute(p.forward, {in, w, {DNNL_ARG_BIAS, bias.get()}, out, work});
}

void Conv2d::backward(const ParameterView& parameters, View dx, LayerCache& cache) const {
  if (!dx) return;
  const Primitives& p = *m_primitives;
  const auto dy = memoryAt(p.backwardDesc.diff_dst_desc(), cache.dy.data);
  const auto weights =
      memoryAt(p.backwardDesc.weights_desc(), parameters.prepared + p.forwardSize());
  const auto target = memoryAt(p.backwardDesc.diff_src_desc(), dx.data);
  const auto scratch = memoryAt(p.backwardDesc.scratchpad_desc(), cache.scratch);
  execute(p.backward, {{DNNL_ARG_DIFF_DST, dy.get()},
                       {DNNL_ARG_WEIGHTS, weights.get()},
                       {DNNL_ARG_DIFF_SRC, target.get()},
                       {DNNL_ARG_SCRATCHPAD, scratch.get()}});
}

void Conv2d::squaredNorms(LayerCache& cache, NormColumns out) const {
  const Primitives& p = *m_primitives;
  const Index weight = trainableIndex(m_weight);
  const Index bias = trainableIndex(m_bias);
  const CacheSize size = cacheSize(m_rows);
  if (weight >= 0) {
    auto x = memoryAt(p.weightsDesc.src_desc(), cache.x.data);
    auto dy = memoryAt(p.weightsDesc.diff_dst_desc(), cache.dy.data);
    auto gradient = memoryAt(p.weightsDesc.diff_weights_desc(), cache.kept);
    const auto scratch = memoryAt(p.weightsDesc.scratchpad_desc(), cache.scratch);
    for (Index i = 0; i < cache.x.rows; ++i) {
      float* kept = cache.keptRow(i, size);
      x.set_data_handle(const_cast<float*>(cache.x.row(i)));
      dy.set_data_handle(cache.dy.row(i));
      gradient.set_data_handle(kept);
      execute(p.weights, {{DNNL_ARG_SRC, x.get()},
                          {DNNL_ARG_DIFF_DST, dy.get()},
                          {DNNL_ARG_DIFF_WEIGHTS, gradient.get()},
                          {DNNL_ARG_SCRATCHPAD, scratch.get()}});
      out.at(i, weight) = sumSquares(kept, p.gradientSize());
    }
  }
  if (bias >= 0) {
    std::vector<double>& sums = threadDoubles(m_settings.outChannels);
    for (Index i = 0; i < cache.x.rows; ++i) {
      float* kept = cache.keptRow(i, size) + p.gradientSize();
      channelSums(cache.dy.row(i), m_output[1] * m_output[2], m_settings.outChannels, sums.data());
      for (Index o = 0; o < m_settings.outChannels; ++o)
        kept[o] = static_cast<float>(sums[static_cast<std::size_t>(o)]);
      out.at(i, bias) = sumSquares(kept, m_settings.outChannels);
    }
  }
}

void Conv2d::addWeighted(LayerCache& cache, const FactorMatrix& factors, SumSet& sums) const {
  const Index stride = cacheSize(m_rows).keptPerExample;
  const Index gradient = m_primitives->gradientSize();
  addFormed(factors, trainableIndex(m_weight), cache.kept, stride, gradient, sums);
  addFormed(factors, trainableIndex(m_bias), cache.kept + gradient, stride, m_settings.outChannels,
            sums);
}

Index Conv2d::packedSize(ParameterId id) const {
  return id == m_weight ? m_primitives->gradientSize() : m_settings.outChannels;
}

void Conv2d::unpack(ParameterId id, const float* packed, float* plain) const {
  if (id != m_weight) {
    std::copy_n(packed, m_settings.outChannels, plain);
    return;
  }
  const Primitives& p = *m_primitives;
  auto from = memoryAt(p.weightsDesc.diff_weights_desc(), packed);
  auto to = memoryAt(p.plainWeights, plain);
  p.fromGradient.execute(onednnStream(), from, to);
  onednnStream().wait();
}

void Conv2d::addPerSample(const LayerCache& cache, Index example, GradientSet& gradient) const {
  const Conv2dSettings& s = m_settings;
  const float* x = cache.x.row(example);
  const float* dy = cache.dy.row(example);
  const Index perIn = s.inChannels / s.groups, perOut = s.outChannels / s.groups;
  const Index area = s.kernel[0] * s.kernel[1];
  const bool weight = trainableIndex(m_weight) >= 0, bias = trainableIndex(m_bias) >= 0;
  // [kernel position][group] × an outer product of outputs and inputs of the group, the longer of
  // the two innermost.
  const bool outputsInside = perOut > perIn;
  std::vector<double> packed(static_cast<std::size_t>(weight ? area * s.outChannels * perIn : 0));
  for (Index row = 0; row < m_output[1]; ++row)
    for (Index column = 0; column < m_output[2]; ++column) {
      const float* delta = dy + (row * m_output[2] + column) * s.outChannels;
      if (bias)
        for (Index o = 0; o < s.outChannels; ++o)
          gradient[m_bias][static_cast<std::size_t>(o)] += static_cast<double>(delta[o]);
      if (!weight) continue;
      for (Index a = 0; a < s.kernel[0]; ++a)
        for (Index b = 0; b < s.kernel[1]; ++b) {
          const Index y = row * s.stride[0] - s.padding[0] + a * s.dilation[0];
          const Index z = column * s.stride[1] - s.padding[1] + b * s.dilation[1];
          if (y < 0 || y >= m_input[1] || z < 0 || z >= m_input[2]) continue;
          const float* pixel = x + (y * m_input[2] + z) * s.inChannels;
          double* target = packed.data() + (a * s.kernel[1] + b) * s.outChannels * perIn;
          for (Index g = 0; g < s.groups; ++g) {
            const float *d = delta + g * perOut, *in = pixel + g * perIn;
            double* product = target + g * perOut * perIn;
            if (outputsInside)
              addOuter(in, perIn, d, perOut, product);
            else
              addOuter(d, perOut, in, perIn, product);
          }
        }
    }
  if (!weight) return;
  const auto out = gradient[m_weight];
  for (Index o = 0; o < s.outChannels; ++o)
    for (Index i = 0; i < perIn; ++i)
      for (Index k = 0; k < area; ++k)
        out[static_cast<std::size_t>((o * perIn + i) * area + k)] +=
            packed[static_cast<std::size_t>(
                (k * s.outChannels + o / perOut * perOut) * perIn +
                (outputsInside ? i * perOut + o % perOut : o % perOut * perIn + i))];
}

}  // namespace clipscope
