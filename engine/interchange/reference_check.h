// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace clipscope {

/// One quantity of a reference file against what the engine computes.
struct ReferenceCheck {
  std::string quantity;  ///< "per-example gradients"
  double error = 0;      ///< the largest over the file
  double tolerance = 0;
  std::string measure;  ///< how the error is measured: "relative to the tensor's largest entry"

  bool holds() const { return error <= tolerance; }  // false for a NaN
};

struct ReferenceReport {
  std::string kind;  ///< "model", "clipping", "training", "noise"
  std::vector<ReferenceCheck> checks;
  std::vector<std::string> unsupported;  ///< parts of the file that this version cannot reproduce

  bool holds() const;
  /// Merges an error into the check of that name, which keeps the largest. A NaN stays.
  void add(const std::string& quantity, double error, double tolerance, const std::string& measure);
};

/// Reproduces a reference file (reference_format.md says what the kinds hold). Throws FileError for
/// a file that cannot be read or lacks a field, UnsupportedError, with the name, for a layer,
/// optimiser, clipping or kind that this version does not have.
ReferenceReport checkReferenceFile(const std::filesystem::path& path);

}  // namespace clipscope
