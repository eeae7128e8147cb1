// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <complex>
#include <vector>

#include "engine/accounting/privacy_loss.h"

namespace clipscope {

/// The lattice on which losses are added up, and the tilt under which.
struct LossGrid {
  double theta = 0;    ///< θ: masses are P_θ(l) ∝ e^{θl}P(l)
  double spacing = 0;  ///< h
  long points = 0;     ///< N, a power of 2: sums are known modulo Nh

  bool operator==(const LossGrid&) const = default;
};

/// The characteristic function of a sum of steps under the tilt, and what the lattice did to their
/// losses. Frequencies are 2πk/(Nh), k = 0 … N/2, those left out where it is below e^−50.
struct LossSpectrum {
  struct Bin {
    long k;
    std::complex<double> value;
  };
  std::vector<Bin> bins;
  double logMass = 0;   ///< ln Σ P(l)e^{θl} over the lattice
  double variance = 0;  ///< Σ of E_θ[(l − below)(above − l)]: how far losses were split
  double infinite = 0;  ///< mass at +∞
  double raised = 0;    ///< mass cut off below and moved up

  /// Adds independent steps on the same grid; frequencies that either lacks go.
  void add(const LossSpectrum& other);
};

/// One step on a grid, of which any number can be taken.
class StepSpectrum {
 public:
  /// Losses below `floor` are moved up to it. Keeps the frequencies that `steps` or more of these
  /// steps need.
  StepSpectrum(const PrivacyLoss& loss, const LossGrid& grid, double floor, double steps);

  /// The sum of `steps`, at least as many as the constructor was told. The same to the bit however
  /// many that were.
  LossSpectrum times(double steps) const;

 private:
  struct Bin {
    long k;
    double log, argument;  ///< of the characteristic function
  };
  std::vector<Bin> m_bins;
  LossSpectrum m_one;  ///< without its bins
};

}  // namespace clipscope
