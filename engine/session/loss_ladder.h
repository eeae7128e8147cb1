// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/session/lane_set.h"

namespace clipscope {

/// The rungs between training without privacy and with it.
enum class Rung { NoPrivacy, ClippingOnly, NoiseOnly, Both };
inline constexpr std::array allRungs{Rung::NoPrivacy, Rung::ClippingOnly, Rung::NoiseOnly,
                                     Rung::Both};

/// "no privacy", "clipping only", "noise only", "both".
std::string_view rungName(Rung rung);

/// The experiment with less of what privacy needs: without privacy nothing is clipped and σ = 0;
/// clipping alone has σ = 0; noise alone clips nothing, and its noise has the std that it has with
/// clipping, σC. Both is the experiment itself. An adaptive C stays where it starts on the rungs
/// without clipping.
Experiment rungOf(const Experiment& experiment, Rung rung);

/// What privacy costs a run, and which part of it costs what.
struct LadderCost {
  Index step = 0;
  /// Mean training loss of the last steps, by rung; test loss where `isTest`.
  std::array<double, allRungs.size()> loss{};
  bool isTest = false;
  Index averaged = 0;  ///< steps that a training loss is the mean of
  double clipping() const { return difference(Rung::ClippingOnly); }
  double noise() const { return difference(Rung::NoiseOnly); }
  double both() const { return difference(Rung::Both); }
  double difference(Rung rung) const {
    return loss[static_cast<std::size_t>(rung)] - loss[static_cast<std::size_t>(Rung::NoPrivacy)];
  }
};

/// From the summaries of the four runs, by rung, at the last step that all have: the newest test
/// loss that all four have there, or else the mean training loss of the last 10 steps that drew
/// anything. Nothing before the first whole step.
std::optional<LadderCost> ladderCost(
    const std::array<std::span<const StepSummary>, allRungs.size()>& runs);

/// Which costs what, in a sentence.
std::string ladderSentence(const LadderCost& cost);

}  // namespace clipscope
