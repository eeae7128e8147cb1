// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/schedule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>

#include "engine/error.h"
#include "engine/formats/number_text.h"

namespace clipscope {

namespace {

constexpr ScheduleKind kinds[] = {ScheduleKind::Constant, ScheduleKind::Exponential,
                                  ScheduleKind::Step, ScheduleKind::Cosine, ScheduleKind::Table};

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

}  // namespace

std::string_view scheduleKindName(ScheduleKind kind) {
  constexpr std::string_view names[] = {"constant", "exponential", "step", "cosine", "table"};
  return names[static_cast<std::size_t>(kind)];
}

ScheduleKind parseScheduleKind(const std::string& text, const std::string& setting) {
  for (const ScheduleKind kind : kinds)
    if (text == scheduleKindName(kind)) return kind;
  throw SettingError(setting + ": \"" + text +
                     "\" is not a schedule; choose constant, exponential, step, cosine or table");
}

double Schedule::value(double base, Index done) const {
  if (base == 0 && (kind == ScheduleKind::Exponential || kind == ScheduleKind::Step)) return 0;
  switch (kind) {
    case ScheduleKind::Constant:
      return base;
    case ScheduleKind::Exponential:
      return base * std::pow(gamma, static_cast<double>(done));
    case ScheduleKind::Step:
      return base * std::pow(gamma, static_cast<double>(done / every));
    case ScheduleKind::Cosine: {
      if (done >= steps) return floor;
      const double share = static_cast<double>(done) / static_cast<double>(steps);
      return floor + (base - floor) * 0.5 * (1 + std::cos(std::numbers::pi * share));
    }
    case ScheduleKind::Table:
      return values[std::min(static_cast<std::size_t>(done), values.size() - 1)];
  }
  return base;
}

std::string scheduleText(const Schedule& s) {
  std::string text(scheduleKindName(s.kind));
  const auto add = [&](char before, const std::string& part) {
    text += before;
    text += part;
  };
  switch (s.kind) {
    case ScheduleKind::Constant:
      break;
    case ScheduleKind::Exponential:
      add(':', numberText(s.gamma));
      break;
    case ScheduleKind::Step:
      add(':', numberText(s.gamma));
      add(':', std::to_string(s.every));
      break;
    case ScheduleKind::Cosine:
      add(':', numberText(s.floor));
      add(':', std::to_string(s.steps));
      break;
    case ScheduleKind::Table:
      for (std::size_t k = 0; k < s.values.size(); ++k)
        add(k == 0 ? ':' : ',', numberText(s.values[k]));
      break;
  }
  return text;
}

Schedule parseSchedule(const std::string& text, const std::string& setting) {
  const auto parts = split(text, ':');
  const auto fail = [&]() {
    throw SettingError(setting + ": \"" + text +
                       "\" is not a schedule; write constant, exponential:γ, step:γ:k, "
                       "cosine:floor:n or table:v,v,…");
  };
  const auto number = [&](const std::string& part) {
    double value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size()) fail();
    return value;
  };
  const auto whole = [&](const std::string& part) {
    Index value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size()) fail();
    return value;
  };
  Schedule s;
  s.kind = parseScheduleKind(parts[0], setting);
  constexpr std::size_t wanted[] = {1, 2, 3, 3, 2};
  if (parts.size() != wanted[static_cast<std::size_t>(s.kind)]) fail();
  if (s.kind == ScheduleKind::Exponential || s.kind == ScheduleKind::Step)
    s.gamma = number(parts[1]);
  if (s.kind == ScheduleKind::Step) s.every = whole(parts[2]);
  if (s.kind == ScheduleKind::Cosine) {
    s.floor = number(parts[1]);
    s.steps = whole(parts[2]);
  }
  if (s.kind == ScheduleKind::Table)
    for (const std::string& value : split(parts[1], ',')) s.values.push_back(number(value));
  return s;
}

void validateSchedule(const Schedule& s, const std::string& path, double low, double high) {
  const auto require = [&](bool holds, const std::string& field, double value,
                           const std::string& wanted) {
    if (!holds)
      throw SettingError(path + "." + field + ": " + numberText(value) + " must be " + wanted);
  };
  const std::string range = "from " + numberText(low) + " to " + numberText(high);
  require(s.gamma > 0 && s.gamma <= 1e6, "gamma", s.gamma, "above 0 and at most 1e6");
  require(s.every >= 1, "every", static_cast<double>(s.every), "1 or more");
  require(s.steps >= 1, "steps", static_cast<double>(s.steps), "1 or more");
  if (s.kind == ScheduleKind::Cosine)
    require(s.floor >= low && s.floor <= high, "floor", s.floor, range);
  if (s.kind != ScheduleKind::Table) return;
  if (s.values.empty()) throw SettingError(path + ".values: a table needs at least one value");
  for (const double value : s.values)
    require(value >= low && value <= high, "values", value, range);
}

}  // namespace clipscope
