// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/fuzz/loaded_data.h"

#include <algorithm>
#include <cmath>

#include "tests/fuzz/properties.h"

namespace clipscope::fuzz {

namespace {

void checkDistances(const LoadedData& loaded, const std::vector<float>& example) {
  const Dataset& data = *loaded.data;
  const Normalisation& n = data.normalisation();
  const std::size_t perGroup = example.size() / n.mean.size();
  const auto count = static_cast<double>(loaded.train.size() * perGroup);
  for (std::size_t j = 0; j < example.size(); ++j) {
    // An image is gathered channels last.
    const std::size_t group = data.isImage() ? j % n.mean.size() : j;
    const double rounding = 1e-6 * std::abs(n.mean[group] / n.std[group]);
    expect(std::abs(static_cast<double>(example[j])) <= 1.001 * std::sqrt(count) + rounding,
           "a standardised value is within √N standard deviations");
  }
}

}  // namespace

void checkLoaded(const LoadedData& loaded, bool standardised) {
  const Dataset& data = *loaded.data;
  expect(data.size() >= 1 && data.shape().size() >= 1, "a data set holds something");
  expect(!loaded.train.empty(), "the test examples are never all of them");
  std::vector<Index> all = loaded.train;
  all.insert(all.end(), loaded.test.begin(), loaded.test.end());
  std::sort(all.begin(), all.end());
  expect(static_cast<Index>(all.size()) == data.size(), "train and test make up the data");
  for (Index i = 0; i < data.size(); ++i)
    expect(all[static_cast<std::size_t>(i)] == i, "each example is in one part");
  expect(data.outputs() >= 1, "a data set asks for something");
  if (data.isClassification())
    expect(static_cast<Index>(data.classNames().size()) == data.outputs(), "each class has a name");

  std::vector<float> gathered(static_cast<std::size_t>(data.shape().size()));
  const auto finite = [](float value) { return std::isfinite(value); };
  for (Index i = 0; i < data.size(); ++i) {
    if (data.isClassification())
      expect(data.label(i) >= 0 && data.label(i) < data.outputs(), "a label is a class");
    else
      expect(std::ranges::all_of(data.targets(i), finite), "targets are finite");
    expect(std::ranges::all_of(data.raw(i), finite), "values are finite");
    data.gather({&i, 1}, gathered.data());
    expect(std::ranges::all_of(gathered, finite), "normalised values are finite");
    if (standardised && std::ranges::binary_search(loaded.train, i))
      checkDistances(loaded, gathered);
  }
}

}  // namespace clipscope::fuzz
