// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <span>
#include <vector>

#include "engine/clipping/adaptive_threshold.h"
#include "engine/error.h"
#include "engine/interchange/reference_kinds.h"
#include "engine/noise/allocation.h"
#include "engine/noise/gaussian_noise.h"
#include "engine/noise/secure_sum.h"

namespace clipscope {

using nlohmann::json;

void checkNoiseStdFile(const ReferenceFile& file, ReferenceReport& report) {
  for (const json& item : file.field("rows")) {
    const ReferenceFile row = file.part(item, "a row");
    const std::string mode = item.value("mode", "");
    if (mode == "flat") {
      const std::vector<double> threshold{row.number("C")};
      const std::vector<Index> dimension{1};
      const double sigma = row.number("noise_multiplier");
      const double std = groupNoiseStds(NoiseAllocation::Global, sigma, threshold, dimension)[0];
      report.add("std of the sum, flat", relativeDifference(std, row.number("std_on_sum")), 1e-12,
                 "relative");
      report.add(
          "std of the mean, flat",
          relativeDifference(std / row.number("expected_batch_size"), row.number("std_on_mean")),
          1e-12, "relative");
    } else if (mode == "groups") {
      std::vector<double> thresholds;
      for (const json& c : row.field("C")) thresholds.push_back(c.get<double>());
      const std::vector<Index> dims = row.indices("dims");
      if (dims.size() != thresholds.size()) row.fail("\"C\" and \"dims\" differ in length");
      const double sigma = row.number("noise_multiplier");
      for (const auto& [field, allocation] :
           {std::pair{"shared_std", NoiseAllocation::Global},
            std::pair{"equal_budget", NoiseAllocation::EqualBudget},
            std::pair{"least_power", NoiseAllocation::LeastPower}}) {
        if (!row.has(field)) continue;
        const ReferenceFile entry = row.part(row.field(field), field);
        const auto stds = groupNoiseStds(allocation, sigma, thresholds, dims);
        const json& wanted = entry.field("std");
        double power = 0;
        for (std::size_t k = 0; k < stds.size(); ++k) {
          report.add("std by group", relativeDifference(stds[k], wanted.at(k).get<double>()), 1e-12,
                     "relative");
          power += stds[k] * stds[k] * static_cast<double>(dims[k]);
        }
        report.add("effective noise multiplier",
                   relativeDifference(effectiveSigma(thresholds, stds),
                                      entry.number("effective_noise_multiplier")),
                   1e-12, "relative");
        if (entry.has("noise_power"))
          report.add("noise power", relativeDifference(power, entry.number("noise_power")), 1e-12,
                     "relative");
      }
      if (row.has("uncalibrated_sigma_times_Ck")) {
        const ReferenceFile entry =
            row.part(row.field("uncalibrated_sigma_times_Ck"), "uncalibrated_sigma_times_Ck");
        std::vector<double> stds;
        for (const json& s : entry.field("std")) stds.push_back(s.get<double>());
        report.add("effective noise multiplier, uncalibrated",
                   relativeDifference(effectiveSigma(thresholds, stds),
                                      entry.number("effective_noise_multiplier")),
                   1e-12, "relative");
      }
    } else if (mode == "adaptive") {
      const double total = row.number("noise_multiplier_total"), countStd = row.number("count_std");
      const double z = gradientNoiseMultiplier(total, countStd, 1);
      report.add("noise multiplier of the gradients, adaptive",
                 relativeDifference(z, row.number("noise_multiplier_gradients")), 1e-12,
                 "relative");
      const std::vector<double> threshold{1.0}, std{z};
      report.add("noise multiplier to account, adaptive",
                 relativeDifference(effectiveSigma(threshold, std, 1, countStd), total), 1e-12,
                 "relative");
    } else if (mode == "adaptive_invalid") {
      double accepted = 0;
      try {
        gradientNoiseMultiplier(row.number("noise_multiplier_total"), row.number("count_std"), 1);
        accepted = 1;
      } catch (const SettingError&) {
        // As it must be.
      }
      report.add("impossible adaptive rows accepted", accepted, 0, "none may be");
    } else {
      report.unsupported.push_back("rows of mode " + mode);
    }
  }
}

namespace {

/// The recorded draws put together as secure mode does. (Its draws come from a cryptographic stream
/// and cannot be made again.)
void checkSecureCase(const ReferenceFile& item, ReferenceReport& report) {
  const json& list = item.field("draws");
  if (!list.is_array() || list.size() != 4) item.fail("\"draws\" is not a list of four tensors");
  ReferenceTensor wanted = item.tensor("result");
  // Nine digits tell every float apart.
  for (double& value : wanted.data) value = static_cast<double>(static_cast<float>(value));
  std::array<std::vector<float>, 4> draws;
  std::array<std::span<const float>, 4> views;
  for (std::size_t k = 0; k < 4; ++k) {
    const ReferenceTensor draw = item.tensor(list[k], "draws");
    item.expectSize(draw, static_cast<Index>(wanted.data.size()), "draws");
    std::ranges::transform(draw.data, std::back_inserter(draws[k]),
                           [](double v) { return static_cast<float>(v); });
    views[k] = draws[k];
  }
  std::vector<float> sum(wanted.data.size());
  secureSum(views, sum);
  report.add("secure-mode sum of four draws", largestDifference(sum, wanted.data), 0,
             "exact; single precision in the same order");
}

}  // namespace

void checkNoiseDistributionFile(const ReferenceFile& file, ReferenceReport& report) {
  const ReferenceFile limits = file.part(file.field("distribution_test"), "distribution_test");
  const double samples = limits.number("samples");
  if (!(samples >= 1000 && samples <= 1e8)) limits.fail("\"samples\" must be from 1000 to 1e8");
  const auto n = static_cast<std::size_t>(samples);
  std::vector<float> z(n);
  fillNormals({1, DrawPurpose::Test, 0, 0}, 0, z);

  double mean = 0;
  for (const float value : z) mean += static_cast<double>(value) / samples;
  double m2 = 0, m3 = 0, m4 = 0, lag = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double d = static_cast<double>(z[i]) - mean;
    m2 += d * d / samples;
    m3 += d * d * d / samples;
    m4 += d * d * d * d / samples;
    if (i + 1 < n) lag += d * (static_cast<double>(z[i + 1]) - mean) / samples;
  }
  const double std = std::sqrt(m2);
  std::sort(z.begin(), z.end());
  double distance = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double below = 0.5 * std::erfc(-static_cast<double>(z[i]) / std::sqrt(2.0));
    distance = std::max({distance, std::abs(static_cast<double>(i + 1) / samples - below),
                         std::abs(below - static_cast<double>(i) / samples)});
  }
  const std::string measure = "of the engine's normals, seed 1; false alarm 1e-6 a side";
  report.add("mean", std::abs(mean) / std, limits.number("max_abs_mean_over_std"), measure);
  report.add("standard deviation", std::abs(std - 1), limits.number("max_rel_error_of_std"),
             measure);
  report.add("skewness", std::abs(m3 / (m2 * std)), limits.number("max_abs_skewness"), measure);
  report.add("excess kurtosis", std::abs(m4 / (m2 * m2) - 3),
             limits.number("max_abs_excess_kurtosis"), measure);
  report.add("Kolmogorov-Smirnov distance", distance, limits.number("max_KS_distance"), measure);
  report.add("lag correlation", std::abs(lag / m2), limits.number("max_abs_lag_correlation"),
             measure);
  if (!file.has("cases")) return;
  for (const json& item : file.field("cases")) checkSecureCase(file.part(item, "a case"), report);
}

}  // namespace clipscope
