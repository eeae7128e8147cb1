// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/linear.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/tensor/gemm.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {

std::vector<ParameterId> idsOf(ParameterId weight, ParameterId bias) {
  return bias < 0 ? std::vector{weight} : std::vector{weight, bias};
}

}  // namespace

Linear::Linear(Index inputs, Index outputs, Shape input,
               std::shared_ptr<const ParameterTable> table, ParameterId weight, ParameterId bias)
    : Layer(std::move(input), std::move(table), idsOf(weight, bias)),
      m_inputs(inputs),
      m_outputs(outputs),
      m_positions(m_input.rank() == 2 ? m_input[0] : 1),
      m_weight(weight),
      m_bias(bias) {
  if (m_input.rank() != 1 && m_input.rank() != 2)
    throw SpecError("takes {in} or {positions, in}, not " + m_input.toString() +
                    "; put a flatten layer in front of it");
  if (m_input[m_input.rank() - 1] != inputs)
    throw SpecError("expects " + std::to_string(inputs) + " inputs but gets " + m_input.toString());
  m_output = m_input.rank() == 2 ? Shape{m_positions, outputs} : Shape{outputs};
}

std::string Linear::describe() const {
  return "Linear " + std::to_string(m_inputs) + "→" + std::to_string(m_outputs);
}

bool Linear::gramIsCheaper() const {
  return m_positions * (m_inputs + m_outputs) < m_inputs * m_outputs;
}

CacheSize Linear::cacheSize(Index maxRows) const {
  // Scratch holds the scaled gradients of the weighted product; for several positions also, one
  // example at a time, two Gram matrices or the formed gradient.
  Index scratch = maxRows * m_positions * m_outputs;
  if (m_positions > 1)
    scratch = std::max(scratch, std::max(2 * m_positions * m_positions, m_inputs * m_outputs));
  return {0, scratch};
}

void Linear::forward(const ParameterView& parameters, LayerCache& cache, const DrawKey&) const {
  const Index rows = cache.x.rows * m_positions;
  gemm(false, true, rows, m_outputs, m_inputs, 1.0f, cache.x.data, m_inputs,
       parameters.values[m_weight].data(), m_inputs, 0.0f, cache.y.data, m_outputs);
  if (m_bias < 0) return;
  const float* bias = parameters.values[m_bias].data();
  parallelRanges(rows, rows * m_outputs, [&](Index first, Index last) {
    addBias(bias, cache.y.data + first * m_outputs, last - first, m_outputs);
  });
}

void Linear::backward(const ParameterView& parameters, View dx, LayerCache& cache) const {
  if (!dx) return;
  gemm(false, false, cache.x.rows * m_positions, m_inputs, m_outputs, 1.0f, cache.dy.data,
       m_outputs, parameters.values[m_weight].data(), m_inputs, 0.0f, dx.data, m_inputs);
}

double Linear::formedSquaredNorm(const float* x, const float* delta, float* scratch) const {
  gemm(true, false, m_outputs, m_inputs, m_positions, 1.0f, delta, m_outputs, x, m_inputs, 0.0f,
       scratch, m_inputs);
  return sumSquares(scratch, m_outputs * m_inputs);
}

double Linear::gramSquaredNorm(const float* x, const float* delta, float* scratch) const {
  const Index t = m_positions;
  gemm(false, true, t, t, m_inputs, 1.0f, x, m_inputs, x, m_inputs, 0.0f, scratch, t);
  gemm(false, true, t, t, m_outputs, 1.0f, delta, m_outputs, delta, m_outputs, 0.0f,
       scratch + t * t, t);
  return dotProduct(scratch, scratch + t * t, t * t);
}

double Linear::weightSquaredNorm(const float* x, const float* delta, float* scratch) const {
  const double scale =
      sumSquares(x, m_positions * m_inputs) * sumSquares(delta, m_positions * m_outputs);
  if (m_positions == 1) return scale;
  // A float Gram matrix of squares leaves float's range long before the norm does.
  const bool inRange = scale > 1e-20 && scale < 1e20;
  if (gramIsCheaper() && inRange) {
    const double gram = gramSquaredNorm(x, delta, scratch);
    if (gram >= 1e-4 * scale) return gram;
  }
  return formedSquaredNorm(x, delta, scratch);
}

double Linear::biasSquaredNorm(const float* delta) const {
  if (m_positions == 1) return sumSquares(delta, m_outputs);
  double total = 0;
  for (Index o = 0; o < m_outputs; ++o) {
    double sum = 0;
    for (Index t = 0; t < m_positions; ++t) sum += static_cast<double>(delta[t * m_outputs + o]);
    total += sum * sum;
  }
  return total;
}

void Linear::squaredNorms(LayerCache& cache, NormColumns out) const {
  const Index weight = trainableIndex(m_weight);
  const Index bias = trainableIndex(m_bias);
  if (weight < 0 && bias < 0) return;
  const auto rowsOf = [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      if (weight >= 0)
        out.at(i, weight) = weightSquaredNorm(cache.x.row(i), cache.dy.row(i), cache.scratch);
      if (bias >= 0) out.at(i, bias) = biasSquaredNorm(cache.dy.row(i));
    }
  };
  // With several positions each example needs the scratch for itself.
  if (m_positions > 1)
    rowsOf(0, cache.x.rows);
  else
    parallelRanges(cache.x.rows, cache.x.size() + cache.dy.size(), rowsOf);
}

void Linear::addWeighted(LayerCache& cache, const FactorMatrix& factors, SumSet& sums) const {
  const Index weight = trainableIndex(m_weight);
  const Index bias = trainableIndex(m_bias);
  const Index rows = cache.x.rows;
  const Index width = m_positions * m_outputs;
  for (Index s = 0; s < factors.strategies; ++s) {
    if (weight >= 0) {
      // Δᵀ diag(f): scaled here once, then one product over the rows from the first to the last
      // that takes part. A factor of 0 selects zeros, so that a NaN in δ cannot pass; x was blanked
      // by the model where it is not finite.
      Index from = 0, to = rows;
      while (from < to && factors.at(from, s, weight) == 0.0f) ++from;
      while (from < to && factors.at(to - 1, s, weight) == 0.0f) --to;
      bool plain = true;
      for (Index i = from; i < to; ++i) plain = plain && factors.at(i, s, weight) == 1.0f;
      const float* weighted = plain ? cache.dy.data : cache.scratch;
      if (!plain)
        parallelRanges(to - from, (to - from) * width, [&](Index first, Index last) {
          for (Index i = from + first; i < from + last; ++i) {
            const float f = factors.at(i, s, weight);
            float* row = cache.scratch + i * width;
            if (f == 0.0f)
              std::fill_n(row, width, 0.0f);
            else
              scaled(f, cache.dy.row(i), row, width);
          }
        });
      if (from < to)
        gemm(true, false, m_outputs, m_inputs, (to - from) * m_positions, 1.0f,
             weighted + from * width, m_outputs, cache.x.row(from), m_inputs, 1.0f,
             sums.data(s, weight), m_inputs);
    }
    if (bias >= 0) {
      float* sum = sums.data(s, bias);
      for (Index i = 0; i < rows; ++i) {
        const float f = factors.at(i, s, bias);
        if (f == 0.0f) continue;
        for (Index t = 0; t < m_positions; ++t)
          addScaled(f, cache.dy.row(i) + t * m_outputs, sum, m_outputs);
      }
    }
  }
}

void Linear::addPerSample(const LayerCache& cache, Index example, GradientSet& gradient) const {
  for (Index t = 0; t < m_positions; ++t) {
    const float* x = cache.x.row(example) + t * m_inputs;
    const float* delta = cache.dy.row(example) + t * m_outputs;
    if (trainableIndex(m_weight) >= 0)
      addOuter(delta, m_outputs, x, m_inputs, gradient[m_weight].data());
    if (trainableIndex(m_bias) >= 0) {
      const auto bias = gradient[m_bias];
      for (Index o = 0; o < m_outputs; ++o)
        bias[static_cast<std::size_t>(o)] += static_cast<double>(delta[o]);
    }
  }
}

bool Linear::formedSquaredNorm(const LayerCache& cache, Index example, ParameterId id,
                               double& out) const {
  if (m_positions > 1) return false;
  if (id == m_bias)
    out = sumSquares(cache.dy.row(example), m_outputs);
  else
    out = outerSquaredNorm(cache.dy.row(example), m_outputs, cache.x.row(example), m_inputs);
  return true;
}

bool Linear::gradientFactors(const LayerCache& cache, ParameterId id, GradientFactors& out) const {
  if (m_positions > 1) return false;
  out.left = cache.dy;
  out.right = id == m_bias ? ConstView() : cache.x;
  return true;
}

}  // namespace clipscope
