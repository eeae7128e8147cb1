// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/interchange/reference_check.h"
#include "engine/interchange/reference_json.h"

namespace clipscope {

/// One function a kind of reference file; each adds its checks to the report. They throw as
/// checkReferenceFile does.
void checkModelFile(const ReferenceFile& file, ReferenceReport& report);
void checkClippingFile(const ReferenceFile& file, const std::filesystem::path& path,
                       ReferenceReport& report);
void checkEdgeCaseFile(const ReferenceFile& file, ReferenceReport& report);
void checkTrainingFile(const ReferenceFile& file, ReferenceReport& report);
void checkNoiseStdFile(const ReferenceFile& file, ReferenceReport& report);
void checkNoiseDistributionFile(const ReferenceFile& file, ReferenceReport& report);
/// ε, histories, the noise multiplier of a target, RDP by order.
void checkAccountingFile(const ReferenceFile& file, ReferenceReport& report);

/// max |got − wanted| over a tensor; 0 where both are the same infinity; NaN stays.
template <class Got>
double largestDifference(const Got& got, const std::vector<double>& wanted) {
  double largest = 0;
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const double a = static_cast<double>(got[k]), b = wanted[k];
    if (a == b) continue;
    const double difference = a > b ? a - b : b - a;
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/// |got − wanted|/|wanted|; 0 where equal.
double relativeDifference(double got, double wanted);
double largestMagnitude(const std::vector<double>& values);

}  // namespace clipscope
