// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/headless_run.h"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <optional>

#include "app/exit_code.h"
#include "app/progress.h"
#include "app/run_plots.h"
#include "app/run_trace.h"
#include "engine/interchange/run_folder.h"
#include "engine/recording/recording_writer.h"
#include "engine/training/trainer.h"

namespace clipscope {

namespace {

volatile std::sig_atomic_t interruptRequested = 0;

/// While it lives, the first Ctrl-C asks the run to stop after its step; a second one ends the
/// program at once.
class InterruptGuard {
 public:
  InterruptGuard() {
    interruptRequested = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { interruptRequested = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &m_interrupt);
    sigaction(SIGTERM, &action, &m_terminate);
  }
  ~InterruptGuard() {
    sigaction(SIGINT, &m_interrupt, nullptr);
    sigaction(SIGTERM, &m_terminate, nullptr);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction m_interrupt {
  }, m_terminate{};
};

std::string shortNumber(double value, const char* format = "%.4g") {
  if (value != value) return "not a number";
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string summary(const StepRecord* last, double accuracy) {
  std::string text;
  if (!last) return text;
  if (last->batchSize() > 0) text += ", loss " + shortNumber(last->forward->meanLoss);
  if (accuracy == accuracy) text += ", test accuracy " + shortNumber(100 * accuracy, "%.2f") + " %";
  const AccountPart& account = *last->account;
  text += ", ε " + shortNumber(account.epsilon) + " at δ " + shortNumber(account.delta);
  if (!account.isValid()) text += ", not valid: " + std::string(account.invalidBecause);
  text += " (" + account.accountant + ", ";
  if (account.sampling != AccountedSampling::Poisson)
    text += std::string(accountedSamplingName(account.sampling)) +
            " batches, neighbours with one example zeroed out, ";
  return text + "simulated: the run can be replayed from its seed)";
}

}  // namespace

std::string newRunFolderName() {
  const std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::localtime(&now));
  const std::string base = std::string("clipscope-run-") + stamp;
  std::string name = base;
  for (int k = 2; std::filesystem::exists(name); ++k) name = base + "-" + std::to_string(k);
  return name;
}

int runHeadless(const Experiment& experiment, const RunOutput& out) {
  InterruptGuard guard;
  // A full disk must come back as an error of write(), not end the program.
  std::signal(SIGXFSZ, SIG_IGN);
  const Index steps = experiment.run.steps;
  Trainer trainer(experiment, loadDataset(experiment.data));
  RunTrace trace(out.profile);
  const RunFacts facts = factsOf(trainer, CLIPSCOPE_VERSION);
  RunFolder folder(out.folder, facts);
  std::optional<RecordingWriter> writer;
  if (!out.recording.empty())
    writer.emplace(out.recording, recordingMeta(facts), *trainer.record()->info, experiment);
  const LoadedData& data = trainer.data();
  std::cerr << "clipscope: " << data.data->name() << ", " << data.train.size() << " train / "
            << data.test.size() << " test; " << trainer.model().table().dimension()
            << " parameters; " << steps << (steps == 1 ? " step\n" : " steps\n");

  Progress progress(steps);
  std::shared_ptr<const StepRecord> record;
  RunHistory history;
  double accuracy = notANumber;
  while (trainer.stepsDone() < steps && !interruptRequested) {
    record = trainer.finishStep();
    trace.stepped(*record);
    const bool last = trainer.stepsDone() == steps;
    if (trainer.evaluationDue() || (last && experiment.run.evaluateEvery > 0)) {
      record = trainer.evaluate();
      trace.evaluated();
    }
    if (record->evaluation) accuracy = record->evaluation->accuracy;
    folder.add(*record);
    if (writer) writer->add(0, record);
    history.append(summaryOf(*record));
    progress.show(*record, accuracy);
  }
  const bool interrupted = trainer.stepsDone() < steps;
  progress.finish();
  if (writer) writer->close();
  if (out.plots && record) {
    StepPlotsInput input{trainer.experiment(), record, &history, nullptr};
    if (record->batchSize() > 0) input.gram = BatchGram::build(*trainer.probe());
    for (auto& [name, bytes] : plotsWithoutDisplay(input)) folder.attach(name, std::move(bytes));
  }
  folder.finish(interrupted);
  trace.finish();

  std::cout << (interrupted ? "Interrupted after " : "Done: ") << folder.steps()
            << (folder.steps() == 1 ? " step" : " steps") << summary(record.get(), accuracy)
            << ".\nResults (not private) in " << folder.folder().string() << "\n";
  if (writer) std::cout << "Recording (not private) in " << writer->path().string() << "\n";
  return interrupted ? exitInterrupted : exitOk;
}

}  // namespace clipscope
