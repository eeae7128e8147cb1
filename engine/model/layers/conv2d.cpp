// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/conv2d.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/model/layers/affine_parameters.h"
#include "engine/model/layers/conv_engine.h"
#include "engine/model/layers/window.h"
#include "engine/tensor/channel_kernels.h"
#include "engine/tensor/outer_kernels.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {

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
  Conv2dSettings settings = m_settings;
  settings.bias = m_bias >= 0;
  m_engine = makeConvEngine(settings, m_input, m_output, maxRows);
}

CacheSize Conv2d::cacheSize(Index) const {
  // Before compile() only the size of the kept gradient is known, and only roughly: enough to
  // choose the block.
  if (!m_engine) return {roundUp(weightShape(m_settings).size()) + m_settings.outChannels, 0};
  return {m_engine->gradientSize() + roundUp(m_settings.outChannels), m_engine->scratchSize()};
}

Index Conv2d::preparedSize() const { return m_engine->preparedSize(); }

void Conv2d::prepare(const Parameters& values, float* prepared) const {
  m_engine->prepare(values[m_weight].data(), m_bias < 0 ? nullptr : values[m_bias].data(),
                    prepared);
}

void Conv2d::forward(const ParameterView& parameters, LayerCache& cache, const DrawKey&) const {
  m_engine->forward(parameters.prepared, cache.x, m_relu, cache.y, cache.scratch);
}

void Conv2d::backward(const ParameterView& parameters, View dx, LayerCache& cache) const {
  if (m_relu) maskRelu(cache);
  if (dx) m_engine->backward(parameters.prepared, cache.dy, dx, cache.scratch);
}

void Conv2d::squaredNorms(LayerCache& cache, NormColumns out) const {
  const Index weight = trainableIndex(m_weight);
  const Index bias = trainableIndex(m_bias);
  const CacheSize size = cacheSize(0);
  std::vector<double>& sums = threadDoubles(m_settings.outChannels);
  for (Index i = 0; i < cache.x.rows; ++i) {
    float* kept = cache.keptRow(i, size);
    if (weight >= 0)
      out.at(i, weight) = m_engine->gradient(cache.x.row(i), cache.dy.row(i), kept, cache.scratch);
    if (bias < 0) continue;
    kept += m_engine->gradientSize();
    channelSums(cache.dy.row(i), m_output[1] * m_output[2], m_settings.outChannels, sums.data());
    for (Index o = 0; o < m_settings.outChannels; ++o)
      kept[o] = static_cast<float>(sums[static_cast<std::size_t>(o)]);
    out.at(i, bias) = sumSquares(kept, m_settings.outChannels);
  }
}

void Conv2d::addWeighted(LayerCache& cache, const FactorMatrix& factors, SumSet& sums) const {
  const Index stride = cacheSize(0).keptPerExample;
  const Index gradient = m_engine->gradientSize();
  addFormed(factors, trainableIndex(m_weight), cache.kept, stride, gradient, sums);
  addFormed(factors, trainableIndex(m_bias), cache.kept + gradient, stride, m_settings.outChannels,
            sums);
}

Index Conv2d::packedSize(ParameterId id) const {
  return id == m_weight ? m_engine->gradientSize() : m_settings.outChannels;
}

void Conv2d::unpack(ParameterId id, const float* packed, float* plain) const {
  if (id == m_weight)
    m_engine->unpack(packed, plain);
  else
    std::copy_n(packed, m_settings.outChannels, plain);
}

void Conv2d::addPerSample(const LayerCache& cache, Index example, GradientSet& gradient) const {
  const Conv2dSettings& s = m_settings;
  const float* x = cache.x.row(example);
  const float* dy = cache.dy.row(example);
  const Index perIn = s.inChannels / s.groups, perOut = s.outChannels / s.groups;
  const Index area = s.kernel[0] * s.kernel[1], positions = m_output[1] * m_output[2];
  if (trainableIndex(m_bias) >= 0) {
    const auto bias = gradient[m_bias];
    for (Index t = 0; t < positions; ++t)
      for (Index o = 0; o < s.outChannels; ++o)
        bias[static_cast<std::size_t>(o)] += static_cast<double>(dy[t * s.outChannels + o]);
  }
  if (trainableIndex(m_weight) < 0) return;
  // [kernel position][group] × sums of outer products of outputs and inputs of the group, the
  // longer of the two innermost.
  const bool outputsInside = perOut > perIn;
  std::vector<double>& packed = threadDoubles(area * s.outChannels * perIn);
  std::fill_n(packed.begin(), area * s.outChannels * perIn, 0.0);
  for (Index a = 0; a < s.kernel[0]; ++a)
    for (Index b = 0; b < s.kernel[1]; ++b) {
      // The columns whose window has this cell inside the picture.
      const Index left = b * s.dilation[1] - s.padding[1];
      const Index first = left >= 0 ? 0 : (s.stride[1] - 1 - left) / s.stride[1];
      const Index last =
          left >= m_input[2] ? 0 : std::min(m_output[2], (m_input[2] - 1 - left) / s.stride[1] + 1);
      if (first >= last) continue;
      double* target = packed.data() + (a * s.kernel[1] + b) * s.outChannels * perIn;
      for (Index row = 0; row < m_output[1]; ++row) {
        const Index y = row * s.stride[0] - s.padding[0] + a * s.dilation[0];
        if (y < 0 || y >= m_input[1]) continue;
        for (Index g = 0; g < s.groups; ++g) {
          const float* d = dy + (row * m_output[2] + first) * s.outChannels + g * perOut;
          const float* in =
              x + (y * m_input[2] + first * s.stride[1] + left) * s.inChannels + g * perIn;
          double* product = target + g * perOut * perIn;
          if (outputsInside)
            addOuterSum(last - first, in, s.stride[1] * s.inChannels, perIn, d, s.outChannels,
                        perOut, product);
          else
            addOuterSum(last - first, d, s.outChannels, perOut, in, s.stride[1] * s.inChannels,
                        perIn, product);
        }
      }
    }
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
