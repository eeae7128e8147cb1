// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/linear.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "engine/error.h"
#include "engine/tensor/dense_product.h"
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
  m_prepares = maxRows <= smallBlock;
  // A handful of sums would wait for each other; by the block's plan and not by its rows, so that
  // an example's bits are the same in a block that is not full.
  if (m_prepares && maxRows * m_positions * m_outputs <= DenseProduct::fewEntries)
    m_chains = DenseProduct::mostChains;
}

Index Linear::preparedSize() const { return m_prepares ? packedColumns(m_outputs, m_inputs) : 0; }

void Linear::prepare(const Parameters& values, float* prepared) const {
  if (m_prepares) packColumns(values[m_weight].data(), m_outputs, m_inputs, prepared);
}

CacheSize Linear::cacheSize(Index maxRows) const {
  const Index rows = maxRows * m_positions, few = std::min(rows, mostFewRows);
  // For few rows, the packed factor of the forward product and its transposed result; the scaled
  // gradients of the weighted product.
  Index scratch = m_prepares ? 0 : packedColumns(few, m_inputs) + few * m_outputs;
  scratch = std::max(scratch, rows * m_outputs);
  // For several positions also, one example at a time, two Gram matrices and a packed factor, or
  // the formed gradient.
  if (m_positions > 1)
    scratch = std::max(
        {scratch,
         2 * m_positions * m_positions + packedColumns(m_positions, std::max(m_inputs, m_outputs)),
         m_inputs * m_outputs});
  return {0, scratch};
}

void Linear::forward(const ParameterView& parameters, LayerCache& cache, const DrawKey&) const {
  const Index rows = cache.x.rows * m_positions;
  const float* weights = parameters.values[m_weight].data();
  DenseProduct p;
  p.depth = m_inputs;
  p.aCell = m_inputs;
  p.aStep = 1;
  p.bias = m_bias < 0 ? nullptr : parameters.values[m_bias].data();
  p.relu = m_relu;
  if (rows <= mostFewRows && !m_prepares) {
    // Few rows are sooner turned over than the weights: yᵀ = W xᵀ.
    packColumns(cache.x.data, rows, m_inputs, cache.scratch);
    p.cells = m_outputs;
    p.columns = rows;
    p.a = weights;
    p.b = cache.scratch;
    p.bPanel = m_inputs * productPanel;
    p.bStep = packedStep(rows);
    p.biasByRow = true;
    p.c = cache.scratch + packedColumns(rows, m_inputs);
    p.cStep = rows;
    multiply(p);
    transpose(p.c, m_outputs, rows, cache.y.data);
    return;
  }
  if (m_prepares) {
    p.b = parameters.prepared;
    p.bPanel = m_inputs * productPanel;
    p.bStep = packedStep(m_outputs);
    p.chains = m_chains;
  } else {
    p.b = weights;
    p.bStep = m_inputs;
    p.bTurned = true;
  }
  p.cells = rows;
  p.columns = m_outputs;
  p.a = cache.x.data;
  p.c = cache.y.data;
  p.cStep = m_outputs;
  multiply(p);
}

void Linear::backward(const ParameterView& parameters, View dx, LayerCache& cache) const {
  if (m_relu) maskRelu(cache);
  if (!dx) return;
  DenseProduct p;
  p.cells = cache.x.rows * m_positions;
  p.columns = m_inputs;
  p.depth = m_outputs;
  p.a = cache.dy.data;
  p.aCell = m_outputs;
  p.aStep = 1;
  p.b = parameters.values[m_weight].data();
  p.bStep = m_inputs;
  p.c = dx.data;
  p.cStep = m_inputs;
  multiply(p);
}

void Linear::formGradient(const float* x, const float* delta, Index rows, bool adds,
                          float* gradient) const {
  DenseProduct p;
  p.cells = m_outputs;
  p.columns = m_inputs;
  p.depth = rows;
  p.a = delta;
  p.aCell = 1;
  p.aStep = m_outputs;
  p.b = x;
  p.bStep = m_inputs;
  p.c = gradient;
  p.cStep = m_inputs;
  p.adds = adds;
  multiply(p);
}

double Linear::formedSquaredNorm(const float* x, const float* delta, float* scratch) const {
  formGradient(x, delta, m_positions, false, scratch);
  return sumSquares(scratch, m_outputs * m_inputs);
}

double Linear::gramSquaredNorm(const float* x, const float* delta, float* scratch) const {
  const Index t = m_positions;
  const auto gram = [&](const float* rows, Index width, float* out) {
    float* packed = scratch + 2 * t * t;
    packColumns(rows, t, width, packed);
    DenseProduct p;
    p.cells = p.columns = p.cStep = t;
    p.depth = p.aCell = width;
    p.a = rows;
    p.aStep = 1;
    p.b = packed;
    p.bPanel = width * productPanel;
    p.bStep = packedStep(t);
    p.c = out;
    multiply(p);
  };
  gram(x, m_inputs, scratch);
  gram(delta, m_outputs, scratch + t * t);
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
    parallelRanges(m_outputs, cache.dy.size(), [&](Index from, Index to) {
      for (Index i = 0; i < cache.x.rows; ++i) {
        const float f = factors.at(i, s, bias);
        if (f == 0.0f) continue;
        for (Index t = 0; t < m_positions; ++t)
          addScaled(f, cache.dy.row(i) + t * m_outputs + from, sum + from, to - from);
      }
    });
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
  bool plain = true;
  for (Index i = from; i < to; ++i) plain = plain && factor(i) == 1.0f;
  const Index perRow = m_positions * m_outputs;
  const float* weighted = plain ? cache.dy.data : cache.scratch;
  if (!plain)
    parallelRanges(to - from, (to - from) * perRow, [&](Index first, Index last) {
      for (Index i = from + first; i < from + last; ++i) {
        float* row = cache.scratch + i * perRow;
        if (factor(i) == 0.0f)
          std::fill_n(row, perRow, 0.0f);
        else
          scaled(factor(i), cache.dy.row(i), row, perRow);
      }
    });
  // The first block of a step overwrites.
  const bool adds = !sums.takeEmpty(strategy, weight);
  formGradient(cache.x.row(from), weighted + from * perRow, (to - from) * m_positions, adds,
               sums.data(strategy, weight));
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
  const float* delta = cache.dy.row(example);
  if (id == m_bias) {
    out = sumSquares(delta, m_outputs);
    return true;
  }
  // In parts that follow from the shape alone, so that the bits do not depend on the threads.
  std::array<double, 32> squares{};
  const auto parts = static_cast<Index>(squares.size());
  parallelRanges(parts, m_outputs * m_inputs, [&](Index first, Index last) {
    for (Index part = first; part < last; ++part) {
      const Index from = m_outputs * part / parts, to = m_outputs * (part + 1) / parts;
      squares[static_cast<std::size_t>(part)] =
          outerSquaredNorm(delta + from, to - from, cache.x.row(example), m_inputs);
    }
  });
  out = std::accumulate(squares.begin(), squares.end(), 0.0);
  return true;
}

bool Linear::gradientFactors(const LayerCache& cache, ParameterId id, GradientFactors& out) const {
  if (m_positions > 1) return false;
  out.left = cache.dy;
  out.right = id == m_bias ? ConstView() : cache.x;
  return true;
}

}  // namespace clipscope
