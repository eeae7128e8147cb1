// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "engine/model/layers/registry.h"
#include "engine/model/loss.h"
#include "engine/model/model_parts.h"

namespace clipscope {

/// The names of a spec's "frozen" list, which may name tensors ("fc1.bias"), layers ("fc1") or
/// residual blocks ("res1").
class FrozenNames {
 public:
  /// Throws SpecError where it is not a list of texts.
  explicit FrozenNames(const nlohmann::json& spec);
  /// Is the tensor frozen, by its own name, its layer's, or that of a block around it?
  bool contains(const std::string& tensor, const std::vector<std::string>& blocks);
  /// Throws for a name that no tensor answered to.
  void check() const;

 private:
  std::set<std::string> m_names;
  std::set<std::string> m_met;
};

/// Gives unnamed layers the names a person would: conv1, conv2, fc1, counting by prefix through the
/// whole model, blocks included.
class LayerNames {
 public:
  explicit LayerNames(const nlohmann::json& layers) { collect(layers, 0); }
  std::string next(const std::string& prefix);

 private:
  void collect(const nlohmann::json& layers, int depth);

  std::set<std::string> m_given;
  std::map<std::string, int> m_counts;
};

/// Makes layers, links and parameter table from a spec. Where it throws, parts() holds what was
/// made before, and at() says which layer it was about.
class ModelBuilder {
 public:
  /// Checks the outer form of the spec.
  ModelBuilder(const nlohmann::json& spec, const Shape& input);

  void build();
  ModelParts& parts() { return m_parts; }
  /// JSON pointer of the layer in hand, "/frozen" or "/loss"; empty for the model as a whole.
  const std::string& at() const { return m_at; }

 private:
  /// Where a chain of layers has got to.
  struct End {
    int node = -1;  ///< whose output it is; −1 the model's input
    Shape shape;
  };
  /// Where a layer stands in the spec.
  struct Place {
    std::string number;   ///< for a person: "3", "3.2", "3 shortcut 1"
    std::string pointer;  ///< "/layers/2/layers/1"
    int depth = 0;
    int parent = -1;
    bool shortcut = false;
  };
  /// A layer that "reuse" may name: complete fields, and the ids of its parameters (none for a
  /// block, whose layers are reused one by one).
  struct Named {
    nlohmann::json fields;
    std::vector<ParameterId> ids;
  };

  /// `inside`: number and pointer are prefixes. Appends each layer's complete fields to `complete`.
  End chain(const nlohmann::json& layers, End from, const Place& inside, nlohmann::json& complete);
  End layer(const nlohmann::json& fields, End from, const Place& place, nlohmann::json& complete);
  End simple(const nlohmann::json& fields, const LayerKind& kind, const std::string& name,
             const std::vector<ParameterId>* reused, End from, const Place& place);
  End residual(const nlohmann::json& fields, const std::string& name, bool reused, End from,
               const Place& place, nlohmann::json& complete);
  nlohmann::json again(const nlohmann::json& layers) const;
  int addLine(const std::string& name, const std::string& kind, bool reused, const Place& place);
  void checkTotals();

  const nlohmann::json& m_spec;
  ModelParts m_parts;
  FrozenNames m_frozen;
  LayerNames m_names;
  std::map<std::string, Named> m_named;
  std::set<std::string> m_blockNames;
  std::vector<std::string> m_blocks;  ///< names of the blocks around the layer in hand
  std::string m_at;
};

}  // namespace clipscope
