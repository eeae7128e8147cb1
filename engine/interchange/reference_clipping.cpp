// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>

#include "engine/clipping/clip_factors.h"
#include "engine/error.h"
#include "engine/interchange/reference_kinds.h"
#include "engine/interchange/reference_network.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

using nlohmann::json;

namespace {

constexpr double factorTolerance = 1e-6;
constexpr double sumTolerance = 2e-6;

/// Per-sample gradients in double, and what the engine's rules make of them.
struct Gradients {
  std::vector<std::string> names;
  ReferenceTensors values;
  Index examples = 0;

  Gradients(const ReferenceFile& file, const char* field, std::vector<std::string> order)
      : names(std::move(order)), values(file.tensors(field)) {
    if (names.empty())
      for (const auto& [name, tensor] : values) names.push_back(name);
    for (const std::string& name : names)
      if (values.count(name) == 0)
        file.fail(std::string("\"") + field + "\" has no \"" + name + "\"");
    if (names.empty()) file.fail(std::string("\"") + field + "\" is empty");
    examples = values.at(names.front()).rows();
    for (const std::string& name : names)
      if (values.at(name).rows() != examples)
        file.fail("\"" + name + "\" has another number of examples");
  }

  NormTable norms() const {
    NormTable table;
    table.resize(examples, static_cast<Index>(names.size()));
    for (std::size_t p = 0; p < names.size(); ++p) {
      const ReferenceTensor& tensor = values.at(names[p]);
      for (Index i = 0; i < examples; ++i)
        table.at(i, static_cast<Index>(p)) =
            combinedNorm(std::span(tensor.data)
                             .subspan(static_cast<std::size_t>(i * tensor.width()),
                                      static_cast<std::size_t>(tensor.width())));
    }
    return table;
  }

  /// Σ_i f_i g_i of one tensor; a dropped example by selection.
  std::vector<double> clippedSum(std::size_t p, const ClipFactors& factors, Index group) const {
    const ReferenceTensor& tensor = values.at(names[p]);
    std::vector<double> sum(
        static_cast<std::size_t>(tensor.shape.size() / std::max<Index>(1, tensor.rows())));
    if (tensor.rows() == 0) {
      Index width = 1;
      for (Index axis = 1; axis < tensor.shape.rank(); ++axis) width *= tensor.shape[axis];
      sum.assign(static_cast<std::size_t>(width), 0.0);
    }
    for (Index i = 0; i < examples; ++i) {
      if (!factors.finite(i)) continue;
      for (Index j = 0; j < tensor.width(); ++j)
        sum[static_cast<std::size_t>(j)] += factors.factor(i, group) * tensor.at(i, j);
    }
    return sum;
  }
};

/// One rule of a file: which groups, thresholds, strategy, and the fields that hold its results.
class RuleCheck {
 public:
  RuleCheck(const Gradients& gradients, Grouping grouping, std::vector<double> thresholds,
            std::shared_ptr<const ClipStrategy> strategy)
      : m_gradients(gradients),
        m_grouping(std::move(grouping)),
        m_thresholds(std::move(thresholds)),
        m_strategy(std::move(strategy)) {
    computeFactors(gradients.norms(), m_grouping, m_thresholds, *m_strategy, m_factors);
    for (const double c : m_thresholds) m_scale = std::hypot(m_scale, c);
  }

  const ClipFactors& factors() const { return m_factors; }

  void checkFactors(const ReferenceFile& file, const json& wanted, const std::string& label,
                    ReferenceReport& report) const {
    for (Index k = 0; k < m_grouping.count(); ++k) {
      const std::string& group = m_grouping.groups()[static_cast<std::size_t>(k)].name;
      const json& own = wanted.contains("dtype") ? wanted : member(file, wanted, group);
      const ReferenceTensor tensor = file.tensor(own, "factors");
      if (static_cast<Index>(tensor.data.size()) != m_factors.examples())
        file.fail("\"factors\" has another number of examples");
      for (Index i = 0; i < m_factors.examples(); ++i)
        report.add(
            "factors, " + label,
            relativeDifference(m_factors.factor(i, k), tensor.data[static_cast<std::size_t>(i)]),
            factorTolerance, "relative");
    }
  }

  void checkSums(const ReferenceFile& file, const json& wanted, const std::string& label,
                 ReferenceReport& report) const {
    for (std::size_t p = 0; p < m_gradients.names.size(); ++p) {
      const ReferenceTensor tensor =
          file.tensor(member(file, wanted, m_gradients.names[p]), "clipped_sum");
      const auto sum =
          m_gradients.clippedSum(p, m_factors, m_grouping.groupOf(static_cast<Index>(p)));
      if (sum.size() != tensor.data.size()) file.fail("\"clipped_sum\" has another shape");
      report.add("clipped sum, " + label, largestDifference(sum, tensor.data) / m_scale,
                 sumTolerance, "relative to C");
    }
  }

  /// The same sum by the engine: its own gradients, norms and weighted products.
  void checkEngineSums(const ReferenceFile& file, const json& wanted, const std::string& label,
                       const ReferenceNetwork& network, ReferenceReport& report) const {
    std::vector<Index> rows;
    for (Index i = 0; i < network.data().size(); ++i) rows.push_back(i);
    const auto result = network.run(
        rows,
        [&](std::span<const double> norms, std::span<float> f) {
          tensorFactors(norms, m_grouping, m_thresholds, *m_strategy, f);
        },
        1);
    for (const std::string& name : m_gradients.names) {
      const ReferenceTensor tensor = file.tensor(member(file, wanted, name), "clipped_sum");
      report.add("clipped sum by the engine, " + label,
                 largestDifference(network.tensor(name, result.sums[0]), tensor.data) / m_scale,
                 sumTolerance, "relative to C");
    }
  }

 private:
  static const json& member(const ReferenceFile& file, const json& object,
                            const std::string& name) {
    const auto found = object.find(name);
    if (found == object.end()) file.fail("has nothing for \"" + name + "\"");
    return *found;
  }

  const Gradients& m_gradients;
  Grouping m_grouping;
  std::vector<double> m_thresholds;
  std::shared_ptr<const ClipStrategy> m_strategy;
  ClipFactors m_factors;
  double m_scale = 0;
};

std::shared_ptr<const ClipStrategy> thresholdRule(double clipConstant) {
  StrategySettings settings;
  settings.clipConstant = clipConstant;
  return makeStrategy("threshold", settings);
}

std::vector<double> thresholdsOf(const ReferenceFile& file, const json& c,
                                 const Grouping& grouping) {
  std::vector<double> thresholds;
  for (const ClippingGroup& group : grouping.groups()) {
    if (c.is_number())
      thresholds.push_back(c.get<double>());
    else if (c.is_object() && c.contains(group.name) && c[group.name].is_number())
      thresholds.push_back(c[group.name].get<double>());
    else
      file.fail("\"C\" has no threshold for \"" + group.name + "\"");
  }
  return thresholds;
}

/// Reads the method, constants and grouping of an entry of "automatic".
std::shared_ptr<const ClipStrategy> automaticRule(const ReferenceFile& entry, bool& perLayer) {
  const std::string method = entry.content().value("method", "");
  StrategySettings settings;
  if (entry.has("gamma")) settings.gamma = entry.number("gamma");
  if (entry.has("r")) settings.psacR = entry.number("r");
  perLayer = method == "auto_s_per_layer";
  if (method == "auto_s" || perLayer) return makeStrategy("auto_s", settings);
  if (method == "auto_v" || method == "psac") return makeStrategy(method, settings);
  throw UnsupportedError("clipping method " + method + " is not supported by this version");
}

/// The file with the gradients that a clipping file is about: in ../models, in models, or beside
/// it.
std::filesystem::path modelBeside(const std::filesystem::path& path, const std::string& name) {
  const std::filesystem::path folder = path.parent_path(), file = name + ".json";
  std::error_code error;
  for (const auto& candidate : {folder / ".." / "models" / file, folder / "models" / file})
    if (std::filesystem::is_regular_file(candidate, error)) return candidate;
  if (file != path.filename()) return folder / file;
  throw FileError(path.string() + ": needs the gradients of models/" + file.string() +
                  ", which is not in ../models beside it; put it there");
}

}  // namespace

void checkClippingFile(const ReferenceFile& file, const std::filesystem::path& path,
                       ReferenceReport& report) {
  const std::string modelName = file.content().value("model", "");
  if (modelName.empty() || modelName.find('/') != std::string::npos)
    file.fail("\"model\" does not name a model");
  const ReferenceFile model(modelBeside(path, modelName));
  const std::vector<std::string> trainable = model.names("trainable");
  const Gradients gradients(model, "per_example_grads", trainable);

  std::unique_ptr<ReferenceNetwork> network;
  try {
    network = std::make_unique<ReferenceNetwork>(model);
  } catch (const UnsupportedError& error) {
    report.unsupported.push_back(std::string("the engine's own sums: ") + error.what());
  }

  const auto checkModes = [&](const char* field, const Grouping& grouping) {
    const json& modes = file.field(field);
    if (!modes.is_array()) file.fail(std::string("\"") + field + "\" is not a list");
    for (const json& mode : modes) {
      const ReferenceFile entry = file.part(mode, field);
      const auto thresholds = thresholdsOf(entry, entry.field("C"), grouping);
      const RuleCheck paper(gradients, grouping, thresholds, thresholdRule(0));
      const RuleCheck opacus(gradients, grouping, thresholds, thresholdRule(1e-6));
      paper.checkFactors(entry, entry.field("factors"), field, report);
      opacus.checkFactors(entry, entry.field("factors_plus_1e-6"), field, report);
      paper.checkSums(entry, entry.field("clipped_sum"), field, report);
      if (network)
        paper.checkEngineSums(entry, entry.field("clipped_sum"), field, *network, report);
      if (!entry.has("clipped_sum_opacus")) continue;
      opacus.checkSums(entry, entry.field("clipped_sum_opacus"), field, report);
      if (network)
        opacus.checkEngineSums(entry, entry.field("clipped_sum_opacus"), field, *network, report);
    }
  };
  const Grouping flat = makeGrouping(GroupingKind::Flat, trainable);
  const Grouping layers =
      makeGrouping(GroupingKind::Custom, trainable, file.groups("layer_groups"));
  checkModes("flat", flat);
  checkModes("per_param", makeGrouping(GroupingKind::PerParameter, trainable));
  checkModes("per_layer", layers);

  for (const json& item : file.field("automatic")) {
    const ReferenceFile entry = file.part(item, "automatic");
    bool perLayer = false;
    const auto strategy = automaticRule(entry, perLayer);
    const Grouping& grouping = perLayer ? layers : flat;
    const json& c = entry.field("C");
    std::vector<double> thresholds;
    if (perLayer && c.is_number())
      thresholds.assign(static_cast<std::size_t>(grouping.count()),
                        c.get<double>() / std::sqrt(static_cast<double>(grouping.count())));
    else
      thresholds = thresholdsOf(entry, c, grouping);
    const RuleCheck check(gradients, grouping, thresholds, strategy);
    const std::string label = perLayer ? "automatic per layer" : "automatic";
    check.checkFactors(entry, entry.field("factors"), label, report);
    check.checkSums(entry, entry.field("clipped_sum"), label, report);
    if (network) check.checkEngineSums(entry, entry.field("clipped_sum"), label, *network, report);
  }
}

void checkEdgeCaseFile(const ReferenceFile& file, ReferenceReport& report) {
  for (const json& item : file.field("cases")) {
    const ReferenceFile entry = file.part(item, item.value("name", "a case"));
    const Gradients gradients(entry, "grads", {});
    const Grouping flat = makeGrouping(GroupingKind::Flat, gradients.names);
    const std::vector<double> threshold{entry.number("C")};
    const RuleCheck paper(gradients, flat, threshold, thresholdRule(0));
    const RuleCheck opacus(gradients, flat, threshold, thresholdRule(1e-6));
    const NormTable norms = gradients.norms();
    const ReferenceTensor wanted = entry.tensor("norms");
    entry.expectSize(wanted, gradients.examples, "norms");
    const json& finite = entry.field("finite");
    Index unclipped = 0;
    for (Index i = 0; i < gradients.examples; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const double norm = norms.globalNorm(i);
      const bool expected = finite.is_array() && at < finite.size() && finite[at].get<bool>();
      if (expected)
        report.add("norms", relativeDifference(norm, wanted.data[at]), 1e-7,
                   "relative; the gradients have nine digits");
      report.add("dropped where not finite",
                 paper.factors().finite(i) == expected && std::isfinite(norm) == expected ? 0 : 1,
                 0, "wrong examples");
      unclipped += paper.factors().clipped(i) ? 0 : 1;
    }
    report.add("examples not clipped",
               std::abs(static_cast<double>(unclipped) - entry.number("num_unclipped")), 0,
               "count");
    paper.checkFactors(entry, entry.field("factors"), "threshold", report);
    opacus.checkFactors(entry, entry.field("factors_plus_1e-6"), "threshold", report);
    paper.checkSums(entry, entry.field("clipped_sum"), "threshold", report);
    opacus.checkSums(entry, entry.field("clipped_sum_plus_1e-6"), "threshold", report);

    StrategySettings settings;
    for (const auto& [field, name] :
         {std::pair{"auto_s_gamma_0.01", "auto_s"}, std::pair{"auto_v", "auto_v"},
          std::pair{"psac_r_0.1", "psac"}}) {
      const json& automatic = entry.field("automatic");
      if (!automatic.contains(field)) continue;
      const ReferenceFile part = entry.part(automatic[field], field);
      const RuleCheck check(gradients, flat, threshold, makeStrategy(name, settings));
      check.checkFactors(part, part.field("factors"), "automatic", report);
      check.checkSums(part, part.field("clipped_sum"), "automatic", report);
    }
  }
  for (const json& item : file.field("long_vectors")) {
    const ReferenceFile entry = file.part(item, item.value("name", "a long vector"));
    std::vector<float> values;
    if (entry.has("count")) {
      const double count = entry.number("count");
      if (!(count >= 1 && count <= 1 << 28)) entry.fail("\"count\" must be from 1 to 2^28");
      values.assign(static_cast<std::size_t>(count), static_cast<float>(entry.number("value_f32")));
    } else {
      values.assign(1000001, 1e-2f);
      values[0] = 1e4f;
    }
    const double norm = std::sqrt(sumSquares(values.data(), static_cast<Index>(values.size())));
    report.add("norms of long vectors", relativeDifference(norm, entry.number("norm")), 2e-6,
               "relative");
  }
}

}  // namespace clipscope
