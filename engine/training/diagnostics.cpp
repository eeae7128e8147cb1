// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/diagnostics.h"

#include <algorithm>
#include <cmath>

#include "engine/tensor/reduce.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

double quantile(std::span<const double> sorted, double p) {
  if (sorted.empty()) return notANumber;
  const double position = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double weight = position - static_cast<double>(below);
  return sorted[below] + weight * (sorted[above] - sorted[below]);
}

double medianOf(std::span<double> values) {
  if (values.empty()) return notANumber;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  const double below = *std::max_element(values.begin(), middle);
  return below + 0.5 * (*middle - below);
}

void summariseNorms(NormsPart& part) {
  const Index examples = part.norms.examples();
  const Index tensors = part.norms.tensors();
  part.global.resize(static_cast<std::size_t>(examples));
  part.nonFinite.clear();
  part.tensorMean.assign(static_cast<std::size_t>(tensors), 0.0);
  part.tensorMax.assign(static_cast<std::size_t>(tensors), 0.0);
  part.tensorShare.assign(static_cast<std::size_t>(tensors), 0.0);

  thread_local std::vector<double> sorted;
  sorted.clear();
  Index withNorm = 0;
  for (Index i = 0; i < examples; ++i) {
    const double global = part.norms.globalNorm(i);
    part.global[static_cast<std::size_t>(i)] = global;
    if (!std::isfinite(global)) {
      part.nonFinite.push_back(i);
      continue;
    }
    sorted.push_back(global);
    withNorm += global > 0 ? 1 : 0;
    for (Index p = 0; p < tensors; ++p) {
      const auto at = static_cast<std::size_t>(p);
      const double norm = part.norms.at(i, p);
      part.tensorMean[at] += norm;
      part.tensorMax[at] = std::max(part.tensorMax[at], norm);
      // The ratio before the square: norms of 1e-200 and 1e200 have shares too.
      if (global > 0) part.tensorShare[at] += (norm / global) * (norm / global);
    }
  }
  std::sort(sorted.begin(), sorted.end());
  part.q05 = quantile(sorted, 0.05);
  part.q25 = quantile(sorted, 0.25);
  part.q50 = quantile(sorted, 0.50);
  part.q75 = quantile(sorted, 0.75);
  part.q95 = quantile(sorted, 0.95);
  part.max = sorted.empty() ? notANumber : sorted.back();
  for (std::size_t p = 0; p < part.tensorMean.size(); ++p) {
    part.tensorMean[p] =
        sorted.empty() ? notANumber : part.tensorMean[p] / static_cast<double>(sorted.size());
    if (sorted.empty()) part.tensorMax[p] = notANumber;
    part.tensorShare[p] =
        withNorm == 0 ? notANumber : part.tensorShare[p] / static_cast<double>(withNorm);
  }
}

double parallelNorm(std::span<const float> values) {
  const auto sums = reduceChunks<1>(static_cast<Index>(values.size()), [&](Index from, Index to) {
    return std::array{sumSquares(values.data() + from, to - from)};
  });
  return std::sqrt(sums[0]);
}

void tensorNorms(const ParameterTable& table, std::span<const float> flat,
                 std::vector<double>& norms) {
  norms.clear();
  for (Index t = 0; t < table.trainableCount(); ++t) {
    const ParameterInfo& info = table.trainableInfo(t);
    norms.push_back(parallelNorm(flat.subspan(static_cast<std::size_t>(info.offset),
                                              static_cast<std::size_t>(info.size()))));
  }
}

namespace {

double lengthOf(const std::vector<double>& parts) {
  double squares = 0;
  for (const double part : parts) squares += part * part;
  return std::sqrt(squares);
}

/// ‖s − u‖/‖u‖ and cos(s, u) from ‖s‖², ‖u‖² and ⟨s, u⟩.
struct Comparison {
  double ratio = notANumber;
  double cosine = notANumber;
};

Comparison compare(double ss, double uu, double su, double difference) {
  Comparison result;
  if (uu > 0) result.ratio = std::sqrt(difference / uu);
  if (uu > 0 && ss > 0) result.cosine = std::clamp(su / std::sqrt(ss) / std::sqrt(uu), -1.0, 1.0);
  return result;
}

}  // namespace

void summariseSums(const ParameterTable& table, std::span<const float> clipped,
                   std::span<const float> unclipped, ClipPart& part) {
  part.biasRatio = part.biasCosine = part.biasScaleFree = notANumber;
  const auto tensors = static_cast<std::size_t>(table.trainableCount());
  part.tensorBiasRatio.assign(tensors, notANumber);
  part.tensorBiasCosine.assign(tensors, notANumber);
  if (unclipped.empty()) {
    tensorNorms(table, clipped, part.tensorSignal);
    part.signal = lengthOf(part.tensorSignal);
    return;
  }
  part.tensorSignal.resize(tensors);

  double ss = 0, uu = 0, su = 0, dd = 0;
  for (std::size_t t = 0; t < tensors; ++t) {
    const ParameterInfo& info = table.trainableInfo(static_cast<Index>(t));
    const float* s = clipped.data() + info.offset;
    const float* u = unclipped.data() + info.offset;
    // The distance is summed from differences: ss − 2su + uu would cancel where little was clipped.
    const auto [tensorS, tensorU, tensorSu, tensorD] =
        reduceChunks<4>(info.size(), [&](Index from, Index to) {
          const PairSums sums = pairSums(s + from, u + from, to - from);
          return std::array{sums.xx, sums.yy, sums.xy, sums.distance};
        });
    part.tensorSignal[t] = std::sqrt(tensorS);
    const Comparison comparison = compare(tensorS, tensorU, tensorSu, tensorD);
    part.tensorBiasRatio[t] = comparison.ratio;
    part.tensorBiasCosine[t] = comparison.cosine;
    ss += tensorS;
    uu += tensorU;
    su += tensorSu;
    dd += tensorD;
  }
  part.signal = lengthOf(part.tensorSignal);
  const Comparison total = compare(ss, uu, su, dd);
  part.biasRatio = total.ratio;
  part.biasCosine = total.cosine;
  part.biasScaleFree = std::sqrt(std::max(0.0, 1.0 - total.cosine * total.cosine));
  if (std::isnan(total.cosine)) part.biasScaleFree = notANumber;
}

double suggestThreshold(std::span<const double> norms, double sigma, Index dimension,
                        double expectedBatchSize) {
  double largest = 0;
  Index count = 0;
  for (const double n : norms) {
    if (!std::isfinite(n)) continue;
    largest = std::max(largest, n);
    ++count;
  }
  if (count == 0 || !(sigma > 0) || !(largest > 0)) return notANumber;
  const double noise =
      sigma * sigma * static_cast<double>(dimension) / (expectedBatchSize * expectedBatchSize);
  // Half the derivative; increasing in C, negative at 0, positive at the largest norm.
  const auto slope = [&](double c) {
    double excess = 0;
    for (const double n : norms)
      if (std::isfinite(n) && n > c) excess += n - c;
    return noise * c - excess / static_cast<double>(count);
  };
  double low = 0, high = largest;
  for (int i = 0; i < 60 && high - low > 1e-9 * largest; ++i) {
    const double middle = 0.5 * (low + high);
    (slope(middle) < 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace clipscope
