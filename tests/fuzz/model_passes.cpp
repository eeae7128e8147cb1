// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/fuzz/model_passes.h"

#include <cmath>
#include <map>
#include <set>

#include "tests/fuzz/properties.h"
#include "tests/support/model_bench.h"

namespace clipscope::fuzz {

using nlohmann::json;

namespace {

constexpr Index rows = 3;
constexpr double mostWork = 3e5, mostFloats = 1e5;

double largestOf(const json& fields, const char* name, double fallback) {
  if (!fields.contains(name)) return fallback;
  const json& value = fields.at(name);
  if (value.is_array()) return std::max(value[0].get<double>(), value[1].get<double>());
  return value.get<double>();
}

/// What the reference network wants: every layer named, a layer norm with its shape.
json completed(const Model& model) {
  json spec = model.spec();
  for (const LayerDescription& line : model.description()) {
    const json::json_pointer place(line.path);
    if (!spec.contains(place) || spec.at(place).at("type") == "reuse") continue;
    json& fields = spec.at(place);
    fields["name"] = line.name;
    if (line.kind == "layernorm" && !fields.contains("shape"))
      fields["shape"] = line.output.rank() == 3 ? json(line.output.extents())
                                                : json{line.output[line.output.rank() - 1]};
  }
  return spec;
}

/// Multiplications of the reference network's forward pass, or so.
double workOf(const Model& model, const json& spec) {
  double work = 0;
  Shape shape = model.inputShape();
  std::map<std::string, json> named;
  for (const LayerDescription& line : model.description()) {
    const json::json_pointer place(line.path);
    if (spec.contains(place) && !line.reuse) named[line.name] = spec.at(place);
    const json& fields = named[line.name];
    const double window = largestOf(fields, "kernel", 2);
    const double cells = line.kind == "conv2d" || line.kind.find("pool") != std::string::npos
                             ? window * window * static_cast<double>(shape.size())
                             : static_cast<double>(shape.size());
    work += (1 + cells) * static_cast<double>(line.output.size());
    shape = line.output;
  }
  return work;
}

/// Is rounding bounded, and does the reference know which layer a name means?
bool isTame(const Model& model, const json& spec) {
  std::set<std::string> names;
  for (const LayerDescription& line : model.description()) {
    const json::json_pointer place(line.path);
    if (line.reuse || !spec.contains(place)) continue;
    if (!names.insert(line.name).second) return false;
    const json& fields = spec.at(place);
    if (fields.contains("eps") && fields.at("eps").get<double>() < 1e-6) return false;
    if (fields.contains("negative_slope") &&
        std::abs(fields.at("negative_slope").get<double>()) > 2)
      return false;
  }
  return true;
}

}  // namespace

void checkPasses(const Model& model) {
  const json spec = completed(model);
  if (static_cast<double>(model.table().extent()) > mostFloats ||
      static_cast<double>(model.bytesPerExample()) > 4 * mostFloats ||
      workOf(model, spec) > mostWork)
    return;
  test::ModelBench bench(spec, model.inputShape(), rows, 2, 1);
  const Index tensors = bench.tensors();
  // With an exact 0 among the factors.
  std::vector<float> factors(static_cast<std::size_t>(2 * rows * tensors), 1.0f);
  for (Index t = 0; t < tensors; ++t) factors[static_cast<std::size_t>(t)] = 0.0f;
  bench.run(factors, 2);
  if (!isTame(model, spec)) return;
  for (Index i = 0; i < rows; ++i) {
    const double loss = bench.referenceLoss(i);
    const double got = static_cast<double>(bench.losses()[static_cast<std::size_t>(i)]);
    if (!std::isfinite(loss) || std::abs(loss) > 1e4) return;
    // Losses take one row of scores (Loss::check). A plane of them has another order inside the
    // engine than in the reference, where a label is a position.
    if (model.outputShape().rank() == 1)
      expect(std::abs(got - loss) <= 1e-3 * (1 + std::abs(loss)), "the reference network's loss");
    for (Index t = 0; t < tensors; ++t) {
      const double fast = std::sqrt(bench.squaredNorm(i, t)),
                   formed = std::sqrt(bench.formedSquare(i, t));
      expect(std::abs(fast - formed) <= 1e-2 * (1 + formed), "norms are those of the gradients");
    }
  }
}

}  // namespace clipscope::fuzz
