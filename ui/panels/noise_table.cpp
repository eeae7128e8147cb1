// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/noise_table.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clipscope {

namespace {

double ratio(double signal, double noise) {
  if (noise > 0) return signal / noise;
  return signal > 0 ? std::numeric_limits<double>::infinity() : notANumber;
}

}  // namespace

NoiseTable makeNoiseTable(const StepRecord& record) {
  const ClipPart& clip = *record.clip;
  NoiseTable table;
  table.drawn = record.has(Phase::Noise);
  table.grouped = clip.groups.size() > 1;
  table.rows.resize(record.info->tensors.size() + 1);
  double expected = 0;
  for (std::size_t t = 0; t < record.info->tensors.size(); ++t) {
    NoiseTable::Row& row = table.rows[t + 1];
    const GroupResult& group = clip.groups[static_cast<std::size_t>(clip.groupOf[t])];
    row.name = record.info->tensors[t];
    row.group = group.name;
    row.size = record.info->sizes[t];
    row.signal = clip.tensorSignal[t];
    row.std = group.noiseStd;
    row.expected = group.noiseStd * std::sqrt(static_cast<double>(row.size));
    if (table.drawn) row.realised = record.noise->tensorRealised[t];
    expected += row.expected * row.expected;
  }
  NoiseTable::Row& total = table.rows.front();
  total.size = record.info->dimension;
  total.signal = clip.signal;
  total.expected = std::sqrt(expected);
  total.std = total.expected / std::sqrt(static_cast<double>(total.size));
  if (table.drawn) total.realised = record.noise->realised;
  table.silent = expected == 0;
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (NoiseTable::Row& row : table.rows) {
    row.snr = ratio(row.signal, row.expected);
    if (table.drawn) row.snrRealised = ratio(row.signal, row.realised);
    for (const double value : {row.signal, row.expected, row.realised}) {
      if (!(value > 0) || !std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (high > 0) {
    table.high = high;
    table.low = std::max(low, high * 1e-6);
  }
  return table;
}

}  // namespace clipscope
