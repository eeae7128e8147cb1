// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/noise_fit.h"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace clipscope {

namespace {

constexpr double leastExpected = 5;

struct Class {
  double count = 0, expected = 0;
};

}  // namespace

double normalProbability(double low, double high) {
  // Both ends on one side of 0 are taken as upper tails, which do not cancel.
  if (low < 0 && high <= 0) return normalProbability(-high, -low);
  const auto tail = [](double x) { return 0.5 * std::erfc(x / std::numbers::sqrt2); };
  return tail(low) - tail(high);
}

NoiseFit fitNoise(const NoiseHistogram& histogram) {
  NoiseFit fit;
  const double total = static_cast<double>(histogram.total());
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<Class> classes{{static_cast<double>(histogram.below()),
                              total * normalProbability(-infinity, NoiseHistogram::low)}};
  for (Index bin = 0; bin < NoiseHistogram::bins; ++bin) {
    const double expected =
        total * normalProbability(NoiseHistogram::binLow(bin), NoiseHistogram::binLow(bin + 1));
    fit.expected.push_back(expected);
    classes.push_back({static_cast<double>(histogram.count(bin)), expected});
  }
  classes.push_back({static_cast<double>(histogram.above()),
                     total * normalProbability(NoiseHistogram::high, infinity)});
  // The density falls from the middle to both ends, so only the ends are too thin.
  std::size_t first = 0, last = classes.size() - 1;
  const auto join = [&](std::size_t from, std::size_t into) {
    classes[into].count += classes[from].count;
    classes[into].expected += classes[from].expected;
  };
  while (first < last && classes[first].expected < leastExpected) {
    join(first, first + 1);
    ++first;
  }
  while (last > first && classes[last].expected < leastExpected) {
    join(last, last - 1);
    --last;
  }
  fit.degrees = static_cast<Index>(last - first);
  if (fit.degrees == 0) {
    fit.pValue = std::numeric_limits<double>::quiet_NaN();
    return fit;
  }
  for (std::size_t k = first; k <= last; ++k) {
    const double off = classes[k].count - classes[k].expected;
    fit.chiSquared += off * off / classes[k].expected;
  }
  fit.pValue = boost::math::gamma_q(0.5 * static_cast<double>(fit.degrees), 0.5 * fit.chiSquared);
  return fit;
}

}  // namespace clipscope
