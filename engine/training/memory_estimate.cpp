// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/memory_estimate.h"

#include <omp.h>

#include <algorithm>
#include <cmath>

namespace clipscope {

namespace {

Index optimizerBuffers(const OptimizerSettings& o) {
  if (o.kind == "adam" || o.kind == "adamw") return o.amsgrad ? 3 : 2;
  if (o.kind == "rmsprop") return 1 + (o.centered ? 1 : 0) + (o.momentum != 0 ? 1 : 0);
  if (o.kind == "adagrad") return 1;
  return o.momentum != 0 ? 1 : 0;
}

Index groupsOf(const ClippingSettings& clipping, const Model& model) {
  switch (clipping.grouping) {
    case GroupingKind::Flat:
      return 1;
    case GroupingKind::Custom:
      return static_cast<Index>(clipping.groups.size());
    default:
      return model.table().trainableCount();
  }
}

}  // namespace

MemoryEstimate estimateMemory(const Experiment& e, const Model& model, Index trainExamples) {
  constexpr Index word = sizeof(float), real = sizeof(double);
  const ParameterTable& table = model.table();
  const Index trainable = table.trainableExtent() * word, all = table.extent() * word;
  const Index threads = e.run.threads > 0 ? e.run.threads : omp_get_num_procs();
  const Index workers = model.plan().threadPerBlock ? threads : 1;
  const Index strategies = e.run.unclippedSum ? 2 : 1;

  const double n = static_cast<double>(trainExamples);
  double batch =
      e.sampling.sampleRate > 0 ? e.sampling.sampleRate * n : e.sampling.expectedBatchSize;
  if (e.sampling.scheme == SamplingScheme::Poisson) batch += 4 * std::sqrt(batch);
  const auto rows = static_cast<Index>(std::ceil(std::min(batch, n)));

  MemoryEstimate m;
  const bool packs = !model.sumsArePlain();
  m.parameters = 3 * all + (packs ? trainable : 0);
  m.optimizer = optimizerBuffers(e.optimizer) * trainable;
  // Each worker has its sums, and one gradient in double for the witness of the sensitivity; then
  // what packed sums are turned into, and the noise while stepping by phase.
  m.sums = workers * (strategies * trainable + 2 * trainable) +
           (packs ? strategies * trainable : 0) + trainable;
  // Norms and their squares by tensor, norms and factors by group; records of two steps share the
  // pools.
  m.records = rows * (table.trainableCount() * 3 * real + groupsOf(e.clipping, model) * 4 * real +
                      16 * real);
  const Index blockRows = model.plan().rowsFor(rows);
  m.running = workers * blockRows * model.bytesPerExample();
  const Index kept = model.plan().count(rows) * blockRows * model.bytesPerExample();
  m.recomputes = kept > (e.run.memoryBudgetMiB << 20);
  m.stepping = m.recomputes ? 0 : kept;
  return m;
}

}  // namespace clipscope
