// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <memory>

#include "engine/training/step_record.h"

namespace clipscope {

/// A step's record while it is filled from a file: the parts have the names that they have in a
/// StepRecord, so that one accessor reads the one and writes the other (step_columns.cpp).
struct StepDraft {
  explicit StepDraft(std::shared_ptr<const RunInfo> run) : info(std::move(run)) {}

  std::shared_ptr<const RunInfo> info;
  Index step = 0;
  std::shared_ptr<SamplePart> sample = std::make_shared<SamplePart>();
  std::shared_ptr<ForwardPart> forward = std::make_shared<ForwardPart>();
  std::shared_ptr<NormsPart> norms = std::make_shared<NormsPart>();
  std::shared_ptr<ClipPart> clip = std::make_shared<ClipPart>();
  std::shared_ptr<NoisePart> noise = std::make_shared<NoisePart>();
  std::shared_ptr<UpdatePart> update = std::make_shared<UpdatePart>();
  std::shared_ptr<AccountPart> account = std::make_shared<AccountPart>();
  std::shared_ptr<EvaluationPart> evaluation = std::make_shared<EvaluationPart>();
  std::shared_ptr<TimesPart> times = std::make_shared<TimesPart>();
  std::shared_ptr<LibraryPart> library;  ///< null for a step of this engine
  std::array<double, phaseCount> seconds{};
  bool joined = false;
  bool kept = false;
  Index keptBytes = 0;

  // As the file has them, until finish() has made what they stand for.
  std::vector<float> normValues, factorValues;
  Index batchSize = 0;  ///< examples drawn
  Index rows = 0;       ///< those of them that the tables have
  bool evaluated = false;

  /// Works out what follows from what the columns gave: factors, global norms, totals. `tables`:
  /// the examples' tables are there. What the columns gave must fit one another; FileError where a
  /// group has no tensor.
  void finish(bool tables);
  /// The record, with phase Account done; it shares the draft's parts.
  std::shared_ptr<const StepRecord> record() const;
};

}  // namespace clipscope
