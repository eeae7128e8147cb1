// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/recording/recording_writer.h"
#include "engine/training/diagnostics.h"
#include "tests/support/plain_sqlite.h"
#include "tests/support/recorded_run.h"

namespace clipscope::test {

/// Makes a recording one of another library, as clipscope_recorder.py writes it: what it adds.
inline void makeLibraryRun(const std::filesystem::path& path, int rank = 0, int world = 1,
                           const std::vector<double>& reducedSignals = {}) {
  PlainSqlite file(path, SQLITE_OPEN_READWRITE);
  const auto meta = [&](const std::string& key, const std::string& value) {
    file.run("INSERT OR REPLACE INTO meta VALUES ('" + key + "', '" + value + "')");
  };
  meta("recorder", "1");
  meta("library", "Opacus 1.4.0, PyTorch 1.13.1");
  meta("mode", "per_layer");
  meta("optimizer", "SGD");
  meta("loss_reduction", "mean");
  meta("model_reduction", "mean");
  meta("rank", std::to_string(rank));
  meta("world_size", std::to_string(world));
  meta("examples_known", "1");
  meta("notes", "[]");
  file.run("INSERT INTO library_steps SELECT branch, step, X'0c000000', NULL, X'' FROM steps");
  for (std::size_t k = 0; k < reducedSignals.size(); ++k)
    file.run("UPDATE library_steps SET reduced_signal = " + std::to_string(reducedSignals[k]) +
             " WHERE step = " + std::to_string(k + 1));
}

/// Every `world`th row of a step, from row `rank` on: what one process of `world` would have of it.
inline std::shared_ptr<const StepRecord> shareOf(const StepRecord& whole, Index rank, Index world) {
  auto sample = std::make_shared<SamplePart>(*whole.sample);
  auto forward = std::make_shared<ForwardPart>(*whole.forward);
  auto norms = std::make_shared<NormsPart>();
  auto clip = std::make_shared<ClipPart>(*whole.clip);
  sample->examples.clear();
  sample->labels.clear();
  forward->losses.clear();
  forward->predictions.clear();
  sample->expectedBatchSize /= static_cast<double>(world);
  const Index tensors = whole.norms->norms.tensors();
  std::vector<Index> rows;
  for (Index i = rank; i < whole.batchSize(); i += world) rows.push_back(i);
  norms->norms.resize(static_cast<Index>(rows.size()), tensors);
  std::vector<float> factors;
  double losses = 0;
  std::vector<double> clipped(clip->groups.size());
  double any = 0;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto at = static_cast<std::size_t>(rows[k]);
    sample->examples.push_back(whole.sample->examples[at]);
    sample->labels.push_back(whole.sample->labels[at]);
    forward->losses.push_back(whole.forward->losses[at]);
    forward->predictions.push_back(whole.forward->predictions[at]);
    losses += static_cast<double>(whole.forward->losses[at]);
    bool isAny = false;
    for (Index t = 0; t < tensors; ++t)
      norms->norms.at(static_cast<Index>(k), t) = whole.norms->norms.at(rows[k], t);
    for (std::size_t g = 0; g < clip->groups.size(); ++g) {
      factors.push_back(
          static_cast<float>(whole.clip->factors.factor(rows[k], static_cast<Index>(g))));
      const bool is = factors.back() < 1;
      clipped[g] += is;
      isAny = isAny || is;
    }
    any += isAny;
  }
  const auto count = static_cast<double>(rows.size());
  summariseNorms(*norms);
  forward->meanLoss = losses / count;
  std::vector<ClippingGroup> groups;
  std::vector<double> thresholds;
  for (std::size_t g = 0; g < clip->groups.size(); ++g) {
    groups.push_back({clip->groups[g].name, clip->groups[g].tensors});
    thresholds.push_back(clip->groups[g].threshold);
    clip->groups[g].clippedFraction = clipped[g] / count;
  }
  clip->clippedFraction = any / count;
  restoreFactors(norms->norms, Grouping(std::move(groups), tensors), thresholds, factors,
                 clip->factors);
  clip->worstExample = -1;
  auto share = std::make_shared<StepRecord>(whole);
  share->sample = sample;
  share->forward = forward;
  share->norms = norms;
  share->clip = clip;
  return share;
}

/// The recordings of the two processes of a run that drew what `records` drew, in turns.
inline void writeRanks(const std::filesystem::path& path,
                       const std::vector<std::shared_ptr<const StepRecord>>& records,
                       const Experiment& experiment) {
  std::vector<double> sums;
  for (const auto& record : records) sums.push_back(record->clip->signal);
  const std::string stem = (path.parent_path() / path.stem()).string();
  for (int rank = 0; rank < 2; ++rank) {
    const std::filesystem::path file = stem + ".rank" + std::to_string(rank) + ".clipscope";
    {
      RecordingWriter writer(file, recordedMeta, *records.front()->info, experiment);
      for (const auto& record : records) writer.add(0, shareOf(*record, rank, 2));
      writer.close();
    }
    makeLibraryRun(file, rank, 2, rank == 0 ? sums : std::vector<double>{});
  }
}

}  // namespace clipscope::test
