// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <numeric>

#include "engine/data/poisson_sampler.h"

using namespace clipscope;

/// Every example on its own with probability q: counts, independence, ends.
class TestPoissonSampler : public QObject {
  Q_OBJECT

 private slots:
  void sizesAreBinomial();
  void everyExampleIsDrawnAlike();
  void pairsAreIndependent();
  void ends();
};

namespace {

std::vector<Index> candidates(Index count) {
  std::vector<Index> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), Index{5});
  return all;
}

std::vector<Index> draw(const std::vector<Index>& from, double rate, std::uint64_t step) {
  std::vector<Index> taken;
  poissonSample(from, rate, {3, DrawPurpose::Sample, step, 0}, taken);
  return taken;
}

}  // namespace

void TestPoissonSampler::sizesAreBinomial() {
  const auto all = candidates(1000);
  const double q = 0.032;
  // Chi-square over size classes against the binomial; 8 degrees of freedom.
  const int edges[] = {22, 25, 28, 31, 34, 37, 40, 43};
  const boost::math::binomial law(1000, q);
  std::vector<double> counts(9, 0);
  const int draws = 20000;
  for (int k = 0; k < draws; ++k) {
    const auto taken = draw(all, q, static_cast<std::uint64_t>(k));
    QVERIFY(std::is_sorted(taken.begin(), taken.end()));
    std::size_t bin = 0;
    while (bin < 8 && static_cast<int>(taken.size()) > edges[bin]) ++bin;
    ++counts[bin];
  }
  double chi = 0, below = 0;
  for (std::size_t bin = 0; bin < 9; ++bin) {
    const double upTo = bin < 8 ? boost::math::cdf(law, edges[bin]) : 1.0;
    const double expected = draws * (upTo - below);
    below = upTo;
    chi += (counts[bin] - expected) * (counts[bin] - expected) / expected;
  }
  QVERIFY2(chi < 42.7,
           qPrintable(QString::number(chi)));  // exceeded by chance once in a million seeds
}

void TestPoissonSampler::everyExampleIsDrawnAlike() {
  const auto all = candidates(203);  // not a multiple of four: words come four to a draw
  std::vector<double> counts(203, 0);
  const int draws = 20000;
  for (int k = 0; k < draws; ++k)
    for (const Index i : draw(all, 0.1, static_cast<std::uint64_t>(k)))
      ++counts[static_cast<std::size_t>(i - 5)];
  // 203 counts, each within 5.5 standard deviations of 2000 (4e-8): together 8e-6.
  for (const double count : counts)
    QVERIFY(std::abs(count - 2000) < 5.5 * std::sqrt(20000 * 0.1 * 0.9));
}

void TestPoissonSampler::pairsAreIndependent() {
  const auto all = candidates(8);
  const int draws = 100000;
  double together[8][8] = {};
  for (int k = 0; k < draws; ++k) {
    const auto taken = draw(all, 0.3, static_cast<std::uint64_t>(k));
    for (const Index a : taken)
      for (const Index b : taken) ++together[a - 5][b - 5];
  }
  for (int a = 0; a < 8; ++a)
    for (int b = 0; b < a; ++b)  // 28 pairs within 5 standard deviations: 1.6e-5
      QVERIFY(std::abs(together[a][b] - draws * 0.09) < 5 * std::sqrt(draws * 0.09 * 0.91));
}

void TestPoissonSampler::ends() {
  const auto all = candidates(1000);
  QCOMPARE(draw(all, 1.0, 0), all);
  QVERIFY(draw(all, 1e-9, 0).empty());
  QCOMPARE(draw(all, 0.3, 1), draw(all, 0.3, 1));
  QVERIFY(draw(all, 0.3, 1) != draw(all, 0.3, 2));
  QVERIFY(draw({}, 0.5, 0).empty());
}

QTEST_GUILESS_MAIN(TestPoissonSampler)
#include "test_poisson_sampler.moc"
