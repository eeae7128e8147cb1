// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace clipscope {

/// The privacy curve of the Gaussian mechanism whose sensitivity is μ standard deviations of its
/// noise (one step of q = 1: μ = 1/σ; T of them: μ² = Σ 1/σ²), exact (Balle and Wang 2018,
/// arXiv:1805.06530, Theorem 8; Dong et al. 2019, arXiv:1905.02383, Corollary 2.13):
///   δ(ε) = Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ)
/// Worked out as φ(a)(R(−a) − R(μ − a)) with a = μ/2 − ε/μ and the Mills ratio R(t) = Φ(−t)/φ(t),
/// so that no e^ε overflows and a tiny δ keeps its digits.

/// δ for μ ≥ 0 and ε ≥ 0; 0 for μ = 0, 1 for μ = ∞.
double gaussianDelta(double mu, double epsilon);

/// The least ε ≥ 0 for μ ≥ 0 and δ in (0, 1); 0 where δ(0) ≤ δ, ∞ for μ = ∞ and where it is beyond
/// the range of a double.
double gaussianEpsilon(double mu, double delta);

}  // namespace clipscope
