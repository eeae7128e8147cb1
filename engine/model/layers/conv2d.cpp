// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/conv2d.h"

#include <algorithm>
#include <utility>

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

void Conv2d::formBias(const LayerCache& cache, Index example, std::span<double> out) const {
  const float* dy = cache.dy.row(example);
  for (Index t = 0; t < m_output[1] * m_output[2]; ++t)
    for (Index o = 0; o < m_settings.outChannels; ++o)
      out[static_cast<std::size_t>(o)] += static_cast<double>(dy[t * m_settings.outChannels + o]);
}

std::span<const double> Conv2d::formWeights(const LayerCache& cache, Index example) const {
  const Conv2dSettings& s = m_settings;
  const float* x = cache.x.row(example);
  const float* dy = cache.dy.row(example);
  const Index perIn = s.inChannels / s.groups, perOut = s.outChannels / s.groups;
  const Index size = s.kernel[0] * s.kernel[1] * s.outChannels * perIn;
  std::vector<double>& packed = threadDoubles(size);
  std::fill_n(packed.begin(), size, 0.0);
  for (Index a = 0; a < s.kernel[0]; ++a)
    for (Index b = 0; b < s.kernel[1]; ++b) {
      // The outputs whose window has this cell inside the picture.
      const Index top = a * s.dilation[0] - s.padding[0], left = b * s.dilation[1] - s.padding[1];
      const auto inside = [&](Index axis, Index start) {
        const auto k = static_cast<std::size_t>(axis);
        const Index stride = s.stride[k], input = m_input[axis + 1];
        const Index first = start >= 0 ? 0 : (stride - 1 - start) / stride;
        const Index end =
            start >= input ? 0 : std::min(m_output[axis + 1], (input - 1 - start) / stride + 1);
        return std::pair{first, end};
      };
      const auto [firstRow, endRow] = inside(0, top);
      const auto [first, end] = inside(1, left);
      if (firstRow >= endRow || first >= end) continue;
      double* target = packed.data() + (a * s.kernel[1] + b) * s.outChannels * perIn;
      for (Index g = 0; g < s.groups; ++g) {
        OuterSum sum;
        sum.rows = endRow - firstRow;
        sum.columns = end - first;
        sum.delta = dy + (firstRow * m_output[2] + first) * s.outChannels + g * perOut;
        sum.deltaRow = m_output[2] * s.outChannels;
        sum.deltaStep = s.outChannels;
        sum.outputs = perOut;
        const Index y = firstRow * s.stride[0] + top, column = first * s.stride[1] + left;
        sum.x = x + (y * m_input[2] + column) * s.inChannels + g * perIn;
        sum.inputRow = s.stride[0] * m_input[2] * s.inChannels;
        sum.inputStep = s.stride[1] * s.inChannels;
        sum.inputs = perIn;
        if (outputsInside()) {
          std::swap(sum.delta, sum.x);
          std::swap(sum.deltaRow, sum.inputRow);
          std::swap(sum.deltaStep, sum.inputStep);
          std::swap(sum.outputs, sum.inputs);
        }
        addOuterSum(sum, target + g * perOut * perIn);
      }
    }
  return std::span<const double>(packed).first(static_cast<std::size_t>(size));
}

void Conv2d::addPerSample(const LayerCache& cache, Index example, GradientSet& gradient) const {
  if (trainableIndex(m_bias) >= 0) formBias(cache, example, gradient[m_bias]);
  if (trainableIndex(m_weight) < 0) return;
  const Conv2dSettings& s = m_settings;
  const Index perIn = s.inChannels / s.groups, perOut = s.outChannels / s.groups;
  const Index area = s.kernel[0] * s.kernel[1];
  const std::span<const double> packed = formWeights(cache, example);
  const auto out = gradient[m_weight];
  for (Index o = 0; o < s.outChannels; ++o)
    for (Index i = 0; i < perIn; ++i)
      for (Index k = 0; k < area; ++k)
        out[static_cast<std::size_t>((o * perIn + i) * area + k)] +=
            packed[static_cast<std::size_t>(
                (k * s.outChannels + o / perOut * perOut) * perIn +
                (outputsInside() ? i * perOut + o % perOut : o % perOut * perIn + i))];
}

bool Conv2d::formedSquaredNorm(const LayerCache& cache, Index example, ParameterId id,
                               double& out) const {
  std::span<const double> formed;
  if (id == m_bias) {
    std::vector<double>& bias = threadDoubles(m_settings.outChannels);
    std::fill_n(bias.begin(), m_settings.outChannels, 0.0);
    formBias(cache, example, bias);
    formed = std::span(bias).first(static_cast<std::size_t>(m_settings.outChannels));
  } else {
    formed = formWeights(cache, example);
  }
  out = sumSquares(formed.data(), static_cast<Index>(formed.size()));
  return true;
}

}  // namespace clipscope
