// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace clipscope {

/// Rényi divergence of order α > 1 of one step of the Gaussian mechanism with noise multiplier σ on
/// a Poisson sample of rate q, add/remove one example: (ln A_α)/(α − 1) with
///   A_α = E_{z ~ N(0, σ²)} [(1 + q x)^α],  x = e^{(2z − 1)/(2σ²)} − 1
/// (Mironov, Talwar, Zhang 2019, arXiv:1908.10530, section 3.3).
/// 0 for q = 0, α/(2σ²) for q = 1, ∞ for σ = 0. Relative error below 1e-9.
///
/// Computed as A_α − 1 = E[(1 + qx)^α − 1 − αqx], which is exact because E[x] = 0, and whose
/// integrand is never negative: nothing cancels, however close A_α is to 1. (The published series
/// lose their relative precision there, because they add up to 1 + 1e-12.) The trapezoidal rule
/// converges exponentially for it: its integrand is analytic up to Im z = πσ² and Gaussian at both
/// ends (Trefethen and Weideman 2014, SIAM Review 56).
double sampledGaussianRdp(double q, double sigma, double order);

}  // namespace clipscope
