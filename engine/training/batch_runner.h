// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/model/model.h"

namespace clipscope {

/// The passes of a batch, in order.
enum class Pass { Forward, Backward, Norms, Sums };
inline constexpr int passCount = 4;

/// What a batch's passes read and write. Spans are rows of the batch.
struct BatchTask {
  const PreparedParameters* parameters = nullptr;
  const Dataset* data = nullptr;
  std::span<const Index> examples;
  DrawKey key;  ///< purpose and block are set by the runner
  std::span<float> losses;
  std::span<int> predictions;
  std::span<double> squaredNorms;  ///< examples × tensors
  std::span<double> norms;         ///< examples × tensors, the roots
  /// Fills `factors` (strategies × tensors) for a row from its norms. Called from several threads,
  /// for finite rows only; a row with a NaN or an infinity gets factors 0 and is blanked.
  std::function<void(std::span<const double> norms, std::span<float> factors)> factorRule;
  Index strategies = 1;
  /// Sees each block of Pass::Sums before it is summed: its caches, its first row in the batch, the
  /// factors (rows × strategies × tensors), and the number of the worker that has it. May be empty.
  std::function<void(const BlockCache& cache, Index firstRow, std::span<const float> factors,
                     std::size_t worker)>
      witness;
};

/// Takes a batch through the model block by block: one schedule for a whole step (each block goes
/// through all passes while it is in the cache), for stepping by phase (one pass over all blocks,
/// whose caches are kept), and for stepping without the memory to keep them (each pass runs the
/// earlier ones again). Blocks, kernels and the order of summation are the same in all three, so
/// the bits are too.
class BatchRunner {
 public:
  /// `threads` 0: all cores.
  BatchRunner(std::shared_ptr<const Model> model, int threads);

  int threads() const { return m_threads; }
  /// Threads that carry blocks: the numbers that a witness hears are below this.
  std::size_t workers() const { return m_workspaces.size(); }

  /// Bytes that keeping a batch's caches takes.
  Index keptBytes(Index batch) const;
  /// Starts a batch; with `keep` the caches of all its blocks are held from pass to pass.
  void begin(Index batch, bool keep);

  /// Runs the passes first … last of the batch's task. Without kept caches the passes before
  /// `first` are run again. Throws Cancelled between blocks when a stop is requested; what was
  /// written then is overwritten by the next run. Returns the seconds of each pass, as shares of
  /// the wall time.
  std::array<double, passCount> run(Pass first, Pass last, const BatchTask& task,
                                    std::stop_token stop);

  /// What each layer took of each pass in the last run, as shares of the wall time; by layer.
  const std::vector<LayerClock::Times>& layerSeconds() const { return m_layerSeconds; }

  /// After Pass::Sums: Σ f g of one strategy, laid out as Parameters::trainable(). It lasts until
  /// the next run of that pass.
  std::span<const float> sum(Index strategy);

  /// Losses and predictions alone, for evaluation.
  void evaluate(const BatchTask& task, std::stop_token stop);

 private:
  void runBlock(BlockCache& cache, SumSet* sums, Index block, Pass first, Pass last,
                const BatchTask& task, std::array<double, passCount>& seconds);
  void addUpSums();
  /// Makes a cache large enough for the batch's blocks.
  void makeRoom(BlockCache& cache) const;
  void fillInput(BlockCache& cache, std::span<const Index> examples, const BatchTask& task) const;

  std::shared_ptr<const Model> m_model;
  int m_threads;
  Index m_batch = 0;
  bool m_keep = false;
  std::size_t m_layers = 0;                              ///< that the passes run
  std::vector<BlockCache> m_workspaces;                  ///< one a thread
  std::vector<BlockCache> m_kept;                        ///< one a block
  std::vector<SumSet> m_sums;                            ///< one a thread
  std::vector<std::array<double, passCount>> m_seconds;  ///< one a thread
  std::vector<LayerClock> m_clocks;                      ///< one a thread
  std::vector<LayerClock::Times> m_layerSeconds;
  std::vector<std::exception_ptr> m_failures;    ///< one a thread
  std::vector<AlignedVector<float>> m_unpacked;  ///< one a strategy, where sums are not plain
  std::vector<AlignedVector<float>> m_factors;  ///< one a thread: block rows × strategies × tensors
};

}  // namespace clipscope
