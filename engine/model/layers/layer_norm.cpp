// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/model/layers/affine_parameters.h"
#include "engine/tensor/parallel.h"
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

std::string LayerNorm::describe() const { return "LayerNorm " + m_shape.toString(); }

CacheSize LayerNorm::cacheSize(Index) const { return {2 * m_positions + 2 * m_width, 0}; }

template <class Body>
void LayerNorm::forValues(Body&& body) const {
  if (m_area == 1) {
    for (Index j = 0; j < m_width; ++j) body(j, j);
    return;
  }
  const Index channels = m_width / m_area;
  Index j = 0;
  for (Index p = 0; p < m_area; ++p)
    for (Index c = 0; c < channels; ++c, ++j) body(j, c * m_area + p);
}

LayerNorm::Kept LayerNorm::kept(const LayerCache& cache, Index example) const {
  float* row = cache.keptRow(example, cacheSize(0));
  return {row, row + m_positions, row + 2 * m_positions, row + 2 * m_positions + m_width};
}

void LayerNorm::forward(const ParameterView& parameters, LayerCache& cache, const DrawKey&) const {
  const float* gamma = m_weight < 0 ? nullptr : parameters.values[m_weight].data();
  const float* beta = m_bias < 0 ? nullptr : parameters.values[m_bias].data();
  parallelRanges(cache.x.rows, 8 * cache.x.size(), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const Kept k = kept(cache, i);
      for (Index t = 0; t < m_positions; ++t) {
        const float* x = cache.x.row(i) + t * m_width;
        float* y = cache.y.row(i) + t * m_width;
        double mean = 0;
        for (Index j = 0; j < m_width; ++j) mean += static_cast<double>(x[j]);
        mean /= static_cast<double>(m_width);
        double squares = 0;
        for (Index j = 0; j < m_width; ++j) {
          const double centred = static_cast<double>(x[j]) - mean;
          squares += centred * centred;
        }
        k.mean[t] = static_cast<float>(mean);
        k.inverseStd[t] =
            static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(m_width) + m_epsilon));
        forValues([&](Index j, Index at) {
          const float hat = (x[j] - k.mean[t]) * k.inverseStd[t];
          y[j] = hat * (gamma ? gamma[at] : 1.0f) + (beta ? beta[at] : 0.0f);
        });
      }
    }
  });
}

void LayerNorm::backward(const ParameterView& parameters, View dx, LayerCache& cache) const {
  const float* gamma = m_weight < 0 ? nullptr : parameters.values[m_weight].data();
  parallelRanges(cache.x.rows, 8 * cache.x.size(), [&](Index first, Index last) {
    std::vector<double>& sums = threadDoubles(2 * m_width);
    for (Index i = first; i < last; ++i) {
      const Kept k = kept(cache, i);
      double* weightSum = sums.data();
      double* biasSum = sums.data() + m_width;
      std::fill_n(sums.data(), 2 * m_width, 0.0);
      for (Index t = 0; t < m_positions; ++t) {
        const float* x = cache.x.row(i) + t * m_width;
        const float* dy = cache.dy.row(i) + t * m_width;
        double mean = 0, meanHat = 0;
        forValues([&](Index j, Index at) {
          const double d = static_cast<double>(dy[j]);
          const double hat = static_cast<double>((x[j] - k.mean[t]) * k.inverseStd[t]);
          const double scaledGradient = d * (gamma ? static_cast<double>(gamma[at]) : 1.0);
          weightSum[at] += d * hat;
          biasSum[at] += d;
          mean += scaledGradient;
          meanHat += scaledGradient * hat;
        });
        if (!dx) continue;
        mean /= static_cast<double>(m_width);
        meanHat /= static_cast<double>(m_width);
        float* out = dx.row(i) + t * m_width;
        forValues([&](Index j, Index at) {
          const double d =
              static_cast<double>(dy[j]) * (gamma ? static_cast<double>(gamma[at]) : 1.0);
          const double hat = static_cast<double>((x[j] - k.mean[t]) * k.inverseStd[t]);
          out[j] =
              static_cast<float>(static_cast<double>(k.inverseStd[t]) * (d - mean - hat * meanHat));
        });
      }
      for (Index j = 0; j < m_width; ++j) {
        k.weightGradient[j] = static_cast<float>(weightSum[j]);
        k.biasGradient[j] = static_cast<float>(biasSum[j]);
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
    forValues([&](Index j, Index parameter) {
      const auto at = static_cast<std::size_t>(parameter);
      const double d = static_cast<double>(dy[j]);
      if (trainableIndex(m_weight) >= 0)
        gradient[m_weight][at] += d * (static_cast<double>(x[j]) - mean) * inverse;
      if (trainableIndex(m_bias) >= 0) gradient[m_bias][at] += d;
    });
  }
}

}  // namespace clipscope
