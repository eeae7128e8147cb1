// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/spec_report.h"

#include <algorithm>
#include <optional>
#include <set>

#include "engine/error.h"
#include "engine/model/model_builder.h"

namespace clipscope {

const LayerDescription* SpecReport::at(const std::string& path) const {
  const auto found = std::find_if(layers.begin(), layers.end(),
                                  [&](const LayerDescription& l) { return l.path == path; });
  return found == layers.end() ? nullptr : &*found;
}

SpecReport reportSpec(const nlohmann::json& spec, const Shape& input, const TargetKind& targets) {
  SpecReport report;
  std::optional<ModelBuilder> builder;
  try {
    builder.emplace(spec, input);
    builder->build();
  } catch (const Error& error) {
    report.error = error.what();
    if (builder) report.errorPath = builder->at();
  }
  if (report.sound()) {
    const ModelParts& parts = builder->parts();
    try {
      parts.loss->check(parts.layers.back()->outputShape(), targets);
    } catch (const Error& error) {
      report.error = error.what();
      const bool choice = report.error.rfind("model.loss", 0) == 0;
      report.errorPath =
          choice ? "/loss" : "/layers/" + std::to_string(spec.at("layers").size() - 1);
    }
  }
  if (!builder) return report;
  const ModelParts& parts = builder->parts();
  report.layers = parts.description;
  // A layer that fails may have declared its parameters before.
  std::set<std::string> made;
  for (const LayerDescription& line : report.layers) made.insert(line.name);
  for (ParameterId id = 0; id < static_cast<ParameterId>(parts.table->count()); ++id) {
    const ParameterInfo& info = (*parts.table)[id];
    if (made.count(info.layer) == 0) continue;
    report.parameters += info.size();
    report.trainable += info.trainable ? info.size() : 0;
  }
  report.bytesPerExample = parts.floatsPerExample() * Index{sizeof(float)};
  return report;
}

}  // namespace clipscope
