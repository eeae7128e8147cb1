// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clipscope {

/// A run of equal steps: the Gaussian mechanism with noise multiplier `sigma` on a Poisson sample
/// of rate `sampleRate`.
struct AccountedSteps {
  double sigma = 0;
  double sampleRate = 0;
  std::int64_t steps = 0;
};

/// Whether steps differ at most in how many they are.
inline bool isSameMechanism(const AccountedSteps& a, const AccountedSteps& b) {
  return a.sigma == b.sigma && a.sampleRate == b.sampleRate;
}

/// Where an ε lies.
struct EpsilonRange {
  double lower = 0, estimate = 0, upper = 0;
};

/// Adds up the privacy that steps cost. Neighbours differ by one example added or removed; the
/// sampling is Poisson. `sigma` is the noise multiplier that the whole mechanism has, counts
/// included.
class Accountant {
 public:
  virtual ~Accountant() = default;
  virtual std::string_view name() const = 0;
  /// True where ε is a proven upper bound.
  virtual bool isBound() const = 0;
  /// Adds steps; σ = 0 makes ε ∞, q = 0 costs nothing.
  virtual void add(double sigma, double sampleRate, std::int64_t steps) = 0;
  /// ε ≥ 0 at δ in (0, 1); 0 for an empty history, ∞ without noise; never NaN.
  virtual double epsilon(double delta) const = 0;
  /// The δ in [0, 1] at which epsilon(δ) is `epsilon` ≥ 0, found on the side where it is a bound:
  /// epsilon(delta(ε)) ≤ ε. 0 for an empty history, 1 without noise.
  virtual double delta(double epsilon) const = 0;
  /// Where the ε of the steps lies: from 0 to epsilon(δ) where only a bound is known, from 0 to ∞
  /// about an approximation.
  virtual EpsilonRange epsilonRange(double delta) const;
  /// What was added, equal neighbours merged.
  virtual const std::vector<AccountedSteps>& history() const = 0;
  /// Starts over from a history: the same ε, to the bit, as after adding it.
  virtual void setHistory(std::vector<AccountedSteps> history) = 0;
};

/// Adds steps to a history, merged with its last entry where both are of one kind. Opacus keeps its
/// history the same way.
void addToHistory(std::vector<AccountedSteps>& history, const AccountedSteps& steps);

/// "rdp-opacus", "rdp", "prv" (bounds), "gdp" (an approximation).
const std::vector<std::string>& accountantNames();
/// Throws SettingError for an unknown name, listing the choices.
std::unique_ptr<Accountant> makeAccountant(const std::string& name);
/// Whether the ε of the accountant of that name is a proven upper bound; throws like
/// makeAccountant.
bool accountantIsBound(const std::string& name);

}  // namespace clipscope
