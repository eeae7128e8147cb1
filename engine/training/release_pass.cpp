// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/release_pass.h"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "engine/noise/gaussian_noise.h"
#include "engine/tensor/float_mode.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/release_kernels.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {

using Clock = std::chrono::steady_clock;

/// A chunk of something that begins at `offset`.
template <class T>
std::span<T> part(std::span<T> whole, Index offset, Index size) {
  return whole.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

}  // namespace

ReleasePass::ReleasePass(const ParameterTable& table) {
  for (Index t = 0; t < table.trainableCount(); ++t) {
    const ParameterInfo& info = table.trainableInfo(t);
    for (Index from = 0; from < info.size(); from += chunkSize)
      m_chunks.push_back({t, from, info.offset + from, std::min(chunkSize, info.size() - from)});
  }
  m_sums.resize(m_chunks.size());
  m_result.tensorSquares.resize(static_cast<std::size_t>(table.trainableCount()));
}

DescentSquares ReleasePass::updateChunk(const UpdateTask& update, const Chunk& chunk,
                                        const float* noise) {
  const float* before = update.before.data() + chunk.offset;
  const float* sum = update.sum.data() + chunk.offset;
  const std::span<float> after = part(update.after, chunk.offset, chunk.size);
  if (const auto rate = update.optimizer->plainRate())
    return descend({*rate, update.inverseBatch, before, sum, noise, after.data(), chunk.size});
  alignas(64) std::array<float, chunkSize> gradient;
  scaledSum(update.inverseBatch, sum, noise, gradient.data(), chunk.size);
  std::copy_n(before, chunk.size, after.data());
  update.optimizer->stepRange(after, part(std::span<const float>(gradient), 0, chunk.size),
                              chunk.offset);
  const NormAndDistance moved = normAndDistance(after.data(), before, chunk.size);
  return {moved.xx, moved.distance};
}

void ReleasePass::runRange(const NoiseTask* noise, const UpdateTask* update, Index first,
                           Index last, Tally& tally) {
  alignas(64) std::array<float, chunkSize> ownNoise;
  auto start = Clock::now();
  const auto lap = [&start](double& seconds) {
    const auto now = Clock::now();
    seconds += std::chrono::duration<double>(now - start).count();
    start = now;
  };
  for (Index c = first; c < last; ++c) {
    const Chunk& chunk = m_chunks[static_cast<std::size_t>(c)];
    ChunkSums& sums = m_sums[static_cast<std::size_t>(c)];
    const float* z = update && !noise ? update->noise.data() + chunk.offset : nullptr;
    if (noise) {
      const std::span<float> drawn = noise->store.empty()
                                         ? part(std::span<float>(ownNoise), 0, chunk.size)
                                         : part(noise->store, chunk.offset, chunk.size);
      z = drawn.data();
      const double std = noise->std[static_cast<std::size_t>(chunk.tensor)];
      if (std > 0) {
        DrawKey key = noise->key;
        key.block = static_cast<std::uint32_t>(chunk.tensor);
        const auto from = static_cast<std::uint64_t>(chunk.from);
        if (noise->secret)
          fillSecureNormals(*noise->secret, key.block, from, drawn);
        else
          fillNormals(key, from, drawn);
        tally.histogram.add(drawn);
        sums.noise = scaleAndSquare(static_cast<float>(std), drawn.data(), chunk.size);
      } else {
        std::ranges::fill(drawn, 0.0f);
        sums.noise = 0;
      }
      lap(tally.noiseSeconds);
    }
    if (update) {
      const DescentSquares moved = updateChunk(*update, chunk, z);
      sums.parameters = moved.after;
      sums.update = moved.change;
      lap(tally.updateSeconds);
    }
  }
}

void ReleasePass::run(const NoiseTask* noise, const UpdateTask* update) {
  const FlushedDenormals flushed;
  const auto start = Clock::now();
  Result& result = m_result;
  result.histogram.clear();
  result.noiseSeconds = result.updateSeconds = 0;
  std::mutex adding;
  const auto chunks = static_cast<Index>(m_chunks.size());
  parallelRanges(chunks, chunks * chunkSize * 8, [&](Index first, Index last) {
    Tally tally;
    runRange(noise, update, first, last, tally);
    const std::lock_guard lock(adding);
    result.histogram.add(tally.histogram);
    result.noiseSeconds += tally.noiseSeconds;
    result.updateSeconds += tally.updateSeconds;
  });
  std::ranges::fill(result.tensorSquares, 0.0);
  result.parameterSquare = result.updateSquare = 0;
  for (std::size_t c = 0; c < m_chunks.size(); ++c) {
    if (noise)
      result.tensorSquares[static_cast<std::size_t>(m_chunks[c].tensor)] += m_sums[c].noise;
    if (!update) continue;
    result.parameterSquare += m_sums[c].parameters;
    result.updateSquare += m_sums[c].update;
  }
  // The threads' clocks become shares of the wall time.
  const double sum = result.noiseSeconds + result.updateSeconds;
  const double wall = std::chrono::duration<double>(Clock::now() - start).count();
  if (sum > 0) {
    result.noiseSeconds *= wall / sum;
    result.updateSeconds *= wall / sum;
  }
}

}  // namespace clipscope
