// SPDX-License-Identifier: GPL-3.0-or-later
// What a drag of C costs: one update of all numbers, one curve, and the matrices before them.
#include <benchmark/benchmark.h>

#include <random>

#include "engine/training/trainer.h"
#include "engine/training/what_if/what_if.h"

using namespace clipscope;

namespace {

struct Case {
  const char* name;
  const char* preset;
  Shape input;
};
const Case cases[] = {{"mlp", "mlp", Shape{1, 28, 28}},
                      {"mnist_cnn", "mnist-cnn", Shape{1, 28, 28}}};

LoadedData randomImages(const Shape& shape, Index batch) {
  Dataset::Content content;
  content.name = content.source = "random";
  content.shape = shape;
  content.outputs = 10;
  LoadedData loaded;
  std::mt19937_64 random(1);
  for (Index i = 0; i < batch; ++i) {
    for (Index k = 0; k < shape.size(); ++k)
      content.pixels.push_back(static_cast<std::uint8_t>(random()));
    content.labels.push_back(static_cast<int>(i % 10));
    loaded.train.push_back(i);
  }
  loaded.data = std::make_shared<Dataset>(std::move(content));
  return loaded;
}

/// Ten linear layers with a bias each: 20 tensors.
nlohmann::json twentyTensors() {
  nlohmann::json layers = nlohmann::json::array({{{"type", "flatten"}}});
  for (int k = 0; k < 9; ++k) {
    layers.push_back({{"type", "linear"}, {"out", 64}});
    layers.push_back({{"type", "tanh"}});
  }
  layers.push_back({{"type", "linear"}, {"out", 10}});
  return {{"layers", layers}};
}

void build(benchmark::State& state, const Case& which) {
  Experiment e;
  e.model.preset = which.preset;
  e.sampling.sampleRate = 1;
  Trainer trainer(e, randomImages(which.input, state.range(0)));
  trainer.advanceTo(Phase::Norms);
  const auto probe = trainer.probe();
  for (auto _ : state) benchmark::DoNotOptimize(BatchGram::build(*probe));
}

struct Batch {
  Batch() {
    Experiment e;
    e.model.preset.clear();
    e.model.spec = twentyTensors();
    e.sampling.sampleRate = 1;
    Trainer trainer(e, randomImages(Shape{1, 8, 8}, 1024));
    record = trainer.advanceTo(Phase::Norms);
    gram = BatchGram::build(*trainer.probe());
  }
  std::shared_ptr<const StepRecord> record;
  std::shared_ptr<const BatchGram> gram;
};

Batch& batch() {
  static Batch made;
  return made;
}

WhatIfRules rulesOf(GroupingKind grouping) {
  ClippingSettings clipping;
  clipping.grouping = grouping;
  return makeWhatIfRules(clipping, {}, *batch().record->sample, *batch().record->info);
}

void update(benchmark::State& state, GroupingKind grouping, WhatIf::Detail detail) {
  WhatIf whatIf(batch().record->info, batch().record->norms, batch().gram);
  WhatIfRules rules = rulesOf(grouping);
  double c = 0.1;
  whatIf.evaluate(rules, detail);
  for (auto _ : state) {
    c = c > 10 ? 0.1 : c * 1.01;
    benchmark::DoNotOptimize(whatIf.evaluate(rules.withMaxGradNorm(c), detail));
  }
}

void curve(benchmark::State& state, GroupingKind grouping, bool first) {
  const WhatIfRules rules = rulesOf(grouping);
  WhatIf held(batch().record->info, batch().record->norms, batch().gram);
  held.budget(rules);
  for (auto _ : state) {
    if (first) {
      WhatIf fresh(batch().record->info, batch().record->norms, batch().gram);
      benchmark::DoNotOptimize(fresh.budget(rules)->minimum());
    } else {
      const auto budget = held.budget(rules);
      benchmark::DoNotOptimize(budget->curve(0.01, 100, 60));
      benchmark::DoNotOptimize(budget->minimum());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (const Case& which : cases)
    benchmark::RegisterBenchmark((std::string("gram/") + which.name).c_str(), build, which)
        ->Arg(256)
        ->Arg(1024)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  const std::pair<const char*, GroupingKind> groupings[] = {{"flat", GroupingKind::Flat},
                                                            {"param", GroupingKind::PerParameter}};
  for (const auto& [name, kind] : groupings) {
    const std::string text = std::string("/1024x20/") + name;
    benchmark::RegisterBenchmark(("update" + text).c_str(), update, kind, WhatIf::Detail::Groups)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("update_by_tensor" + text).c_str(), update, kind,
                                 WhatIf::Detail::Tensors)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("budget_first" + text).c_str(), curve, kind, true)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("budget_again" + text).c_str(), curve, kind, false)
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
