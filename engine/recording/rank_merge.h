// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// A distributed run has a file for each process: "run.rank0.clipscope", "run.rank1.clipscope".

/// The place of rank `rank` beside `path`, which is that of any rank; nothing where its name has no
/// rank.
std::optional<std::filesystem::path> rankPath(const std::filesystem::path& path, int rank);
/// "run.rank0.clipscope" for "run.clipscope", where only the former is there.
std::filesystem::path withRank(const std::filesystem::path& path);

/// One step of all processes. `ranks`: what each recorded of it, by rank.
///
/// Tables of examples are put together, by example, with the rank of each row; where two ranks drew
/// the same example, or one does not know which it drew, rows are numbered through, rank by rank.
/// What follows from them (quantiles of norms, retained norm) is computed anew, and is NaN where a
/// rank has no tables of the step. Loss and clipped fractions are means over all examples drawn.
/// The clipped sum's norms are those of the sum over all processes, s = (Σ p.grad)·B − z, which
/// rank 0 recorded after the reduction; NaN where it did not. Noise, update and ε are rank 0's: it
/// alone draws noise. Bias and its cosine are NaN: no process has the unclipped sum of all.
std::shared_ptr<const StepRecord> mergeRanks(
    std::shared_ptr<const RunInfo> info, std::span<const std::shared_ptr<const StepRecord>> ranks);

}  // namespace clipscope
