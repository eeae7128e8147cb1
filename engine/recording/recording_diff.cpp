// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_diff.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/formats/number_text.h"
#include "engine/recording/step_columns.h"

namespace clipscope {

namespace {

using Difference = std::optional<RecordingDifference>;

bool sameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

std::string textOf(double value) { return std::isnan(value) ? "none" : numberText(value); }

/// The settings that make a run what it is.
nlohmann::json essence(const Experiment& experiment) {
  Experiment e = experiment;
  e.data.path.clear();
  e.data.labels.clear();
  e.run.steps = 0;
  return toJson(e).flatten();
}

Difference differentSettings(Index step, const Experiment& a, const Experiment& b) {
  const nlohmann::json x = essence(a), y = essence(b);
  if (x == y) return {};
  for (const auto& [path, value] : x.items()) {
    const auto other = y.find(path);
    if (other == y.end() || *other != value) {
      std::string field = path.substr(1);
      std::ranges::replace(field, '/', '.');
      return RecordingDifference{step, field, value.dump(),
                                 other == y.end() ? "none" : other->dump()};
    }
  }
  return RecordingDifference{step, "settings", "", ""};
}

/// "value 7 of 26 010": where two blobs part.
std::string placeIn(const std::string& bytes, const std::string& other, std::size_t valueBytes) {
  const auto [at, there] = std::ranges::mismatch(bytes, other);
  return "value " + std::to_string(static_cast<std::size_t>(at - bytes.begin()) / valueBytes + 1) +
         " of " + std::to_string(bytes.size() / valueBytes);
}

Difference differentBlobs(const StepRecord& a, const StepRecord& b,
                          std::span<const BlobColumn> columns) {
  for (const BlobColumn& column : columns) {
    if (column.extent == BlobExtent::LayerTimes) continue;
    std::string x, y;
    column.append(a, x);
    column.append(b, y);
    if (x != y)
      return RecordingDifference{a.step, std::string(column.name), placeIn(x, y, column.valueBytes),
                                 placeIn(y, x, column.valueBytes)};
  }
  return {};
}

Difference differentRecords(const StepRecord& a, const StepRecord& b) {
  const auto numbers = [&](std::span<const NumberColumn> columns) -> Difference {
    for (const NumberColumn& column : columns) {
      if (column.name.starts_with("seconds_")) continue;
      const double x = column.value(a), y = column.value(b);
      if (!sameBits(x, y))
        return RecordingDifference{a.step, std::string(column.name), textOf(x), textOf(y)};
    }
    return {};
  };
  // How the batch came about, then what became of it: a difference is named where it began.
  if (const auto found = numbers(numberColumns().first(1))) return found;
  const bool bothHaveTables = a.norms->norms.examples() == b.norms->norms.examples();
  if (bothHaveTables)
    if (auto found = differentBlobs(a, b, batchColumns())) return found;
  if (auto found = numbers(numberColumns())) return found;
  for (const TextColumn& column : textColumns()) {
    const std::string x = column.value(a), y = column.value(b);
    if (x != y) return RecordingDifference{a.step, std::string(column.name), x, y};
  }
  if (auto found = differentBlobs(a, b, detailColumns())) return found;
  if (a.evaluation && b.evaluation) return numbers(evaluationColumns());
  return {};
}

}  // namespace

std::optional<RecordingDifference> firstDifference(const RecordingReader& a,
                                                   const RecordingReader& b) {
  if (a.info()->tensors != b.info()->tensors || a.info()->sizes != b.info()->sizes)
    return RecordingDifference{0, "tensors", std::to_string(a.info()->tensors.size()),
                               std::to_string(b.info()->tensors.size())};
  if (a.meta("data_fingerprint") != b.meta("data_fingerprint"))
    return RecordingDifference{0, "data_fingerprint", a.meta("data_fingerprint"),
                               b.meta("data_fingerprint")};
  const int x = a.activeBranch(), y = b.activeBranch();
  const Index steps = std::min(a.tree().at(x).steps, b.tree().at(y).steps);
  const Experiment* before[2] = {nullptr, nullptr};
  for (Index step = 1; step <= steps; ++step) {
    const Experiment* now[2] = {a.tree().settingsOf(x, step).get(),
                                b.tree().settingsOf(y, step).get()};
    if (!std::equal(now, now + 2, before)) {
      if (auto found = differentSettings(step, *now[0], *now[1])) return found;
      std::copy(now, now + 2, before);
    }
    if (auto found = differentRecords(*a.step(x, step), *b.step(y, step))) return found;
  }
  if (a.tree().at(x).steps != b.tree().at(y).steps)
    return RecordingDifference{steps + 1, "steps", std::to_string(a.tree().at(x).steps),
                               std::to_string(b.tree().at(y).steps)};
  return {};
}

}  // namespace clipscope
