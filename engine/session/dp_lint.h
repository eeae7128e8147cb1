// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// How a check came out, the gravest last.
enum class LintSeverity {
  Unknown,  ///< the phase that it looks at has not been yet
  Passed,
  Note,     ///< to be known when the run is quoted
  Warning,  ///< it trains worse, or means something else, than its settings suggest
  Error,    ///< its ε does not hold, or is ∞
};

/// "unknown", "passed", "note", "warning", "error".
std::string_view lintSeverityName(LintSeverity severity);

/// One check of a step: what is so, with its numbers, and what would mend it.
struct LintFinding {
  std::string_view check;  ///< "sampling", in files
  std::string_view title;  ///< on screen
  LintSeverity severity = LintSeverity::Unknown;
  std::string text;
  std::string remedy;        ///< "" where nothing is to be done
  std::string_view setting;  ///< the path of the setting that decides it; "" for none
};

/// Checks a step against what differentially private training needs, and what usually goes wrong.
/// `experiment`: the settings that the step had. What a record does not have (a recording without
/// tables of examples, a phase that has not been) is Unknown. Always the same checks in the same
/// order:
///   sampling         the accountant's sampling is the sampler's (Chua et al. 2024,
///                    arXiv:2403.17673)
///   denominator      the sum is divided by a constant, whatever the batch drawn
///   noise_scale      the noise has the std σ·Δ on the sum, Δ the sensitivity by the grouping:
///                    effective σ = σ
///   sensitivity      no clipped gradient is longer than what the noise is scaled to
///   adaptive_charge  counts of an adaptive threshold are in σ: the accountant is not handed z
///   count_denominator  their noisy share has a constant denominator
///   threshold_edge   an adaptive C is not at an end of its range
///   noise            σ > 0
///   delta            δ < 1/N
///   epsilon          an ε that will be quoted is one of a real release
///   batch_norm       no layer mixes the examples of a batch
///   finite           no example has a NaN or an infinity
///   dead_tensors     every tensor gets a gradient; a LoRA layer's `a` at its first step does not
///   dominant_layer   no layer has more than 95 % of the squared norm
///   clipped_share    between 1 % and 99 % of the examples are clipped
///   update_noise     the noise in an update is below a tenth of the weights' norm
///   recorder         what a recorder of another library's run could not see; of such runs only
std::vector<LintFinding> dpLint(const Experiment& experiment, const StepRecord& record);

/// The gravest; Unknown of none.
LintSeverity gravest(const std::vector<LintFinding>& findings);

}  // namespace clipscope
