// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/reference_check.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/interchange/reference_kinds.h"

namespace clipscope {

bool ReferenceReport::holds() const {
  return std::all_of(checks.begin(), checks.end(),
                     [](const ReferenceCheck& check) { return check.holds(); });
}

void ReferenceReport::add(const std::string& quantity, double error, double tolerance,
                          const std::string& measure) {
  for (ReferenceCheck& check : checks) {
    if (check.quantity != quantity) continue;
    // A NaN compares false with everything: it is kept once it is there.
    if (!(error <= check.error) && !std::isnan(check.error)) check.error = error;
    return;
  }
  checks.push_back({quantity, error, tolerance, measure});
}

double relativeDifference(double got, double wanted) {
  return got == wanted ? 0 : std::abs(got - wanted) / std::abs(wanted);
}

double largestMagnitude(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

namespace {

ReferenceReport checkByKind(const ReferenceFile& file, const std::filesystem::path& path) {
  ReferenceReport report;
  if (file.has("per_example_grads") && file.has("layers")) {
    report.kind = "model";
    checkModelFile(file, report);
  } else if (file.has("flat") && file.has("per_param")) {
    report.kind = "clipping";
    checkClippingFile(file, path, report);
  } else if (file.has("cases") && file.has("long_vectors")) {
    report.kind = "clipping edge cases";
    checkEdgeCaseFile(file, report);
  } else if (file.has("steps") && file.has("optimizer")) {
    report.kind = "training";
    checkTrainingFile(file, report);
  } else if (file.has("rows") && file.content()["rows"].is_array() &&
             !file.content()["rows"].empty() && file.content()["rows"][0].contains("mode")) {
    report.kind = "noise";
    checkNoiseStdFile(file, report);
  } else if (file.has("distribution_test")) {
    report.kind = "noise";
    checkNoiseDistributionFile(file, report);
  } else if (file.has("rows")) {
    report.kind = "accounting";
    checkAccountingFile(file, report);
  } else {
    file.fail("is no reference file: it has the fields of none of the kinds");
  }
  if (report.checks.empty() && report.unsupported.empty()) file.fail("holds nothing to check");
  return report;
}

}  // namespace

ReferenceReport checkReferenceFile(const std::filesystem::path& path) {
  const ReferenceFile file(path);
  try {
    return checkByKind(file, path);
  } catch (const nlohmann::json::exception& error) {
    // The fields that every check depends on are looked at one by one; this is for the rest.
    file.fail(std::string("holds something of another type than it should (") + error.what() + ")");
  }
}

}  // namespace clipscope
