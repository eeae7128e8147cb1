// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <set>

#include "engine/interchange/reference_kinds.h"
#include "engine/interchange/reference_network.h"

namespace clipscope {

namespace {

constexpr double outputTolerance = 2e-6;
constexpr double gradientTolerance = 1e-5;
constexpr double normTolerance = 2e-6;
/// Norms of tensors this far below the example's whole norm are rounding more than signal.
constexpr double normFloor = 1e-4;

/// What an error in a tensor's gradient is measured against: its own largest entry, or the model's
/// where the tensor is far below it or is zero in exact arithmetic.
double gradientScale(const std::vector<double>& tensor, double model, bool zeroInTruth) {
  return zeroInTruth ? model : std::max(largestMagnitude(tensor), 1e-3 * model);
}

}  // namespace

void checkModelFile(const ReferenceFile& file, ReferenceReport& report) {
  ReferenceNetwork network(file);
  const ParameterTable& table = network.model().table();
  const Index examples = network.data().size();
  std::vector<Index> rows;
  for (Index i = 0; i < examples; ++i) rows.push_back(i);
  const auto tensors = static_cast<std::size_t>(table.trainableCount());

  // Each example alone, with factor 1: its gradient as the weighted sums see it.
  const auto one = [](auto, std::span<float> factors) { std::ranges::fill(factors, 1.0f); };
  std::vector<ReferenceNetwork::Result> single;
  for (const Index row : rows) single.push_back(network.run({&row, 1}, one, 1));
  const auto all = network.run(rows, one, 1);

  const ReferenceTensor logits = file.tensor("logits");
  file.expectSize(logits, examples * network.model().outputShape().size(), "logits");
  const double logitScale = std::max(largestMagnitude(logits.data), 1e-30);
  for (const Index row : rows) {
    const std::vector<float> output = network.output(row);
    for (std::size_t k = 0; k < output.size(); ++k) {
      const double wanted = logits.at(row, static_cast<Index>(k));
      report.add("logits", std::abs(static_cast<double>(output[k]) - wanted) / logitScale,
                 outputTolerance, "relative to the largest");
    }
  }
  const ReferenceTensor losses = file.tensor("losses");
  file.expectSize(losses, examples, "losses");
  report.add(
      "losses",
      largestDifference(all.losses, losses.data) / std::max(largestMagnitude(losses.data), 1e-30),
      outputTolerance, "relative to the largest");

  const ReferenceTensors gradients = file.tensors("per_example_grads");
  const ReferenceTensors sums = file.tensors("grad_sum");
  std::set<std::string> zero;
  if (file.has("numerically_zero_grads"))
    for (const std::string& name : file.names("numerically_zero_grads")) zero.insert(name);
  double modelScale = 0;
  for (const auto& [name, tensor] : gradients)
    modelScale = std::max(modelScale, largestMagnitude(tensor.data));

  const std::string againstTensor = "relative to the tensor's largest entry";
  for (const std::string& name : table.trainableNames()) {
    const auto found = gradients.find(name);
    if (found == gradients.end()) file.fail("\"per_example_grads\" has no \"" + name + "\"");
    const ReferenceTensor& wanted = found->second;
    file.expectSize(wanted, examples * table[table.find(name)].size(), name);
    const double scale = gradientScale(wanted.data, modelScale, zero.count(name) != 0);
    for (const Index row : rows) {
      const auto first = wanted.data.begin() + row * wanted.width();
      const std::vector<double> own(first, first + wanted.width());
      const GradientSet formed = network.gradient(row);
      const auto inDouble = formed[table.find(name)];
      report.add("per-example gradients, formed", largestDifference(inDouble, own) / scale,
                 gradientTolerance, againstTensor);
      const auto weighted = network.tensor(name, single[static_cast<std::size_t>(row)].sums[0]);
      report.add("per-example gradients, weighted", largestDifference(weighted, own) / scale,
                 gradientTolerance, againstTensor);
    }
    if (sums.count(name) == 0) file.fail("\"grad_sum\" has no \"" + name + "\"");
    file.expectSize(sums.at(name), table[table.find(name)].size(), name);
    const std::vector<double>& sum = sums.at(name).data;
    report.add("sum of gradients",
               largestDifference(network.tensor(name, all.sums[0]), sum) /
                   std::max(scale, largestMagnitude(sum)),
               gradientTolerance, againstTensor);
  }

  // Norms come from the ghost path; a shared or convolutional tensor's from its formed gradient.
  const ReferenceTensor global = file.tensor("global_norms");
  file.expectSize(global, examples, "global_norms");
  const auto againstNorm = [&](double got, double wanted, Index row, bool zeroInTruth) {
    const double whole = global.data[static_cast<std::size_t>(row)];
    if (zeroInTruth) return std::abs(got - wanted) / whole * (normTolerance / gradientTolerance);
    return got == wanted ? 0 : std::abs(got - wanted) / std::max(wanted, normFloor * whole);
  };
  const ReferenceTensors paramNorms = file.tensors("param_norms");
  for (std::size_t p = 0; p < tensors; ++p) {
    const std::string& name = table.trainableInfo(static_cast<Index>(p)).name;
    const auto found = paramNorms.find(name);
    if (found == paramNorms.end()) file.fail("\"param_norms\" has no \"" + name + "\"");
    file.expectSize(found->second, examples, name);
    for (const Index row : rows)
      report.add("norms by tensor",
                 againstNorm(all.norms.at(row, static_cast<Index>(p)),
                             found->second.data[static_cast<std::size_t>(row)], row,
                             zero.count(name) != 0),
                 normTolerance, "relative");
  }
  const ReferenceTensors layerNorms = file.tensors("layer_norms");
  for (const auto& [layer, members] : file.groups("layer_groups")) {
    const auto found = layerNorms.find(layer);
    if (found == layerNorms.end()) file.fail("\"layer_norms\" has no \"" + layer + "\"");
    file.expectSize(found->second, examples, layer);
    for (const Index row : rows) {
      std::vector<double> parts;
      for (const std::string& member : members) {
        const ParameterId id = table.find(member);
        if (id < 0 || table[id].trainableIndex < 0)
          file.fail("\"layer_groups\" names \"" + member + "\", which is not trainable");
        parts.push_back(all.norms.at(row, table[id].trainableIndex));
      }
      report.add("norms by layer",
                 againstNorm(combinedNorm(parts), found->second.data[static_cast<std::size_t>(row)],
                             row, false),
                 normTolerance, "relative");
    }
  }
  for (const Index row : rows)
    report.add(
        "global norms",
        relativeDifference(all.norms.globalNorm(row), global.data[static_cast<std::size_t>(row)]),
        normTolerance, "relative");
}

}  // namespace clipscope
