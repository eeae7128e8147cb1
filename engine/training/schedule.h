// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// How a setting changes over the steps; t counts completed steps, 0 for the first.
enum class ScheduleKind {
  Constant,     ///< v
  Exponential,  ///< v γᵗ
  Step,         ///< v γ^⌊t/k⌋
  Cosine,       ///< f + (v − f)(1 + cos(π min(t, n)/n))/2
  Table,        ///< values[min(t, last)]; v is not read
};

/// "constant", "exponential", "step", "cosine", "table".
std::string_view scheduleKindName(ScheduleKind kind);
/// Throws SettingError naming `setting` and the choices.
ScheduleKind parseScheduleKind(const std::string& text, const std::string& setting);

/// One schedule; each kind reads its own.
struct Schedule {
  ScheduleKind kind = ScheduleKind::Constant;
  double gamma = 0.99;         ///< γ > 0: exponential, step
  Index every = 100;           ///< k ≥ 1: step
  double floor = 0;            ///< f ≥ 0: cosine
  Index steps = 200;           ///< n ≥ 1: cosine
  std::vector<double> values;  ///< table, at least one

  bool isConstant() const { return kind == ScheduleKind::Constant; }
  /// The value of the step after `done` completed ones, a pure function; `base` is the setting v.
  double value(double base, Index done) const;

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// One schedule as a line: "constant", "exponential:γ", "step:γ:k", "cosine:floor:n",
/// "table:v,v,…"; reading back gives an equal schedule, but for numbers that its kind does not
/// read.
std::string scheduleText(const Schedule& schedule);
/// Throws SettingError naming `setting` and the forms.
Schedule parseSchedule(const std::string& text, const std::string& setting);

/// Schedules of an experiment. A value is held within the range of its setting.
struct ScheduleSettings {
  Schedule noiseMultiplier;  ///< σ; each step is accounted with its own
  Schedule maxGradNorm;      ///< C
  Schedule learningRate;     ///< η

  friend bool operator==(const ScheduleSettings&, const ScheduleSettings&) = default;
};

/// Throws SettingError, beginning with `path` ("schedules.learning_rate"), for a value out of
/// range; `low` and `high` are the range of the setting itself.
void validateSchedule(const Schedule& schedule, const std::string& path, double low, double high);

}  // namespace clipscope
