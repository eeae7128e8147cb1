// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/accounting/accountant.h"
#include "engine/training/step_summary.h"

namespace clipscope {

/// ε of the steps of another library's run, where its recorder left it out because the library
/// takes long for it: by the accountant of the same name here, from what the library charged each
/// step (z, q).
class LibraryAccount {
 public:
  /// A run whose library has no accountant, or one that is not known here, gets no ε. `isValid`:
  /// whether its ε holds.
  LibraryAccount(const std::string& accountant, double delta, bool isValid);

  /// The step after those before.
  void account(const StepSummary& summary);
  /// Gives a step that was accounted its ε, where it has none.
  void fill(StepSummary& summary) const;
  Index steps() const { return static_cast<Index>(m_epsilons.size()); }
  /// Of step 1 ≤ `step` ≤ steps(); NaN where there is none.
  double at(Index step) const { return m_epsilons[static_cast<std::size_t>(step - 1)]; }

 private:
  std::unique_ptr<Accountant> m_accountant;
  double m_delta;
  bool m_isValid;
  std::vector<double> m_epsilons;
};

}  // namespace clipscope
