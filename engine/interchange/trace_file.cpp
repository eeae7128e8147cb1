// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/trace_file.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace clipscope {

namespace {

/// Microseconds with three digits behind the point: whole nanoseconds.
std::string microseconds(double seconds) {
  const auto nanoseconds = std::llround(seconds * 1e9);
  const std::string digits = std::to_string(nanoseconds % 1000);
  return std::to_string(nanoseconds / 1000) + "." + std::string(3 - digits.size(), '0') + digits;
}

/// Whole nanoseconds, so that the parts of a step add up to it in the file as well.
double rounded(double seconds) {
  return static_cast<double>(std::llround(std::max(0.0, seconds) * 1e9)) * 1e-9;
}

double layerTime(const TimesPart::Layer& layer, Phase phase) {
  switch (phase) {
    case Phase::Forward:
      return layer.forward;
    case Phase::Backward:
      return layer.backward;
    case Phase::Norms:
      return layer.norms;
    case Phase::Clip:
      return layer.sums;
    default:
      return 0;
  }
}

}  // namespace

TraceFile::TraceFile(std::filesystem::path path) : m_file(std::move(path)) {
  m_file.write("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [");
  nameRow(Steps, "steps");
  nameRow(Layers, "layers");
}

void TraceFile::begin() {
  m_file.write(m_first ? "\n" : ",\n");
  m_first = false;
}

void TraceFile::nameRow(Row row, std::string_view name) {
  begin();
  m_file.write(nlohmann::json{{"name", "thread_name"},
                              {"ph", "M"},
                              {"pid", 1},
                              {"tid", static_cast<int>(row)},
                              {"args", {{"name", name}}}}
                   .dump());
}

void TraceFile::event(std::string_view name, std::string_view category, Row row, double start,
                      double seconds, std::string_view arguments) {
  begin();
  m_file.write("{\"name\": " + nlohmann::json(name).dump() + ", \"cat\": \"" +
               std::string(category) +
               "\", \"ph\": \"X\", \"pid\": 1, \"tid\": " + std::to_string(static_cast<int>(row)) +
               ", \"ts\": " + microseconds(start) + ", \"dur\": " + microseconds(seconds));
  if (!arguments.empty()) m_file.write(", \"args\": " + std::string(arguments));
  m_file.write("}");
}

double TraceFile::startOf(double end, double seconds) {
  const double start = rounded(std::max(m_free, end - seconds));
  m_free = start + seconds;
  return start;
}

void TraceFile::addStep(const StepRecord& record, double end) {
  std::array<double, phaseCount> seconds{};
  std::transform(record.seconds.begin(), record.seconds.end(), seconds.begin(), rounded);
  const double total = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  const double start = startOf(end, total);
  event("step " + std::to_string(record.step), "step", Steps, start, total,
        nlohmann::json{{"batch", record.batchSize()}, {"joined", record.joined}}.dump());
  double at = start;
  for (const Phase phase : allPhases) {
    const double length = seconds[static_cast<std::size_t>(phase)];
    event(phaseName(phase), "phase", Steps, at, length);
    addLayers(record, phase, at);
    at += length;
  }
}

void TraceFile::addLayers(const StepRecord& record, Phase phase, double start) {
  if (!record.times) return;
  const auto& layers = record.times->layers;
  // Truncated, so that they never reach beyond their phase.
  const auto add = [&](std::size_t l) {
    const double length = std::floor(layerTime(layers[l], phase) * 1e9) * 1e-9;
    if (length <= 0) return;
    event(record.info->modelLayers[l], phaseName(phase), Layers, start, length);
    start += length;
  };
  if (phase == Phase::Backward)
    for (std::size_t l = layers.size(); l-- > 0;) add(l);
  else
    for (std::size_t l = 0; l < layers.size(); ++l) add(l);
}

void TraceFile::addTask(std::string_view name, double seconds, double end) {
  const double length = rounded(seconds);
  event(name, "task", Steps, startOf(end, length), length);
}

void TraceFile::commit() {
  m_file.write("\n]}\n");
  m_file.commit();
}

}  // namespace clipscope
