// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/recording/step_draft.h"
#include "engine/training/step_record.h"

namespace clipscope {

/// The columns of a recording's tables of steps, each with what reads it from a record and what
/// puts it into a draft: a new field of StepRecord is one more line in step_columns.cpp.

/// One number a step, with the name that it has in steps.csv. NULL in the file, NaN here, where it
/// has no meaning.
struct NumberColumn {
  std::string_view name;
  double (*value)(const StepRecord&);
  /// Throws FileError where the number cannot be one of its kind (a count of 0.5).
  void (*set)(StepDraft&, double);
};
std::span<const NumberColumn> numberColumns();
/// Those of an evaluation, which may come after its step; the first is NULL where there was none.
std::span<const NumberColumn> evaluationColumns();

/// One text a step: what ε holds for.
struct TextColumn {
  std::string_view name;
  std::string (*value)(const StepRecord&);
  /// Throws FileError for a word that it does not know.
  void (*set)(StepDraft&, std::string_view);
};
std::span<const TextColumn> textColumns();

/// How many values a blob has: b examples, P tensors, K groups, L layers of the model.
enum class BlobExtent {
  Examples,        ///< b
  ExampleTensors,  ///< b × P
  ExampleGroups,   ///< b × K
  Tensors,         ///< P
  Groups,          ///< K
  LayerTimes,      ///< L × 4
  Adaptive,        ///< K × 5, or none
  Histogram,       ///< NoiseHistogram::bins + 2
};

/// A table of a step as a blob; recording_format.md gives type and shape of each.
struct BlobColumn {
  std::string_view name;
  BlobExtent extent;
  std::size_t valueBytes;
  void (*append)(const StepRecord&, std::string&);
  /// The size was checked. Throws FileError for a value that cannot be.
  void (*set)(StepDraft&, std::span<const char>);
};
/// By group, tensor and layer; kept for every step.
std::span<const BlobColumn> detailColumns();
/// By example: the larger part, which may be dropped (RecordingLimits).
std::span<const BlobColumn> batchColumns();

/// Values of a blob in a draft whose info, batchSize and groups are set.
std::size_t blobValues(const StepDraft& draft, BlobExtent extent);

}  // namespace clipscope
