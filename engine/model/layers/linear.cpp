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

void Linear::compile(Index maxRows) {
  m_tiled = maxRows * m_positions <= LinearTiles::mostRows;
  m_tiles = LinearTiles(m_inputs, m_outputs);
}

void Linear::prepare(const Parameters& values, float* prepared) const {
  if (m_tiled)
    m_tiles.prepare(values[m_weight].data(), m_bias < 0 ? nullptr : values[m_bias].data(),
                    prepared);
}

CacheSize Linear::cacheSize(Index maxRows) const {
  // Scratch holds the scaled gradients of the weighted product; for several positions also, one
  // example at a time, two Gram matrices or the formed gradient.
  Index scratch = maxRows * m_positions * convPanels(m_outputs) * convPanel;
  if (m_positions > 1)
    scratch = std::max(scratch, std::max(2 * m_positions * m_positions, m_inputs * m_outputs));
  return {0, scratch};
}

void Linear::forward(const ParameterView& parameters, LayerCache& cache, const DrawKey&) const {
  const Index rows = cache.x.rows * m_positions;
  if (m_tiled) {
    m_tiles.forward(parameters.prepared, cache.x.data, rows, m_relu, cache.y.data);
    return;
  }
  gemm(false, true, rows, m_outputs, m_inputs, 1.0f, cache.x.data, m_inputs,
       parameters.values[m_weight].data(), m_inputs, 0.0f, cache.y.data, m_outputs);
  const float* bias = m_bias < 0 ? nullptr : parameters.values[m_bias].data();
  if (!bias && !m_relu) return;
  parallelRanges(rows, rows * m_outputs, [&](Index first, Index last) {
    float* y = cache.y.data + first * m_outputs;
    if (bias && m_relu)
      addBiasRelu(bias, y, last - first, m_outputs);
    else if (bias)
      addBias(bias, y, last - first, m_outputs);
    else
      reluForward(y, y, (last - first) * m_outputs);
  });
}

void Linear::backward(const ParameterView& parameters, View dx, LayerCache& cache) const {
  if (m_relu) maskRelu(cache);
  if (!dx) return;
  const Index rows = cache.x.rows * m_positions;
  if (m_tiled)
    m_tiles.backward(parameters.prepared, cache.dy.data, rows, dx.data);
  else
    gemm(false, false, rows, m_inputs, m_outputs, 1.0f, cache.dy.data, m_outputs,
         parameters.values[m_weight].data(), m_inputs, 0.0f, dx.data, m_inputs);
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
  for (Index s = 0; s < factors.strategies; ++s) {
    if (weight >= 0) addWeights(cache, factors, s, sums);
    if (bias < 0) continue;
    float* sum = sums.data(s, bias);
    for (Index i = 0; i < cache.x.rows; ++i) {
      const float f = factors.at(i, s, bias);
      if (f == 0.0f) continue;
      for (Index t = 0; t < m_positions; ++t)
        addScaled(f, cache.dy.row(i) + t * m_outputs, sum, m_outputs);
    }
  }
}

void Linear::addWeights(LayerCache& cache, const FactorMatrix& factors, Index strategy,
                        SumSet& sums) const {
  const Index weight = trainableIndex(m_weight);
  // Δᵀ diag(f): scaled here once, then one product over the rows from the first to the last that
  // takes part. A factor of 0 selects zeros, so that a NaN in δ cannot pass; x was blanked by the
  // model where it is not finite.
  const auto factor = [&](Index i) { return factors.at(i, strategy, weight); };
  Index from = 0, to = cache.x.rows;
  while (from < to && factor(from) == 0.0f) ++from;
  while (from < to && factor(to - 1) == 0.0f) --to;
  if (from == to) return;
  // The tiles want whole panels of outputs.
  const Index width = m_tiled ? m_tiles.deltaWidth() : m_outputs;
  bool plain = width == m_outputs;
  for (Index i = from; i < to; ++i) plain = plain && factor(i) == 1.0f;
  const Index perRow = m_positions * width;
  const float* weighted = plain ? cache.dy.data : cache.scratch;
  if (!plain)
    parallelRanges(to - from, (to - from) * perRow, [&](Index first, Index last) {
      for (Index i = from + first; i < from + last; ++i)
        for (Index t = 0; t < m_positions; ++t) {
          float* row = cache.scratch + i * perRow + t * width;
          const bool left = factor(i) == 0.0f;
          if (!left) scaled(factor(i), cache.dy.row(i) + t * m_outputs, row, m_outputs);
          std::fill(row + (left ? 0 : m_outputs), row + width, 0.0f);
        }
    });
  const Index rows = (to - from) * m_positions;
  if (m_tiled) {
    m_tiles.addProduct(cache.x.row(from), weighted + from * perRow, rows,
                       sums.data(strategy, weight));
    return;
  }
  // The first block of a step overwrites.
  const float kept = sums.takeEmpty(strategy, weight) ? 0.0f : 1.0f;
  gemm(true, false, m_outputs, m_inputs, rows, 1.0f, weighted + from * perRow, m_outputs,
       cache.x.row(from), m_inputs, kept, sums.data(strategy, weight), m_inputs);
}

Index Linear::packedSize(ParameterId id) const {
  return m_tiled && id == m_weight ? m_tiles.sumSize() : Layer::packedSize(id);
}

void Linear::unpack(ParameterId id, const float* packed, float* plain) const {
  if (m_tiled && id == m_weight)
    m_tiles.unpack(packed, plain);
  else
    Layer::unpack(id, packed, plain);
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
