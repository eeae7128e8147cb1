// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/batch_runner.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>

#include "engine/error.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/vector_state.h"

namespace clipscope {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The targets of a block, gathered where the data's own order is not the batch's.
struct BlockTargets {
  std::vector<int> labels;
  std::vector<float> values;

  Targets gather(const Dataset& data, std::span<const Index> examples, Index outputs) {
    Targets targets;
    if (data.isClassification()) {
      labels.resize(examples.size());
      for (std::size_t i = 0; i < examples.size(); ++i) labels[i] = data.label(examples[i]);
      targets.labels = labels.data();
    } else {
      values.resize(examples.size() * static_cast<std::size_t>(outputs));
      for (std::size_t i = 0; i < examples.size(); ++i) {
        const auto row = data.targets(examples[i]);
        std::copy(row.begin(), row.end(),
                  values.begin() + static_cast<std::ptrdiff_t>(i * row.size()));
      }
      targets.values = values.data();
    }
    return targets;
  }
};

}  // namespace

BatchRunner::BatchRunner(std::shared_ptr<const Model> model, int threads)
    : m_model(std::move(model)), m_threads(threads > 0 ? threads : omp_get_num_procs()) {
  const auto workers = static_cast<std::size_t>(m_model->plan().threadPerBlock ? m_threads : 1);
  m_layers = m_model->layerNames().size();
  m_workspaces.resize(workers);
  m_factors.resize(workers);
  m_clocks.resize(workers);
}

Index BatchRunner::keptBytes(Index batch) const {
  return m_model->plan().count(batch) * m_model->plan().rowsFor(batch) * m_model->bytesPerExample();
}

void BatchRunner::begin(Index batch, bool keep) {
  m_batch = batch;
  m_keep = keep;
  if (!keep) return;
  const auto blocks = static_cast<std::size_t>(m_model->plan().count(batch));
  if (m_kept.size() < blocks) m_kept.resize(blocks);
  for (std::size_t block = 0; block < blocks; ++block) makeRoom(m_kept[block]);
}

void BatchRunner::makeRoom(BlockCache& cache) const {
  const Index rows = m_model->plan().rowsFor(m_batch);
  if (cache.maxRows >= rows) return;
  // With room for somewhat larger batches: Poisson's come in all sizes.
  cache = {};
  cache = m_model->makeCache((rows + 31) / 32 * 32);
}

void BatchRunner::fillInput(BlockCache& cache, std::span<const Index> examples,
                            const BatchTask& task) const {
  cache.rows = static_cast<Index>(examples.size());
  const Index cols = cache.input.cols;
  // From memory that nobody has read of late: a value takes as long as some multiplications.
  parallelRanges(cache.rows, 4 * cache.rows * cols, [&](Index first, Index last) {
    task.data->gather(
        examples.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)),
        cache.input.data + first * cols);
  });
}

void BatchRunner::runBlock(BlockCache& cache, SumSet* sums, Index block, Pass first, Pass last,
                           const BatchTask& task, std::array<double, passCount>& seconds) {
  const auto [begin, end] = m_model->plan().range(m_batch, block);
  const auto offset = static_cast<std::size_t>(begin);
  const auto rows = static_cast<std::size_t>(end - begin);
  const auto tensors = static_cast<std::size_t>(m_model->table().trainableCount());
  const auto wants = [&](Pass pass) { return first <= pass && pass <= last; };
  auto start = Clock::now();
  const auto lap = [&](Pass pass) {
    const double elapsed = secondsSince(start);
    seconds[static_cast<std::size_t>(pass)] += elapsed;
    start = Clock::now();
  };

  if (wants(Pass::Forward)) {
    const auto examples = task.examples.subspan(offset, rows);
    fillInput(cache, examples, task);
    DrawKey key = task.key;
    key.purpose = DrawPurpose::Dropout;
    key.block = static_cast<std::uint32_t>(block);
    m_model->forward(*task.parameters, cache, key);
    thread_local BlockTargets targets;
    m_model->evaluateLoss(cache,
                          targets.gather(*task.data, examples, m_model->outputShape().size()),
                          task.losses.empty() ? nullptr : task.losses.data() + offset,
                          task.predictions.empty() ? nullptr : task.predictions.data() + offset);
    lap(Pass::Forward);
  }
  if (wants(Pass::Backward)) {
    m_model->backward(*task.parameters, cache);
    lap(Pass::Backward);
  }
  if (wants(Pass::Norms)) {
    double* squares = task.squaredNorms.data() + offset * tensors;
    m_model->squaredNorms(cache, {squares, cache.rows, static_cast<Index>(tensors)});
    for (std::size_t i = 0; i < rows; ++i) {
      bool finite = true;
      for (std::size_t p = 0; p < tensors; ++p) {
        const double norm = std::sqrt(squares[i * tensors + p]);
        task.norms[(offset + i) * tensors + p] = norm;
        finite = finite && std::isfinite(norm);
      }
      if (!finite) m_model->blank(cache, static_cast<Index>(i));
    }
    lap(Pass::Norms);
  }
  if (wants(Pass::Sums)) {
    const auto width = static_cast<std::size_t>(task.strategies) * tensors;
    const int thread = omp_in_parallel() ? omp_get_thread_num() : 0;
    AlignedVector<float>& factors = m_factors[static_cast<std::size_t>(thread)];
    factors.resize(static_cast<std::size_t>(m_model->plan().rows) * width);
    for (std::size_t i = 0; i < rows; ++i) {
      const auto norms = task.norms.subspan((offset + i) * tensors, tensors);
      const std::span<float> row(factors.data() + i * width, width);
      if (std::all_of(norms.begin(), norms.end(), [](double n) { return std::isfinite(n); }))
        task.factorRule(norms, row);
      else
        std::fill(row.begin(), row.end(), 0.0f);
    }
    if (task.witness)
      task.witness(cache, begin, {factors.data(), rows * width}, static_cast<std::size_t>(thread));
    m_model->addWeighted(
        cache, {factors.data(), cache.rows, task.strategies, static_cast<Index>(tensors)}, *sums);
    lap(Pass::Sums);
  }
}

std::array<double, passCount> BatchRunner::run(Pass first, Pass last, const BatchTask& task,
                                               std::stop_token stop) {
  const auto wallStart = Clock::now();
  if (!m_keep) first = Pass::Forward;
  const Index blocks = m_model->plan().count(m_batch);
  const bool threadPerBlock = m_model->plan().threadPerBlock;
  const auto workers = m_workspaces.size();
  if (last == Pass::Sums) {
    if (m_sums.size() != workers || m_sums.front().strategies() != task.strategies)
      m_sums.assign(workers, m_model->makeSums(task.strategies));
    for (SumSet& sums : m_sums) sums.clear();
  }
  const auto sumsOf = [&](std::size_t worker) {
    return last == Pass::Sums ? &m_sums[worker] : nullptr;
  };
  const std::size_t layers = m_layers;
  m_seconds.assign(workers, {});
  for (LayerClock& clock : m_clocks) clock.reset(layers);
  if (!m_keep)
    for (BlockCache& cache : m_workspaces) makeRoom(cache);
  const auto runRange = [&](std::size_t worker, Index from, Index to) {
    for (Index block = from; block < to; ++block) {
      if (stop.stop_requested()) throw Cancelled();
      BlockCache& cache = m_keep ? m_kept[static_cast<std::size_t>(block)] : m_workspaces[worker];
      cache.clock = &m_clocks[worker];
      runBlock(cache, sumsOf(worker), block, first, last, task, m_seconds[worker]);
    }
  };

  omp_set_num_threads(m_threads);
  cleanVectorState();
  if (!threadPerBlock || workers == 1) {
    runRange(0, 0, blocks);
  } else {
    m_failures.assign(workers, nullptr);
#pragma omp parallel num_threads(m_threads)
    {
      cleanVectorState();
      const int thread = omp_get_thread_num();
      const auto worker = static_cast<std::size_t>(thread);
      const auto [from, to] = ownedRange(blocks, thread, m_threads);
      try {
        runRange(worker, from, to);
      } catch (...) {
        m_failures[worker] = std::current_exception();
      }
    }
    for (const std::exception_ptr& failure : m_failures)
      if (failure) std::rethrow_exception(failure);
  }

  if (last == Pass::Sums) addUpSums();

  // The threads' clocks become shares of the wall time.
  std::array<double, passCount> total{};
  double sum = 0;
  for (const auto& worker : m_seconds)
    for (std::size_t p = 0; p < passCount; ++p) {
      total[p] += worker[p];
      sum += worker[p];
    }
  const double scale = sum > 0 ? secondsSince(wallStart) / sum : 0;
  for (double& share : total) share *= scale;
  m_layerSeconds.assign(layers, {});
  for (const LayerClock& clock : m_clocks)
    for (std::size_t l = 0; l < layers; ++l)
      for (std::size_t p = 0; p < LayerClock::passes; ++p)
        m_layerSeconds[l][p] += scale * clock.seconds()[l][p];
  return total;
}

void BatchRunner::addUpSums() {
  // In the order of the threads' numbers, always.
  m_sums.front().settle();
  for (std::size_t worker = 1; worker < m_sums.size(); ++worker) {
    m_sums[worker].settle();
    m_sums.front().add(m_sums[worker]);
  }
}

std::span<const float> BatchRunner::sum(Index strategy) {
  const SumSet& sums = m_sums.front();
  if (m_model->sumsArePlain()) return sums.values(strategy);
  m_unpacked.resize(static_cast<std::size_t>(sums.strategies()));
  AlignedVector<float>& plain = m_unpacked[static_cast<std::size_t>(strategy)];
  plain.resize(static_cast<std::size_t>(m_model->table().trainableExtent()));
  m_model->unpack(sums, strategy, plain);
  return plain;
}

void BatchRunner::evaluate(const BatchTask& task, std::stop_token stop) {
  m_batch = static_cast<Index>(task.examples.size());
  const bool kept = m_keep;
  m_keep = false;
  try {
    run(Pass::Forward, Pass::Forward, task, stop);
  } catch (...) {
    m_keep = kept;
    throw;
  }
  m_keep = kept;
}

}  // namespace clipscope
