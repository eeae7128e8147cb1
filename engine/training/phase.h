// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <string_view>

namespace clipscope {

/// The parts of one DP-SGD step, in order.
enum class Phase { Sample, Forward, Backward, Norms, Clip, Noise, Update, Account };

inline constexpr int phaseCount = 8;
inline constexpr std::array<Phase, phaseCount> allPhases{
    Phase::Sample, Phase::Forward, Phase::Backward, Phase::Norms,
    Phase::Clip,   Phase::Noise,   Phase::Update,   Phase::Account};

/// "Sample", "Forward", …
constexpr std::string_view phaseName(Phase phase) {
  constexpr std::array<std::string_view, phaseCount> names{
      "Sample", "Forward", "Backward", "Norms", "Clip", "Noise", "Update", "Account"};
  return names[static_cast<std::size_t>(phase)];
}

}  // namespace clipscope
