// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/loss_cumulants.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clipscope {

double TiltGrid::tilt(int k) {
  if (k == 0) return 0;
  const double size = 0.01 * std::pow(1.25, std::abs(k) - 1);
  return k > 0 ? size : -size;
}

namespace {

/// The losses of one step at points of equal distance, and the logarithms of their masses.
class Rectangles {
 public:
  explicit Rectangles(const PrivacyLoss& loss) {
    constexpr int count = 256;
    const double width = (loss.to() - loss.from()) / count;
    for (int n = 0; n <= count; ++n) {
      const double x = loss.from() + n * width;
      m_losses.push_back(loss.loss(x));
      m_masses.push_back(std::log(loss.density(x) * width));
    }
  }

  double cumulant(double s) const {
    double highest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::size_t n = 0; n < m_losses.size(); ++n)
      highest = std::max(highest, s * m_losses[n] + m_masses[n]);
    for (std::size_t n = 0; n < m_losses.size(); ++n) {
      const double below = s * m_losses[n] + m_masses[n] - highest;
      if (below > -20) sum += std::exp(below);
    }
    return highest + std::log(sum);
  }

 private:
  std::vector<double> m_losses, m_masses;
};

}  // namespace

LossCumulants::LossCumulants(const PrivacyLoss& loss) : LossCumulants() {
  const Rectangles rectangles(loss);
  for (int k = -TiltGrid::most; k <= TiltGrid::most; ++k)
    m_values[static_cast<std::size_t>(k + TiltGrid::most)] = rectangles.cumulant(TiltGrid::tilt(k));
}

double LossCumulants::of(const PrivacyLoss& loss, double s) { return Rectangles(loss).cumulant(s); }

void LossCumulants::add(const LossCumulants& other, double times) {
  for (std::size_t k = 0; k < m_values.size(); ++k) m_values[k] += times * other.m_values[k];
}

}  // namespace clipscope
