// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "engine/interchange/reference_kinds.h"
#include "engine/noise/allocation.h"

namespace clipscope {

using nlohmann::json;

void checkNoiseStdFile(const ReferenceFile& file, ReferenceReport& report) {
  bool adaptive = false;
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
      report.add("std of the mean, flat",
                 relativeDifference(std / row.number("expected_batch_size"), row.number("std_on_mean")),
                 1e-12, "relative");
    } else if (mode == "groups") {
      std::vector<double> thresholds;
      for (const json& c : row.field("C")) thresholds.push_back(c.get<double>());
      const std::vector<Index> dims = row.indices("dims");
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
    } else {
      adaptive = true;
    }
  }
  if (adaptive) report.unsupported.push_back("rows of mode adaptive (adaptive thresholds)");
}

}  // namespace clipscope
