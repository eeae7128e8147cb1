// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "engine/training/step_record.h"

namespace clipscope {

/// The columns of a recording's table `steps` that are one number a step, with the names that they
/// have in steps.csv. NULL there, NaN here, where a number has no meaning.
struct NumberColumn {
  std::string_view name;
  double (*value)(const StepRecord&);
};
std::span<const NumberColumn> numberColumns();

/// The texts: what ε holds for.
struct TextColumn {
  std::string_view name;
  std::string (*value)(const StepRecord&);
};
std::span<const TextColumn> textColumns();

/// The tables of a step as blobs; recording_format.md gives type and shape of each.
struct BlobColumn {
  std::string_view name;
  std::string (*value)(const StepRecord&);
};
std::span<const BlobColumn> blobColumns();

}  // namespace clipscope
