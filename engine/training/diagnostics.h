// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "engine/model/parameters.h"
#include "engine/training/step_record.h"

namespace clipscope {

/// The numbers of methods.md "Diagnostics" that are functions of what a phase produced.

/// Quantile p in [0, 1] of sorted values by linear interpolation (numpy's default); NaN for none.
double quantile(std::span<const double> sorted, double p);

/// Quantile ½ of values in any order, which it moves about; NaN for none.
double medianOf(std::span<double> values);

/// Global norms, quantiles, per-tensor mean, maximum and share from `part.norms`.
void summariseNorms(NormsPart& part);

/// √Σ x_j² of many values, on the pool's threads.
double parallelNorm(std::span<const float> values);

/// ‖values of one tensor‖ for every trainable tensor of a flat buffer laid out as
/// Parameters::trainable(), into `norms`.
void tensorNorms(const ParameterTable& table, std::span<const float> flat,
                 std::vector<double>& norms);

/// ‖s‖ and ‖s_p‖ into `part`; and, where `unclipped` = Σ g_i is given, what clipping did to its
/// length and direction: ‖s − u‖/‖u‖, cos(s, u), √(1 − cos²), in total and by tensor.
void summariseSums(const ParameterTable& table, std::span<const float> clipped,
                   std::span<const float> unclipped, ClipPart& part);

/// The "bound" suggestion (DC-SGD, arXiv:2503.22988): argmin over C of
/// σ²C²d/B² + (1/b) Σ max(n_i − C, 0)². Convex in C; found by bisection on its derivative over the
/// finite norms. NaN for an empty batch or σ = 0 (no noise: nothing to trade).
double suggestThreshold(std::span<const double> norms, double sigma, Index dimension,
                        double expectedBatchSize);

}  // namespace clipscope
