// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <string>

#include "engine/training/step_record.h"
#include "tests/support/same_record.h"

namespace clipscope::test {

/// The same number; any NaN is as good as another, a file has NULL for all of them.
inline bool sameNumber(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// How a record that was read from a recording differs from the one that was written: every field
/// the same, but for norms and factors, which are the nearest floats, and what follows from them,
/// which is near. "" where it does not differ.
inline std::string storedDifference(const StepRecord& live, const StepRecord& read) {
  // Everything that is stored as it is, by the comparison that replays are held to.
  StepRecord expected = live;
  auto norms = std::make_shared<NormsPart>(*read.norms);
  norms->q05 = live.norms->q05, norms->q25 = live.norms->q25, norms->q50 = live.norms->q50;
  norms->q75 = live.norms->q75, norms->q95 = live.norms->q95, norms->max = live.norms->max;
  norms->nonFinite = live.norms->nonFinite;
  auto clip = std::make_shared<ClipPart>(*live.clip);
  clip->factors = read.clip->factors;
  expected.norms = norms;
  expected.clip = clip;
  std::string found = differenceOf(expected, read);
  const auto is = [&](const char* name, bool same) {
    if (found.empty() && !same) found = name;
  };
  const auto near = [](double a, double b) {
    return sameNumber(a, b) || std::abs(a - b) <= 3e-7 * std::abs(a);
  };
  // What that comparison leaves out.
  is("scheme", live.sample->scheme == read.sample->scheme);
  is("epoch", live.sample->epoch == read.sample->epoch);
  is("noiseMultiplier", live.sample->noiseMultiplier == read.sample->noiseMultiplier);
  is("gradientNoiseMultiplier",
     live.sample->gradientNoiseMultiplier == read.sample->gradientNoiseMultiplier);
  is("sampling", live.account->sampling == read.account->sampling);
  is("invalidBecause", live.account->invalidBecause == read.account->invalidBecause);
  is("nextMaxGradNorm", sameNumber(live.noise->nextMaxGradNorm, read.noise->nextMaxGradNorm));
  is("adaptive", live.noise->adaptive.size() == read.noise->adaptive.size());
  for (std::size_t k = 0; found.empty() && k < live.noise->adaptive.size(); ++k) {
    const AdaptiveResult &a = live.noise->adaptive[k], &b = read.noise->adaptive[k];
    is("adaptive result",
       a.before == b.before && a.after == b.after && a.unclipped == b.unclipped &&
           sameNumber(a.noisyFraction, b.noisyFraction) && a.skipped == b.skipped);
  }
  is("histogram below", live.noise->histogram.below() == read.noise->histogram.below());
  is("histogram above", live.noise->histogram.above() == read.noise->histogram.above());
  for (std::size_t k = 0; found.empty() && k < live.clip->groups.size(); ++k)
    is("group noiseStd", live.clip->groups[k].noiseStd == read.clip->groups[k].noiseStd);
  is("seconds", live.seconds == read.seconds);
  is("joined", live.joined == read.joined);
  is("kept", live.kept == read.kept);
  is("keptBytes", live.keptBytes == read.keptBytes);
  is("times", live.times->layers.size() == read.times->layers.size());
  for (std::size_t l = 0; found.empty() && l < live.times->layers.size(); ++l) {
    const TimesPart::Layer &a = live.times->layers[l], &b = read.times->layers[l];
    is("layer times", near(a.forward, b.forward) && near(a.backward, b.backward) &&
                          near(a.norms, b.norms) && near(a.sums, b.sums));
  }
  // Norms, factors and what follows from them.
  const NormTable &n = live.norms->norms, &m = read.norms->norms;
  is("norm table", n.examples() == m.examples() && n.tensors() == m.tensors());
  for (std::size_t i = 0; found.empty() && i < n.values().size(); ++i)
    is("norm", sameNumber(static_cast<double>(static_cast<float>(n.values()[i])), m.values()[i]));
  for (std::size_t i = 0; found.empty() && i < live.norms->global.size(); ++i)
    is("global norm", near(live.norms->global[i], read.norms->global[i]));
  for (std::size_t t = 0; found.empty() && t < live.norms->tensorMean.size(); ++t) {
    is("tensorMean", near(live.norms->tensorMean[t], read.norms->tensorMean[t]));
    is("tensorMax", near(live.norms->tensorMax[t], read.norms->tensorMax[t]));
    is("tensorShare", std::abs(live.norms->tensorShare[t] - read.norms->tensorShare[t]) < 1e-6 ||
                          sameNumber(live.norms->tensorShare[t], read.norms->tensorShare[t]));
  }
  const ClipFactors &f = live.clip->factors, &g = read.clip->factors;
  is("factor table", f.examples() == g.examples() && f.groups() == g.groups());
  for (Index i = 0; found.empty() && i < f.examples(); ++i) {
    is("finite", f.finite(i) == g.finite(i));
    is("clippedNorm", near(f.clippedNorm(i), g.clippedNorm(i)));
    is("overallFactor", near(f.overallFactor(i), g.overallFactor(i)));
    for (Index k = 0; found.empty() && k < f.groups(); ++k) {
      is("factor", static_cast<double>(static_cast<float>(f.factor(i, k))) == g.factor(i, k));
      is("groupNorm", near(f.groupNorm(i, k), g.groupNorm(i, k)));
      // A norm within a float's rounding of its threshold may come to lie on its other side.
      const double threshold = live.clip->groups[static_cast<std::size_t>(k)].threshold;
      if (f.groups() == 1 && std::abs(f.groupNorm(i, k) - threshold) > 1e-6 * threshold)
        is("clipped", f.clipped(i) == g.clipped(i));
    }
  }
  return found;
}

}  // namespace clipscope::test
