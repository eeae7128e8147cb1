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
#include "engine/accounting/accountant.h"
#include "engine/error.h"
#include "engine/interchange/recorded_run.h"
#include "engine/interchange/run_folder.h"
#include "engine/session/breakpoints.h"

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
  if (!accountantIsBound(account.accountant)) text += "an approximation and not a bound, ";
  if (account.sampling != AccountedSampling::Poisson)
    text += std::string(accountedSamplingName(account.sampling)) +
            " batches, neighbours with one example zeroed out, ";
  return text + (account.simulated ? "simulated: the run can be replayed from its seed)"
                                   : "secure mode: for releasing the weights alone)");
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

namespace {

/// A run in one direction: nothing is gone back to.
constexpr PastSettings noPast{
    .checkpointEvery = Index{1} << 40, .byteBudget = 0, .maxCheckpoints = 1, .drawsBudget = 0};

int train(RunSession& session, Index steps, const RunOutput& out) {
  const Index first = session.stepsDone();
  Breakpoints breakpoints;
  for (const std::string& condition : out.breakpoints)
    breakpoints.list().emplace_back(BreakCondition(condition));
  std::optional<BreakHit> hit;
  RunTrace trace(out.profile);
  RunFolder folder(out.folder, factsOf(session.trainer(), CLIPSCOPE_VERSION));
  const LoadedData& data = session.data();
  std::cerr << "clipscope: " << data.data->name() << ", " << data.train.size() << " train / "
            << data.test.size() << " test; " << session.model().table().dimension()
            << " parameters; " << steps << (steps == 1 ? " step\n" : " steps\n");

  Progress progress(steps);
  std::shared_ptr<const StepRecord> record;
  double accuracy = notANumber;
  // What a program that was killed did not come to.
  session.doWhatIsDue();
  while (session.stepsDone() < steps && !interruptRequested && !hit) {
    hit = breakpoints.finishStep(session);
    if (hit && hit->phase != Phase::Account) break;
    record = session.record();
    trace.stepped(*record);
    if (session.refreshDue()) {
      session.refreshNorms();
      trace.refreshed();
    }
    const bool last = session.stepsDone() == steps;
    if (session.evaluationDue() || (last && session.experiment().run.evaluateEvery > 0)) {
      record = session.evaluate();
      trace.evaluated();
    }
    if (record->evaluation) accuracy = record->evaluation->accuracy;
    folder.add(*record);
    progress.show(*record, accuracy);
  }
  const bool interrupted = session.stepsDone() < steps && !hit;
  progress.finish();
  // The plots' tables have examples, which a secure run writes nothing of.
  if (out.plots && record && !session.isSecure()) {
    RunHistory history;
    session.takeNews().addTo(history);
    StepPlotsInput input{session.experiment(), session.record(), &history, nullptr};
    if (input.record->has(Phase::Norms) && input.record->batchSize() > 0)
      input.gram = BatchGram::build(*session.probe());
    for (auto& [name, bytes] : plotsWithoutDisplay(input)) folder.attach(name, std::move(bytes));
  }
  const std::string recording =
      session.recording() ? session.recording()->path().string() : std::string();
  session.closeRecording();
  folder.finish(interrupted || session.stepsDone() < steps);
  trace.finish();

  if (hit)
    std::cout << "Stopped at step " << hit->step << " after phase " << phaseName(hit->phase) << ": "
              << hit->why << " (--break \"" << out.breakpoints[hit->breakpoint] << "\").\n";
  std::cout << (interrupted ? "Interrupted after " : "Done: ") << folder.steps()
            << (folder.steps() == 1 ? " step" : " steps");
  if (first > 0) std::cout << " after step " << first;
  std::cout << summary(record.get(), accuracy) << ".\nResults (not private) in "
            << folder.folder().string() << "\n";
  if (!recording.empty()) std::cout << "Recording (not private) in " << recording << "\n";
  return hit ? exitBroke : interrupted ? exitInterrupted : exitOk;
}

}  // namespace

int runHeadless(const Experiment& experiment, const RunOutput& out) {
  InterruptGuard guard;
  // A full disk must come back as an error of write(), not end the program.
  std::signal(SIGXFSZ, SIG_IGN);
  RunSession session(experiment, loadDataset(experiment.data), noPast);
  if (!out.recording.empty())
    startRecording(session, out.recording, CLIPSCOPE_VERSION, {.segmentSteps = out.segmentSteps});
  return train(session, experiment.run.steps, out);
}

int resumeHeadless(const std::string& path, std::optional<Index> steps,
                   const std::optional<std::string>& data, const RunOutput& out) {
  InterruptGuard guard;
  std::signal(SIGXFSZ, SIG_IGN);
  std::unique_ptr<RunSession> session;
  Index wanted = 0;
  {
    // A run that cannot be gone on with leaves its file as it was.
    const RecordingReader recording(path);
    const BranchTree& tree = recording.tree();
    const Index done = tree.at(recording.activeBranch()).steps;
    wanted = steps.value_or(tree.settingsOf(recording.activeBranch(), done + 1)->run.steps);
    if (done >= wanted)
      throw SettingError(path + ": has step " + std::to_string(done) +
                         " already; give --steps a number above it");
    std::optional<DataSettings> where;
    if (data) where = settingsForPath(*data, tree.settingsOf(0, 1)->data);
    session = openRecordedRun(recording, where, noPast);
    if (const std::string why = whyNotBitEqual(recording); !why.empty())
      std::cerr << "clipscope: " << path << ": " << why << "\n";
  }
  {
    auto writer = RecordingWriter::append(path);
    const RecordingReader recording(path);
    session->resume(std::move(writer), recording);
  }
  return train(*session, wanted, out);
}

}  // namespace clipscope
