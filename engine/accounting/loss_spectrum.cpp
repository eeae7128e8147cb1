// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/loss_spectrum.h"

#include <fftw3.h>

#include <cmath>
#include <map>
#include <memory>
#include <mutex>

namespace clipscope {

namespace {

constexpr double negligible = -50;  ///< the logarithm of a value that is below the rounding of 1

/// A transform of real numbers of one length, with memory of its own. FFTW plans may only be made
/// and destroyed one at a time.
class Transform {
 public:
  explicit Transform(long points)
      : m_values(fftw_alloc_real(static_cast<std::size_t>(points))),
        m_bins(fftw_alloc_complex(static_cast<std::size_t>(points / 2 + 1))) {
    const std::lock_guard lock(planning());
    m_plan = fftw_plan_dft_r2c_1d(static_cast<int>(points), m_values, m_bins, FFTW_ESTIMATE);
  }
  ~Transform() {
    const std::lock_guard lock(planning());
    fftw_destroy_plan(m_plan);
    fftw_free(m_values);
    fftw_free(m_bins);
  }
  Transform(const Transform&) = delete;
  Transform& operator=(const Transform&) = delete;

  double* values() { return m_values; }
  const fftw_complex* execute() {
    fftw_execute(m_plan);
    return m_bins;
  }

 private:
  static std::mutex& planning() {
    static std::mutex mutex;
    return mutex;
  }
  double* m_values;
  fftw_complex* m_bins;
  fftw_plan m_plan;
};

/// The one of the thread that was asked for last: histories of many steps use one length.
Transform& transformOf(long points) {
  thread_local std::unique_ptr<Transform> kept;
  thread_local long length = 0;
  if (length != points) {
    kept.reset();
    kept = std::make_unique<Transform>(points);
    length = points;
  }
  return *kept;
}

}  // namespace

StepSpectrum::StepSpectrum(const PrivacyLoss& loss, const LossGrid& grid, double floor,
                           double steps) {
  const LossLattice lattice = loss.onLattice(grid.spacing, floor, grid.theta);
  const double reference = loss.greatest();
  Transform& transform = transformOf(grid.points);
  std::fill_n(transform.values(), grid.points, 0.0);
  double mass = 0;
  for (std::size_t i = 0; i < lattice.mass.size(); ++i) {
    const long point = lattice.first + static_cast<long>(i);
    const double tilted =
        lattice.mass[i] *
        std::exp(grid.theta * (static_cast<double>(point) * grid.spacing - reference));
    mass += tilted;
    transform.values()[point & (grid.points - 1)] += tilted;
  }
  const fftw_complex* bins = transform.execute();
  const double scale = 1 / (mass * mass), least = std::exp(2.01 * negligible / steps);
  for (long k = 0; k <= grid.points / 2; ++k) {
    const double size = (bins[k][0] * bins[k][0] + bins[k][1] * bins[k][1]) * scale;
    if (size >= least)
      m_bins.push_back({k, 0.5 * std::log(size), std::atan2(bins[k][1], bins[k][0])});
  }
  m_one.logMass = std::log(mass) + grid.theta * reference;
  m_one.variance = lattice.spread / mass;
  m_one.infinite = lattice.infinite;
  // What the floor moved does not matter under the tilt; what was cut off below may.
  if (floor <= loss.least()) m_one.raised = lattice.raised;
}

LossSpectrum StepSpectrum::times(double steps) const {
  LossSpectrum sum;
  sum.logMass = steps * m_one.logMass;
  sum.variance = steps * m_one.variance;
  sum.infinite = steps * m_one.infinite;
  sum.raised = steps * m_one.raised;
  for (const Bin& bin : m_bins)
    if (steps * bin.log >= negligible)
      sum.bins.push_back({bin.k, std::polar(std::exp(steps * bin.log), steps * bin.argument)});
  return sum;
}

void LossSpectrum::add(const LossSpectrum& other) {
  logMass += other.logMass;
  variance += other.variance;
  infinite += other.infinite;
  raised += other.raised;
  std::size_t kept = 0, at = 0;
  for (const Bin& bin : bins) {
    while (at < other.bins.size() && other.bins[at].k < bin.k) ++at;
    if (at == other.bins.size() || other.bins[at].k != bin.k) continue;
    bins[kept++] = {bin.k, bin.value * other.bins[at].value};
  }
  bins.resize(kept);
}

}  // namespace clipscope
