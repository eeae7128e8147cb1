// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/example_facts.h"

#include <algorithm>
#include <cmath>

namespace clipscope {

QString className(const RunInfo& info, int label) {
  if (label < 0) return QStringLiteral("–");
  if (static_cast<std::size_t>(label) < info.classNames.size())
    return QString::fromStdString(info.classNames[static_cast<std::size_t>(label)]);
  return QString::number(label);
}

ExampleFacts exampleFacts(const StepRecord& record, Index current) {
  ExampleFacts facts;
  facts.example = current;
  if (!record.sample) return facts;
  const std::vector<Index>& drawn = record.sample->examples;
  const auto orderOf = [&](Index row) {
    const double n = record.norms->global[static_cast<std::size_t>(row)];
    return std::isfinite(n) ? n : INFINITY;
  };
  if (current < 0) {
    facts.picked = false;
    if (drawn.empty()) return facts;
    facts.row = 0;
    if (record.has(Phase::Norms))
      for (Index row = 1; row < record.batchSize(); ++row)
        if (orderOf(row) > orderOf(facts.row)) facts.row = row;
    facts.example = drawn[static_cast<std::size_t>(facts.row)];
  } else {
    const auto found = std::lower_bound(drawn.begin(), drawn.end(), current);
    if (found == drawn.end() || *found != current) return facts;
    facts.row = static_cast<Index>(found - drawn.begin());
  }
  const auto at = static_cast<std::size_t>(facts.row);
  facts.label = record.sample->labels[at];
  if (record.has(Phase::Forward)) {
    facts.loss = static_cast<double>(record.forward->losses[at]);
    facts.prediction = record.forward->predictions[at];
    facts.wrong = facts.prediction >= 0 && facts.prediction != facts.label;
  }
  if (record.has(Phase::Norms)) {
    facts.before = record.norms->global[at];
    facts.rank = 1;
    for (Index row = 0; row < record.batchSize(); ++row)
      facts.rank += orderOf(row) > orderOf(facts.row);
    facts.dropped = !std::isfinite(facts.before);
  }
  if (record.has(Phase::Clip)) {
    facts.factor = record.clip->factors.overallFactor(facts.row);
    facts.after = record.clip->factors.clippedNorm(facts.row);
    facts.dropped = !record.clip->factors.finite(facts.row);
  }
  return facts;
}

}  // namespace clipscope
