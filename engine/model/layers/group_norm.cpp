// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/group_norm.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "engine/error.h"
#include "engine/model/layers/affine_parameters.h"
#include "engine/tensor/channel_kernels.h"
#include "engine/tensor/outer_kernels.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

GroupNorm::GroupNorm(std::string_view kind, Index groups, Index channels, double epsilon,
                     Shape input, std::shared_ptr<const ParameterTable> table, ParameterId weight,
                     ParameterId bias)
    : Layer(std::move(input), std::move(table), presentIds(weight, bias)),
      m_kind(kind),
      m_groups(groups),
      m_channels(channels),
      m_epsilon(epsilon),
      m_weight(weight),
      m_bias(bias) {
  if (m_input.rank() != 3 && m_input.rank() != 1)
    throw SpecError("takes {C, H, W} or {C}, not " + m_input.toString());
  if (m_input[0] != channels)
    throw SpecError("expects " + std::to_string(channels) + " channels but gets " +
                    m_input.toString());
  if (groups < 1 || channels % groups != 0)
    throw SpecError(std::to_string(groups) + " groups do not divide " + std::to_string(channels) +
                    " channels");
  m_positions = m_input.size() / channels;
  m_output = m_input;
}

std::string GroupNorm::describe() const {
  if (m_kind == "instancenorm2d") return "InstanceNorm " + std::to_string(m_channels);
  return "GroupNorm " + std::to_string(m_groups) + " of " + std::to_string(m_channels);
}

CacheSize GroupNorm::cacheSize(Index) const { return {4 * m_channels, 0}; }

GroupNorm::Kept GroupNorm::kept(const LayerCache& cache, Index example) const {
  float* row = cache.keptRow(example, cacheSize(0));
  return {row, row + m_channels, row + 2 * m_channels, row + 3 * m_channels};
}

void GroupNorm::forward(const ParameterView& parameters, LayerCache& cache, const DrawKey&) const {
  parallelRanges(cache.x.rows, 8 * cache.x.size(), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) forwardExample(parameters, cache, i);
  });
}

void GroupNorm::forwardExample(const ParameterView& parameters, LayerCache& cache,
                               Index example) const {
  const Kept k = kept(cache, example);
  const float* x = cache.x.row(example);
  const Index perGroup = m_channels / m_groups;
  const double count = static_cast<double>(perGroup * m_positions);
  std::vector<double>& sums = threadDoubles(m_channels);

  channelSums(x, m_positions, m_channels, sums.data());
  for (Index g = 0; g < m_groups; ++g) {
    double total = 0;
    for (Index c = g * perGroup; c < (g + 1) * perGroup; ++c)
      total += sums[static_cast<std::size_t>(c)];
    for (Index c = g * perGroup; c < (g + 1) * perGroup; ++c)
      k.mean[c] = static_cast<float>(total / count);
  }
  channelSquares(x, m_positions, m_channels, k.mean, sums.data());
  // The gradients' rows are free until the backward pass: scale and shift are built there.
  float* scale = k.weightGradient;
  float* shift = k.biasGradient;
  for (Index g = 0; g < m_groups; ++g) {
    double total = 0;
    for (Index c = g * perGroup; c < (g + 1) * perGroup; ++c)
      total += sums[static_cast<std::size_t>(c)];
    const double inverse = 1.0 / std::sqrt(total / count + m_epsilon);
    for (Index c = g * perGroup; c < (g + 1) * perGroup; ++c) {
      const auto at = static_cast<std::size_t>(c);
      k.inverseStd[c] = static_cast<float>(inverse);
      scale[c] = k.inverseStd[c] * (m_weight < 0 ? 1.0f : parameters.values[m_weight][at]);
      shift[c] = m_bias < 0 ? 0.0f : parameters.values[m_bias][at];
    }
  }
  channelAffine(x, m_positions, m_channels, k.mean, scale, shift, m_relu, cache.y.row(example));
}

void GroupNorm::backward(const ParameterView& parameters, View dx, LayerCache& cache) const {
  if (!dx && trainableIndex(m_weight) < 0 && trainableIndex(m_bias) < 0) {
    if (m_relu) maskRelu(cache);
    return;
  }
  parallelRanges(cache.x.rows, 8 * cache.x.size(), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) backwardExample(parameters, dx, cache, i);
  });
}

void GroupNorm::backwardExample(const ParameterView& parameters, View dx, LayerCache& cache,
                                Index example) const {
  const Kept k = kept(cache, example);
  const float* x = cache.x.row(example);
  float* dy = cache.dy.row(example);
  const auto channels = static_cast<std::size_t>(m_channels);
  std::vector<double>& sums = threadDoubles(2 * m_channels);
  double* plain = sums.data();
  double* weighted = sums.data() + channels;
  channelGradientSums(x, m_relu ? cache.y.row(example) : nullptr, dy, m_positions, m_channels,
                      k.mean, k.inverseStd, plain, weighted);
  for (std::size_t c = 0; c < channels; ++c) {
    k.weightGradient[c] = static_cast<float>(weighted[c]);
    k.biasGradient[c] = static_cast<float>(plain[c]);
  }
  if (!dx) return;

  // dx = r (γ dy − mean(γ dy) − x̂ mean(γ dy x̂)), means over the group; as one pass with three
  // coefficients a channel.
  const Index perGroup = m_channels / m_groups;
  const double count = static_cast<double>(perGroup * m_positions);
  std::vector<float>& coefficients = threadFloats(3 * m_channels);
  float* a = coefficients.data();
  float* b = a + channels;
  float* offset = b + channels;
  for (Index g = 0; g < m_groups; ++g) {
    double mean = 0, meanHat = 0;
    for (Index c = g * perGroup; c < (g + 1) * perGroup; ++c) {
      const double gamma =
          m_weight < 0
              ? 1.0
              : static_cast<double>(parameters.values[m_weight][static_cast<std::size_t>(c)]);
      mean += gamma * plain[c] / count;
      meanHat += gamma * weighted[c] / count;
    }
    for (Index c = g * perGroup; c < (g + 1) * perGroup; ++c) {
      const double r = static_cast<double>(k.inverseStd[c]);
      const float gamma =
          m_weight < 0 ? 1.0f : parameters.values[m_weight][static_cast<std::size_t>(c)];
      a[c] = k.inverseStd[c] * gamma;
      b[c] = static_cast<float>(-r * r * meanHat);
      offset[c] = static_cast<float>(-r * mean);
    }
  }
  channelBackward(x, dy, m_positions, m_channels, k.mean, a, b, offset, dx.row(example));
}

void GroupNorm::squaredNorms(LayerCache& cache, NormColumns out) const {
  for (Index i = 0; i < cache.x.rows; ++i) {
    const Kept k = kept(cache, i);
    if (const Index t = trainableIndex(m_weight); t >= 0)
      out.at(i, t) = sumSquares(k.weightGradient, m_channels);
    if (const Index t = trainableIndex(m_bias); t >= 0)
      out.at(i, t) = sumSquares(k.biasGradient, m_channels);
  }
}

void GroupNorm::addWeighted(LayerCache& cache, const FactorMatrix& factors, SumSet& sums) const {
  const Kept first = kept(cache, 0);
  const Index stride = cacheSize(cache.x.rows).keptPerExample;
  addFormed(factors, trainableIndex(m_weight), first.weightGradient, stride, m_channels, sums);
  addFormed(factors, trainableIndex(m_bias), first.biasGradient, stride, m_channels, sums);
}

template <class Body>
void GroupNorm::formGradients(const LayerCache& cache, Index example, Body&& body) const {
  const float* x = cache.x.row(example);
  const Index perGroup = m_channels / m_groups;
  // One of a group's values is near enough to its mean for the variance to be a difference.
  std::vector<float>& centre = threadFloats(m_channels);
  for (Index c = 0; c < m_channels; ++c) centre[static_cast<std::size_t>(c)] = x[c - c % perGroup];
  thread_local std::vector<CentredSums> sums;
  sums.resize(static_cast<std::size_t>(m_channels));
  centredSums(x, cache.dy.row(example), m_positions, m_channels, centre.data(), sums.data());
  const double count = static_cast<double>(perGroup * m_positions);
  for (Index g = 0; g < m_groups; ++g) {
    const auto group = std::span(sums).subspan(static_cast<std::size_t>(g * perGroup),
                                               static_cast<std::size_t>(perGroup));
    double mean = 0, square = 0;
    for (const CentredSums& channel : group) {
      mean += channel.x / count;
      square += channel.xx / count;
    }
    const double inverse = 1.0 / std::sqrt(std::max(square - mean * mean, 0.0) + m_epsilon);
    for (Index c = 0; c < perGroup; ++c) {
      const CentredSums& channel = group[static_cast<std::size_t>(c)];
      body(static_cast<std::size_t>(g * perGroup + c), (channel.dyx - mean * channel.dy) * inverse,
           channel.dy);
    }
  }
}

void GroupNorm::addPerSample(const LayerCache& cache, Index example, GradientSet& gradient) const {
  const bool weight = trainableIndex(m_weight) >= 0, bias = trainableIndex(m_bias) >= 0;
  double* weightGradient = weight ? gradient[m_weight].data() : nullptr;
  double* biasGradient = bias ? gradient[m_bias].data() : nullptr;
  formGradients(cache, example, [&](std::size_t c, double gamma, double beta) {
    if (weight) weightGradient[c] += gamma;
    if (bias) biasGradient[c] += beta;
  });
}

bool GroupNorm::formedSquaredNorm(const LayerCache& cache, Index example, ParameterId id,
                                  double& out) const {
  out = 0;
  formGradients(cache, example, [&](std::size_t, double gamma, double beta) {
    const double value = id == m_weight ? gamma : beta;
    out += value * value;
  });
  return true;
}

}  // namespace clipscope
