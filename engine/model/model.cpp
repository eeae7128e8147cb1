// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/model.h"

#include <omp.h>

#include <algorithm>
#include <cassert>

#include "engine/tensor/float_mode.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {

/// What a block may take: more than a core's second-level cache, since its layers look at a part of
/// it at a time, and a pass over the weights serves the whole block.
constexpr Index cacheBytes = 3 << 20;
constexpr Index mostSmallRows = 16;
constexpr Index mostSharedRows = 512;
constexpr Index cacheLine = 16;  // floats

Index padded(Index floats) { return (floats + cacheLine - 1) / cacheLine * cacheLine; }

}  // namespace

void Model::planBlocks(Index physicalLimit) {
  m_needsGradient = m_parts.needsGradient();
  bool small = false;
  m_owner.assign(static_cast<std::size_t>(m_table->trainableCount()), -1);
  m_firstUse = m_owner;
  for (std::size_t l = 0; l < m_layers.size(); ++l) {
    for (const ParameterId id : m_layers[l]->parameters()) {
      const Index trainable = (*m_table)[id].trainableIndex;
      if (trainable < 0) continue;
      const auto at = static_cast<std::size_t>(trainable);
      if (m_firstUse[at] < 0) m_firstUse[at] = static_cast<int>(l);
      m_owner[at] = static_cast<int>(l);
    }
    small = small || m_layers[l]->prefersSmallBlocks();
  }
  for (Index t = 0; t < m_table->trainableCount(); ++t)
    if (m_table->trainableInfo(t).uses > 1) m_shared.push_back(t);

  // In the order of the backward pass: who comes second to a value must add.
  m_adds.assign(m_layers.size(), {});
  std::vector<bool> written(m_layers.size(), false);
  for (std::size_t l = m_layers.size(); l-- > 0;) {
    const auto comes = [&](int node) {
      if (node < 0) return false;
      const bool second = written[static_cast<std::size_t>(node)];
      written[static_cast<std::size_t>(node)] = true;
      return second;
    };
    if (!m_needsGradient[l]) continue;
    const LayerLink& link = m_parts.links[l];
    if (link.joins) m_adds[l].shortcut = comes(link.shortcut);
    m_adds[l].input = comes(link.input);
  }

  m_floatsPerExample = m_parts.floatsPerExample();
  m_plan.threadPerBlock = small;
  m_plan.threads = omp_get_num_procs();
  m_plan.rows = small ? std::clamp(cacheBytes / (4 * m_floatsPerExample), Index{1}, mostSmallRows)
                      : mostSharedRows;
  if (physicalLimit > 0) m_plan.rows = std::min(m_plan.rows, physicalLimit);

  for (const auto& layer : m_layers) {
    layer->compile(m_plan.rows);
    m_sumsArePlain = m_sumsArePlain && layer->sumsArePlain();
    m_preparedOffset.push_back(m_preparedSize);
    m_preparedSize += padded(layer->preparedSize());
  }
}

BlockCache Model::makeCache(Index wanted) const {
  BlockCache cache;
  // Convolutions were compiled for full blocks, which are small; dense layers take any number.
  const Index rows =
      wanted > 0 && !m_plan.threadPerBlock ? std::min(wanted, m_plan.rows) : m_plan.rows;
  cache.maxRows = rows;
  Index scratch = 0;
  for (const auto& layer : m_layers) scratch = std::max(scratch, layer->cacheSize(rows).scratch);
  const Index fork = rows * m_parts.largestFork();
  Index floats = padded(rows * inputShape().size()) + padded(scratch) + padded(fork);
  for (std::size_t l = 0; l < m_layers.size(); ++l)
    if (!m_parts.absorbed[l])
      floats += 2 * padded(rows * m_layers[l]->outputShape().size()) +
                padded(rows * m_layers[l]->cacheSize(rows).keptPerExample);
  cache.memory.resize(static_cast<std::size_t>(floats), 0.0f);

  float* next = cache.memory.data();
  const auto take = [&next](Index count) {
    float* start = next;
    next += padded(count);
    return start;
  };
  cache.input = {take(rows * inputShape().size()), 0, inputShape().size()};
  float* scratchStart = take(scratch);
  cache.second = take(fork);
  cache.layers.resize(m_layers.size());
  for (std::size_t l = 0; l < m_layers.size(); ++l) {
    const Index width = m_layers[l]->outputShape().size();
    LayerCache& layer = cache.layers[l];
    if (m_parts.absorbed[l]) {
      const int node = m_parts.links[l].input;
      LayerCache below;
      below.y = cache.input;
      if (node >= 0) below = cache.layers[static_cast<std::size_t>(node)];
      layer.y = below.y;
      layer.x = below.y;
      layer.dy = below.dy;
      continue;
    }
    layer.y = {take(rows * width), 0, width};
    layer.dy = {take(rows * width), 0, width};
    layer.kept = take(rows * m_layers[l]->cacheSize(rows).keptPerExample);
    layer.scratch = scratchStart;
    const auto valueOf = [&cache](int node) {
      return node < 0 ? cache.input : cache.layers[static_cast<std::size_t>(node)].y;
    };
    const LayerLink& link = m_parts.links[l];
    layer.x = valueOf(link.input);
    if (link.joins) layer.shortcut = valueOf(link.shortcut);
  }
  return cache;
}

void Model::prepare(const Parameters& values, PreparedParameters& prepared) const {
  prepared.values = &values;
  prepared.packed.resize(static_cast<std::size_t>(m_preparedSize));
  for (std::size_t l = 0; l < m_layers.size(); ++l)
    m_layers[l]->prepare(values, prepared.packed.data() + m_preparedOffset[l]);
}

void Model::forward(const PreparedParameters& parameters, BlockCache& cache,
                    const DrawKey& key) const {
  const FlushedDenormals flushed;
  assert(cache.rows <= cache.maxRows);
  cache.input.rows = cache.rows;
  LayerLaps laps(cache.clock, LayerClock::Forward);
  for (std::size_t l = 0; l < m_layers.size(); ++l) {
    LayerCache& layer = cache.layers[l];
    layer.x.rows = cache.rows;
    layer.shortcut.rows = cache.rows;
    layer.y.rows = cache.rows;
    layer.dy.rows = cache.rows;
    if (m_parts.absorbed[l]) continue;
    m_layers[l]->forward({*parameters.values, parameters.packed.data() + m_preparedOffset[l]},
                         layer, key);
    laps.lap(l);
  }
}

void Model::evaluateLoss(BlockCache& cache, const Targets& targets, float* losses,
                         int* predictions) const {
  const FlushedDenormals flushed;
  LayerCache& last = cache.layers.back();
  // An exponential takes as long as some thirty multiplications.
  parallelRanges(last.y.rows, 30 * last.y.size(), [&](Index from, Index to) {
    const Index rows = to - from, outputs = last.y.cols;
    Targets part = targets;
    if (part.labels) part.labels += from;
    if (part.values) part.values += from * outputs;
    View dy = last.dy;
    if (dy) dy = {dy.row(from), rows, outputs};
    m_parts.loss->evaluate({last.y.row(from), rows, outputs}, part,
                           losses ? losses + from : nullptr,
                           predictions ? predictions + from : nullptr, dy);
  });
}

void Model::backward(const PreparedParameters& parameters, BlockCache& cache) const {
  const FlushedDenormals flushed;
  const auto gradientOf = [&](int node) {
    return node >= 0 && m_needsGradient[static_cast<std::size_t>(node)]
               ? cache.layers[static_cast<std::size_t>(node)].dy
               : View{};
  };
  const auto each = [](const View& target, auto&& pass) {
    parallelRanges(target.size(), target.size(),
                   [&](Index from, Index to) { pass(target.data + from, from, to - from); });
  };
  LayerLaps laps(cache.clock, LayerClock::Backward);
  for (std::size_t l = m_layers.size(); l-- > 0;) {
    // Nothing trainable in it or below: there is no gradient to receive.
    if (!m_needsGradient[l] || m_parts.absorbed[l]) continue;
    LayerCache& layer = cache.layers[l];
    const LayerLink& link = m_parts.links[l];
    if (link.joins) {
      if (const View side = gradientOf(link.shortcut); side)
        each(side, [&](float* to, Index from, Index count) {
          if (m_adds[l].shortcut)
            addScaled(1.0f, layer.dy.data + from, to, count);
          else
            std::copy_n(layer.dy.data + from, count, to);
        });
    }
    const View target = gradientOf(link.input);
    View dx = target;
    const bool adds = target && m_adds[l].input;
    if (adds) dx.data = cache.second;
    m_layers[l]->backward({*parameters.values, parameters.packed.data() + m_preparedOffset[l]}, dx,
                          layer);
    if (adds)
      each(target, [&](float* to, Index from, Index count) {
        addScaled(1.0f, cache.second + from, to, count);
      });
    laps.lap(l);
  }
}

void Model::squaredNorms(BlockCache& cache, NormColumns out) const {
  const FlushedDenormals flushed;
  LayerLaps laps(cache.clock, LayerClock::Norms);
  for (std::size_t l = 0; l < m_layers.size(); ++l) {
    m_layers[l]->squaredNorms(cache.layers[l], out);
    laps.lap(l);
  }
  if (m_shared.empty()) return;
  // Several uses of a tensor have cross terms, 2⟨g, g'⟩, that no layer sees alone.
  GradientSet gradient(m_table);
  for (Index i = 0; i < cache.rows; ++i) {
    gradient.clear();
    for (std::size_t l = 0; l < m_layers.size(); ++l) {
      const auto ids = m_layers[l]->parameters();
      if (std::any_of(ids.begin(), ids.end(),
                      [&](ParameterId id) { return (*m_table)[id].uses > 1; }))
        m_layers[l]->addPerSample(cache.layers[l], i, gradient);
    }
    for (const Index t : m_shared) {
      const double norm = gradient.norm(m_table->trainable()[static_cast<std::size_t>(t)]);
      out.at(i, t) = norm * norm;
    }
  }
}

void Model::blank(BlockCache& cache, Index example) const {
  const auto zero = [example](float* data, Index cols) {
    if (data) std::fill_n(data + example * cols, cols, 0.0f);
  };
  zero(cache.input.data, cache.input.cols);
  for (std::size_t l = 0; l < m_layers.size(); ++l) {
    LayerCache& layer = cache.layers[l];
    zero(layer.y.data, layer.y.cols);
    zero(layer.dy.data, layer.dy.cols);
    zero(layer.kept, m_layers[l]->cacheSize(cache.maxRows).keptPerExample);
  }
}

void Model::addWeighted(BlockCache& cache, const FactorMatrix& factors, SumSet& sums) const {
  const FlushedDenormals flushed;
  LayerLaps laps(cache.clock, LayerClock::Sums);
  for (std::size_t l = 0; l < m_layers.size(); ++l) {
    m_layers[l]->addWeighted(cache.layers[l], factors, sums);
    laps.lap(l);
  }
}

void Model::addPerSample(const BlockCache& cache, Index example, GradientSet& gradient) const {
  const FlushedDenormals flushed;
  for (std::size_t l = 0; l < m_layers.size(); ++l)
    m_layers[l]->addPerSample(cache.layers[l], example, gradient);
}

void Model::formedSquaredNorms(const BlockCache& cache, Index example, GradientSet& scratch,
                               std::span<double> out) const {
  const FlushedDenormals flushed;
  thread_local std::vector<char> pending;  // kept: a step allocates nothing
  pending.assign(out.size(), 1);
  for (std::size_t l = 0; l < m_layers.size(); ++l) {
    bool form = false;
    for (const ParameterId id : m_layers[l]->parameters()) {
      const Index t = (*m_table)[id].trainableIndex;
      if (t < 0) continue;
      const auto at = static_cast<std::size_t>(t);
      if ((*m_table)[id].uses == 1 &&
          m_layers[l]->formedSquaredNorm(cache.layers[l], example, id, out[at]))
        pending[at] = 0;
      else
        form = true;
    }
    if (!form) continue;
    // Cleared at a tensor's first use only: later uses add to it.
    for (const ParameterId id : m_layers[l]->parameters()) {
      const Index t = (*m_table)[id].trainableIndex;
      if (t >= 0 && m_firstUse[static_cast<std::size_t>(t)] == static_cast<int>(l))
        std::ranges::fill(scratch[id], 0.0);
    }
    m_layers[l]->addPerSample(cache.layers[l], example, scratch);
  }
  for (std::size_t t = 0; t < out.size(); ++t) {
    if (!pending[t]) continue;
    const double norm = scratch.norm(m_table->trainable()[t]);
    out[t] = norm * norm;
  }
}

bool Model::gradientFactors(const BlockCache& cache, Index tensor, GradientFactors& out) const {
  const auto at = static_cast<std::size_t>(tensor);
  const ParameterId id = m_table->trainable()[at];
  if ((*m_table)[id].uses > 1) return false;
  const auto owner = static_cast<std::size_t>(m_owner[at]);
  return m_layers[owner]->gradientFactors(cache.layers[owner], id, out);
}

SumSet Model::makeSums(Index strategies) const { return makeSums(strategies, {}); }

SumSet Model::makeSums(Index strategies, const std::vector<bool>& without) const {
  std::vector<Index> sizes;
  for (Index t = 0; t < m_table->trainableCount(); ++t) {
    const auto at = static_cast<std::size_t>(t);
    const bool left = !without.empty() && without[at];
    sizes.push_back(left ? 0
                         : m_layers[static_cast<std::size_t>(m_owner[at])]->packedSize(
                               m_table->trainable()[at]));
  }
  return SumSet(sizes, strategies);
}

void Model::unpack(const SumSet& sums, Index strategy, std::span<float> trainable) const {
  Index end = 0;
  for (Index t = 0; t < m_table->trainableCount(); ++t) {
    const auto at = static_cast<std::size_t>(t);
    const ParameterId id = m_table->trainable()[at];
    m_layers[static_cast<std::size_t>(m_owner[at])]->unpack(
        id, sums.data(strategy, t), trainable.data() + (*m_table)[id].offset);
    // The padding between two tensors.
    std::fill(trainable.begin() + end, trainable.begin() + (*m_table)[id].offset, 0.0f);
    end = (*m_table)[id].offset + (*m_table)[id].size();
  }
  std::fill(trainable.begin() + end, trainable.end(), 0.0f);
}

}  // namespace clipscope
