// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/clipping/norm_table.h"

#include <algorithm>
#include <cmath>

namespace clipscope {

void NormTable::resize(Index examples, Index tensors) {
  m_examples = examples;
  m_tensors = tensors;
  const auto wanted = static_cast<std::size_t>(examples * tensors);
  if (m_values.size() < wanted) m_values.resize(wanted);
}

double NormTable::globalNorm(Index example) const { return combinedNorm(row(example)); }

double combinedNorm(std::span<const double> norms) {
  double squares = 0, largest = 0;
  for (const double n : norms) {
    squares += n * n;
    largest = std::max(largest, std::abs(n));
  }
  // Squares of doubles between 1e-150 and 1e150 neither vanish nor overflow, however many there
  // are.
  const bool safe = largest == 0 || (largest > 1e-150 && largest < 1e150);
  if (safe || std::isnan(squares) || !std::isfinite(largest)) return std::sqrt(squares);
  squares = 0;
  for (const double n : norms) squares += (n / largest) * (n / largest);
  return largest * std::sqrt(squares);
}

}  // namespace clipscope
