// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope::test {

inline bool sameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}
inline bool sameBits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}
inline bool sameBits(int a, int b) { return a == b; }
inline bool sameBits(Index a, Index b) { return a == b; }
inline bool sameBits(bool a, bool b) { return a == b; }
inline bool sameBits(const std::string& a, const std::string& b) { return a == b; }
template <class T>
bool sameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return std::ranges::equal(a, b, [](const T& x, const T& y) { return sameBits(x, y); });
}

/// The first thing in which two records differ, by its name; "" when every part has the same bits.
/// Times, and whether activations were kept, are not part of it.
inline std::string differenceOf(const StepRecord& a, const StepRecord& b) {
  std::string found;
  const auto is = [&](const char* name, const auto& x, const auto& y) {
    if (found.empty() && !sameBits(x, y)) found = name;
  };
  const auto both = [&](const char* name, const auto& x, const auto& y) {
    if (found.empty() && !x != !y) found = std::string(name) + " missing";
    return found.empty() && x && y;
  };
  is("step", a.step, b.step);
  if (a.completed != b.completed) return "completed";
  if (both("sample", a.sample, b.sample)) {
    is("examples", a.sample->examples, b.sample->examples);
    is("labels", a.sample->labels, b.sample->labels);
    is("expectedBatchSize", a.sample->expectedBatchSize, b.sample->expectedBatchSize);
    is("sampleRate", a.sample->sampleRate, b.sample->sampleRate);
  }
  if (both("forward", a.forward, b.forward)) {
    is("losses", a.forward->losses, b.forward->losses);
    is("predictions", a.forward->predictions, b.forward->predictions);
    is("meanLoss", a.forward->meanLoss, b.forward->meanLoss);
  }
  if (both("norms", a.norms, b.norms)) {
    const NormsPart &x = *a.norms, &y = *b.norms;
    const auto xs = x.norms.values(), ys = y.norms.values();
    is("norms", std::vector<double>(xs.begin(), xs.end()),
       std::vector<double>(ys.begin(), ys.end()));
    is("global", x.global, y.global);
    is("quantiles", std::vector{x.q05, x.q25, x.q50, x.q75, x.q95, x.max},
       std::vector{y.q05, y.q25, y.q50, y.q75, y.q95, y.max});
    is("tensorMean", x.tensorMean, y.tensorMean);
    is("tensorMax", x.tensorMax, y.tensorMax);
    is("tensorShare", x.tensorShare, y.tensorShare);
    is("nonFinite", x.nonFinite, y.nonFinite);
  }
  if (both("clip", a.clip, b.clip)) {
    const ClipPart &x = *a.clip, &y = *b.clip;
    is("strategy", x.strategy, y.strategy);
    is("groups", static_cast<Index>(x.groups.size()), static_cast<Index>(y.groups.size()));
    for (std::size_t k = 0; found.empty() && k < x.groups.size(); ++k) {
      is("group name", x.groups[k].name, y.groups[k].name);
      is("group tensors", x.groups[k].tensors, y.groups[k].tensors);
      is("threshold", x.groups[k].threshold, y.groups[k].threshold);
      is("group clippedFraction", x.groups[k].clippedFraction, y.groups[k].clippedFraction);
    }
    is("groupOf", x.groupOf, y.groupOf);
    is("factor examples", x.factors.examples(), y.factors.examples());
    for (Index i = 0; found.empty() && i < x.factors.examples(); ++i) {
      is("finite", x.factors.finite(i), y.factors.finite(i));
      is("clipped", x.factors.clipped(i), y.factors.clipped(i));
      is("clippedNorm", x.factors.clippedNorm(i), y.factors.clippedNorm(i));
      is("overallFactor", x.factors.overallFactor(i), y.factors.overallFactor(i));
      for (Index k = 0; k < x.factors.groups(); ++k) {
        is("factor", x.factors.factor(i, k), y.factors.factor(i, k));
        is("groupNorm", x.factors.groupNorm(i, k), y.factors.groupNorm(i, k));
      }
    }
    is("maxGradNorm", x.maxGradNorm, y.maxGradNorm);
    is("clippedFraction", x.clippedFraction, y.clippedFraction);
    is("aboveOneFraction", x.aboveOneFraction, y.aboveOneFraction);
    is("retainedNorm", x.retainedNorm, y.retainedNorm);
    is("signal", x.signal, y.signal);
    is("tensorSignal", x.tensorSignal, y.tensorSignal);
    is("biasRatio", x.biasRatio, y.biasRatio);
    is("biasCosine", x.biasCosine, y.biasCosine);
    is("biasScaleFree", x.biasScaleFree, y.biasScaleFree);
    is("tensorBiasRatio", x.tensorBiasRatio, y.tensorBiasRatio);
    is("tensorBiasCosine", x.tensorBiasCosine, y.tensorBiasCosine);
    is("worstContribution", x.worstContribution, y.worstContribution);
    is("worstExample", x.worstExample, y.worstExample);
    is("sensitivity", x.sensitivity, y.sensitivity);
    is("sensitivityExceeded", x.sensitivityExceeded, y.sensitivityExceeded);
    is("suggestedThreshold", x.suggestedThreshold, y.suggestedThreshold);
  }
  if (both("noise", a.noise, b.noise)) {
    const NoisePart &x = *a.noise, &y = *b.noise;
    is("tensorStd", x.tensorStd, y.tensorStd);
    is("tensorExpected", x.tensorExpected, y.tensorExpected);
    is("tensorRealised", x.tensorRealised, y.tensorRealised);
    is("noise", std::vector{x.std, x.expected, x.realised, x.snr, x.snrRealised, x.effectiveSigma},
       std::vector{y.std, y.expected, y.realised, y.snr, y.snrRealised, y.effectiveSigma});
    for (Index bin = 0; bin < NoiseHistogram::bins; ++bin)
      is("noise histogram", x.histogram.count(bin), y.histogram.count(bin));
    is("noise values", x.histogram.total(), y.histogram.total());
  }
  if (both("update", a.update, b.update)) {
    const UpdatePart &x = *a.update, &y = *b.update;
    is("learningRate", x.learningRate, y.learningRate);
    is("updateNoise", x.updateNoise, y.updateNoise);
    is("updateNorm", x.updateNorm, y.updateNorm);
    is("parameterNorm", x.parameterNorm, y.parameterNorm);
  }
  if (both("account", a.account, b.account)) {
    is("epsilon", a.account->epsilon, b.account->epsilon);
    is("delta", a.account->delta, b.account->delta);
    is("accountant", a.account->accountant, b.account->accountant);
    is("simulated", a.account->simulated, b.account->simulated);
  }
  if (both("evaluation", a.evaluation, b.evaluation)) {
    is("accuracy", a.evaluation->accuracy, b.evaluation->accuracy);
    is("test loss", a.evaluation->loss, b.evaluation->loss);
    is("test examples", a.evaluation->examples, b.evaluation->examples);
  }
  return found;
}

}  // namespace clipscope::test
