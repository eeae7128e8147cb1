// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/json_text.h"
#include "engine/model/spec_report.h"
#include "engine/training/experiment.h"
#include "engine/training/experiment_fit.h"
#include "engine/training/trainer.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/properties.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::fuzz;
using nlohmann::json;

/// An input is an experiment's JSON: read, written and read again, held against the ranges that it
/// promises, and trained for two steps with a small network on small data.

namespace {

void checkSchedules(const Experiment& e) {
  for (const Index done : {Index{0}, Index{1}, Index{99}, Index{100}, Index{1} << 40}) {
    const double sigma = e.noiseMultiplierAt(done), norm = e.maxGradNormAt(done),
                 rate = e.learningRateAt(done);
    expect(sigma >= 0 && sigma <= 1e6, "a noise multiplier within its range");
    expect(norm >= 1e-30 && norm <= 1e30, "a threshold within its range");
    expect(rate >= 0 && rate <= 1e30, "a learning rate within its range");
  }
  for (const auto* schedule :
       {&e.schedules.noiseMultiplier, &e.schedules.maxGradNorm, &e.schedules.learningRate}) {
    const Schedule again = parseSchedule(scheduleText(*schedule), "schedule");
    for (const Index done : {Index{0}, Index{1}, Index{150}})
      expect(again.value(0.5, done) == schedule->value(0.5, done), "a schedule as text reads back");
  }
}

void checkTraining(Experiment e) {
  static const LoadedData data = test::smallData(40, 4);
  const Experiment small = test::smallExperiment();
  e.data = small.data;
  e.model = small.model;
  e.run.threads = 1;
  const bool fits = accepts<SettingError>([&] {
    static const auto model = Model::fromSpec(small.model.spec, data.data->shape());
    checkFits(e, *model, static_cast<Index>(data.train.size()));
  });
  std::unique_ptr<Trainer> trainer;
  const bool made = accepts<SettingError>([&] { trainer = std::make_unique<Trainer>(e, data); });
  expect(made == fits, "what fits a model and data can be trained");
  if (made)
    accepts<Error>([&] {
      for (int step = 0; step < 2; ++step) trainer->finishStep();
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const MemoryFile file(text);
  const bool loads = accepts<FileError, SettingError>([&] { loadExperiment(file.path()); });
  json value;
  Experiment e;
  const bool reads = accepts<FileError, SettingError>(
      [&] { e = experimentFromJson(value = parseJson(text, "experiment")); });
  expect(size == 0 || loads == reads, "a file holds what its text says");
  if (!reads) return 0;

  e.validate();
  const std::string written = toJson(e).dump();
  const Experiment again = experimentFromJson(parseJson(written, "experiment"));
  expect(again == e, "what is written reads back");
  expect(toJson(again).dump() == written, "and is written the same");
  expect(!needsRestart(e, again), "an equal experiment needs no restart");
  if (e.model.preset.empty()) reportSpec(e.model.spec, Shape{3, 8, 7}, {});
  checkSchedules(e);
  checkTraining(e);
  return 0;
}
