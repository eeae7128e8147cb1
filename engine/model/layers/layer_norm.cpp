// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/model/layers/affine_parameters.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/row_norm_kernels.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

LayerNorm::LayerNorm(Shape shape, double epsilon, Shape input,
                     std::shared_ptr<const ParameterTable> table, ParameterId weight,
                     ParameterId bias)
    : Layer(std::move(input), std::move(table), presentIds(weight, bias)),
      m_shape(std::move(shape)),
      m_epsilon(epsilon),
      m_weight(weight),
      m_bias(bias) {
  const auto& extents = m_input.extents();
  const auto& tail = m_shape.extents();
  const bool fits = !tail.empty() && tail.size() <= extents.size() &&
                    std::equal(tail.rbegin(), tail.rend(), extents.rbegin());
  if (!fits)
    throw SpecError("normalises over " + m_shape.toString() +
                    ", which is not the end of the input " + m_input.toString());
  if (m_input.rank() == 3 && m_shape.rank() != 3)
    throw SpecError("an image is normalised over all of " + m_input.toString() +
                    "; give that as its shape, or use groupnorm");
  m_width = m_shape.size();
  m_positions = m_input.size() / m_width;
  m_output = m_input;
  if (m_input.rank() == 3) m_area = m_input[1] * m_input[2];
}

Index LayerNorm::parameterIndex(Index j) const {
  if (m_area == 1) return j;
  const Index channels = m_width / m_area;
  return (j % channels) * m_area + j / channels;
}

std::string LayerNorm::describe() const { return "LayerNorm " + m_shape.toString(); }

CacheSize LayerNorm::cacheSize(Index) const { return {2 * m_positions + 2 * m_width, 0}; }

LayerNorm::Kept LayerNorm::kept(const LayerCache& cache, Index example) const {
  float* row = cache.keptRow(example, cacheSize(0));
  return {row, row + m_positions, row + 2 * m_positions, row + 2 * m_positions + m_width};
}

Index LayerNorm::preparedSize() const { return m_area == 1 ? 0 : 2 * m_width; }

void LayerNorm::prepare(const Parameters& values, float* prepared) const {
  for (const ParameterId id : {m_weight, m_bias}) {
    if (id >= 0 && m_area != 1)
      for (Index j = 0; j < m_width; ++j)
        prepared[j] = values[id][static_cast<std::size_t>(parameterIndex(j))];
    prepared += m_width;
  }
}

LayerNorm::Affine LayerNorm::affine(const ParameterView& parameters) const {
  const auto of = [&](ParameterId id, Index offset) -> const float* {
    if (id < 0) return nullptr;
    return m_area == 1 ? parameters.values[id].data() : parameters.prepared + offset;
  };
  return {of(m_weight, 0), of(m_bias, m_width)};
}

void LayerNorm::forward(const ParameterView& parameters, LayerCache& cache, const DrawKey&) const {
  const Affine affine = this->affine(parameters);
  parallelRanges(cache.x.rows, 8 * cache.x.size(), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const Kept k = kept(cache, i);
      for (Index t = 0; t < m_positions; ++t) {
        const RowStatistics s =
            normaliseRow(cache.x.row(i) + t * m_width, m_width, m_epsilon, affine.gamma,
                         affine.beta, cache.y.row(i) + t * m_width);
        k.mean[t] = s.mean;
        k.inverseStd[t] = s.inverseStd;
      }
    }
  });
}

void LayerNorm::backward(const ParameterView& parameters, View dx, LayerCache& cache) const {
  const float* gamma = affine(parameters).gamma;
  parallelRanges(cache.x.rows, 8 * cache.x.size(), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const Kept k = kept(cache, i);
      const auto position = [&](Index t) {
        rowNormGradients(cache.x.row(i) + t * m_width, cache.dy.row(i) + t * m_width, m_width,
                         {k.mean[t], k.inverseStd[t]}, gamma, k.weightGradient, k.biasGradient,
                         dx ? dx.row(i) + t * m_width : nullptr);
      };
      if (m_positions == 1) {
        position(0);
        continue;
      }
      // The positions' gradients are added up in double.
      double* sums = threadDoubles(2 * m_width).data();
      std::fill_n(sums, 2 * m_width, 0.0);
      for (Index t = 0; t < m_positions; ++t) {
        position(t);
        addToDoubles(k.weightGradient, m_width, sums);
        addToDoubles(k.biasGradient, m_width, sums + m_width);
      }
      for (Index j = 0; j < m_width; ++j) {
        k.weightGradient[j] = static_cast<float>(sums[j]);
        k.biasGradient[j] = static_cast<float>(sums[m_width + j]);
      }
    }
  });
}

void LayerNorm::squaredNorms(LayerCache& cache, NormColumns out) const {
  for (Index i = 0; i < cache.x.rows; ++i) {
    const Kept k = kept(cache, i);
    if (const Index t = trainableIndex(m_weight); t >= 0)
      out.at(i, t) = sumSquares(k.weightGradient, m_width);
    if (const Index t = trainableIndex(m_bias); t >= 0)
      out.at(i, t) = sumSquares(k.biasGradient, m_width);
  }
}

void LayerNorm::addWeighted(LayerCache& cache, const FactorMatrix& factors, SumSet& sums) const {
  const Kept first = kept(cache, 0);
  const Index stride = cacheSize(cache.x.rows).keptPerExample;
  addFormed(factors, trainableIndex(m_weight), first.weightGradient, stride, m_width, sums);
  addFormed(factors, trainableIndex(m_bias), first.biasGradient, stride, m_width, sums);
}

void LayerNorm::unpack(ParameterId id, const float* packed, float* plain) const {
  if (m_area == 1) {
    Layer::unpack(id, packed, plain);
    return;
  }
  for (Index j = 0; j < m_width; ++j) plain[parameterIndex(j)] = packed[j];
}

void LayerNorm::addPerSample(const LayerCache& cache, Index example, GradientSet& gradient) const {
  const double width = static_cast<double>(m_width);
  for (Index t = 0; t < m_positions; ++t) {
    const float* x = cache.x.row(example) + t * m_width;
    const float* dy = cache.dy.row(example) + t * m_width;
    double mean = 0, variance = 0;
    for (Index j = 0; j < m_width; ++j) mean += static_cast<double>(x[j]) / width;
    for (Index j = 0; j < m_width; ++j) {
      const double centred = static_cast<double>(x[j]) - mean;
      variance += centred * centred / width;
    }
    const double inverse = 1.0 / std::sqrt(variance + m_epsilon);
    for (Index j = 0; j < m_width; ++j) {
      const auto at = static_cast<std::size_t>(parameterIndex(j));
      const double d = static_cast<double>(dy[j]);
      if (trainableIndex(m_weight) >= 0)
        gradient[m_weight][at] += d * (static_cast<double>(x[j]) - mean) * inverse;
      if (trainableIndex(m_bias) >= 0) gradient[m_bias][at] += d;
    }
  }
}

}  // namespace clipscope
