// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/run_command.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iostream>

#include "app/exit_code.h"
#include "app/progress.h"
#include "engine/error.h"
#include "engine/interchange/run_folder.h"
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
  struct sigaction m_interrupt {}, m_terminate {};
};

/// "clipscope-run-20260131-142501", with a number behind it where that is taken.
std::string newFolderName() {
  const std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::localtime(&now));
  const std::string base = std::string("clipscope-run-") + stamp;
  std::string name = base;
  for (int k = 2; std::filesystem::exists(name); ++k) name = base + "-" + std::to_string(k);
  return name;
}

std::string shortNumber(double value, const char* format = "%.4g") {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

int train(const Experiment& experiment, const std::string& out) {
  InterruptGuard guard;
  // A full disk must come back as an error of write(), not end the program.
  std::signal(SIGXFSZ, SIG_IGN);
  Trainer trainer(experiment, loadDataset(experiment.data));
  const LoadedData& data = trainer.data();
  std::cerr << "clipscope: " << data.data->name() << ", " << data.train.size() << " train / "
            << data.test.size() << " test; " << trainer.model().table().dimension()
            << " parameters; " << experiment.run.steps << " steps\n";
  RunFolder folder(out, factsOf(trainer, CLIPSCOPE_VERSION));
  Progress progress(experiment.run.steps);
  std::shared_ptr<const StepRecord> record;
  double accuracy = notANumber;
  while (trainer.stepsDone() < experiment.run.steps && !interruptRequested) {
    record = trainer.finishStep();
    const bool last = trainer.stepsDone() == experiment.run.steps;
    if (trainer.evaluationDue() || (last && experiment.run.evaluateEvery > 0))
      record = trainer.evaluate();
    if (record->evaluation) accuracy = record->evaluation->accuracy;
    folder.add(*record);
    progress.show(*record, accuracy);
  }
  const bool interrupted = trainer.stepsDone() < experiment.run.steps;
  progress.finish();
  folder.finish(interrupted);

  std::cout << (interrupted ? "Interrupted after " : "Done: ") << folder.steps() << " steps";
  if (record) {
    if (record->forward->losses.size() > 0)
      std::cout << ", loss " << shortNumber(record->forward->meanLoss);
    if (accuracy == accuracy)
      std::cout << ", test accuracy " << shortNumber(100 * accuracy, "%.2f") << " %";
    std::cout << ", ε " << shortNumber(record->account->epsilon) << " at δ "
              << shortNumber(record->account->delta) << " (" << record->account->accountant
              << ", simulated: the run can be replayed from its seed)";
  }
  std::cout << ".\nResults (not private) in " << folder.folder().string() << "\n";
  return interrupted ? exitInterrupted : exitOk;
}

template <class T, class U>
void set(const std::optional<T>& given, U& target) {
  if (given) target = static_cast<U>(*given);
}

}  // namespace

RunCommand::RunCommand(CLI::App& program)
    : m_app(program.add_subcommand("run", "Train without a window and write a folder of results")) {
  CLI::App& a = *m_app;
  a.add_option("experiment", m_file, "Experiment (JSON); the options below override it");
  a.add_option("--out", m_out, "Folder for the results; a new one is named when left out");
  a.add_option("--steps", m_steps, "Steps to train");
  a.add_option("--seed", m_seed, "Seed of weights, sampling and noise");
  a.add_option("--threads", m_threads, "Threads; 0: all cores");
  a.add_option("--evaluate-every", m_evaluateEvery, "Test accuracy every so many steps; 0: never");
  a.add_flag("--no-unclipped-sum", m_noUnclippedSum, "Leave out bias and cosine, for speed");
  const std::string data = "Data";
  a.add_option("--data", m_data, "IDX images, CSV, or a folder with MNIST")->group(data);
  a.add_option("--labels", m_labels, "IDX labels, where not beside the images")->group(data);
  a.add_option("--label-column", m_labelColumn, "CSV column of the label, name or number")
      ->group(data);
  a.add_option("--normalisation", m_normalisation, "default, none or standardise")->group(data);
  a.add_option("--test-share", m_testShare, "Share held out, 0 to 0.9")->group(data);
  a.add_option("--split-seed", m_splitSeed, "Seed of the split")->group(data);
  a.add_option("--digits", m_digits, "Number of generated digits")->group(data);
  a.add_option("--data-seed", m_dataSeed, "Seed of the generated digits")->group(data);
  a.add_option("--difficulty", m_difficulty, "Of the generated digits, 0 to 1")->group(data);
  a.add_option("--label-noise", m_labelNoise, "Share of wrong labels, 0 to 0.5")->group(data);
  a.add_option("--outliers", m_outliers, "Share of outliers, 0 to 0.5")->group(data);
  const std::string method = "Method";
  a.add_option("--model", m_model, "logistic, mlp, mnist-cnn or cifar-cnn")->group(method);
  a.add_option("--clipping", m_grouping, "flat, layer (weight and bias together) or param")
      ->group(method);
  a.add_option("--strategy", m_strategy,
               "threshold, auto_s, auto_v, normalised, psac, global or none")
      ->group(method);
  a.add_option("--max-grad-norm", m_maxGradNorm, "Clipping norm C")->group(method);
  a.add_option("--thresholds", m_thresholds, "Of several groups: equal, sqrt_dim or median")
      ->group(method);
  a.add_option("--clip-constant", m_clipConstant, "κ of threshold, 1e-6 or 0")->group(method);
  a.add_option("--gamma", m_gamma, "γ of auto_s")->group(method);
  a.add_option("--r", m_r, "r of normalised")->group(method);
  a.add_option("--psac-r", m_psacR, "r of psac")->group(method);
  a.add_option("--global-bound", m_globalBound, "Z of global; 0: C")->group(method);
  a.add_option("--noise-multiplier", m_noiseMultiplier, "σ; 0: no noise, ε is ∞")->group(method);
  a.add_option("--allocation", m_allocation,
               "global, equal_budget, dimension_weighted or least_power")
      ->group(method);
  a.add_option("--batch-size", m_batchSize, "Expected batch size B = qN")->group(method);
  a.add_option("--sample-rate", m_sampleRate, "q in (0, 1], in place of the batch size")
      ->group(method);
  a.add_option("--physical-batch-size", m_physicalBatch, "Upper bound of a block; 0: chosen")
      ->group(method);
  a.add_option("--optimizer", m_optimizer, "sgd")->group(method);
  a.add_option("--learning-rate", m_learningRate, "Learning rate")->group(method);
  a.add_option("--momentum", m_momentum, "Momentum")->group(method);
  a.add_option("--dampening", m_dampening, "Dampening")->group(method);
  a.add_option("--weight-decay", m_weightDecay, "Weight decay")->group(method);
  a.add_flag("--nesterov", m_nesterov, "Nesterov momentum")->group(method);
  a.add_option("--delta", m_delta, "δ of the reported ε")->group(method);
  a.add_option("--accountant", m_accountant, "rdp-opacus")->group(method);
}

Experiment RunCommand::experiment() const {
  Experiment e = m_file.empty() ? Experiment{} : loadExperiment(m_file);
  if (!m_data.empty()) {
    e.data = settingsForPath(m_data, e.data);
    // The default model looks at pixels; a table gets the nearest that fits, unless one is named.
    if (e.data.source == DataSource::Csv && m_file.empty() && !m_model) e.model.preset = "logistic";
  }
  if (!m_labels.empty()) e.data.labels = m_labels;
  set(m_labelColumn, e.data.labelColumn);
  if (m_normalisation)
    e.data.normalisation = parseNormalisationRule(*m_normalisation, "--normalisation");
  set(m_testShare, e.data.testShare);
  set(m_splitSeed, e.data.splitSeed);
  set(m_digits, e.data.digits.count);
  set(m_dataSeed, e.data.digits.seed);
  set(m_difficulty, e.data.digits.difficulty);
  set(m_labelNoise, e.data.digits.labelNoise);
  set(m_outliers, e.data.digits.outliers);
  if (m_model) {
    e.model.preset = *m_model;
    e.model.spec = nullptr;
  }
  if (m_grouping) e.clipping.grouping = parseGrouping(*m_grouping, "--clipping");
  set(m_strategy, e.clipping.strategy);
  set(m_maxGradNorm, e.clipping.maxGradNorm);
  if (m_thresholds) e.clipping.thresholds = parseThresholdRule(*m_thresholds, "--thresholds");
  set(m_clipConstant, e.clipping.strategySettings.clipConstant);
  set(m_gamma, e.clipping.strategySettings.gamma);
  set(m_r, e.clipping.strategySettings.r);
  set(m_psacR, e.clipping.strategySettings.psacR);
  set(m_globalBound, e.clipping.strategySettings.globalBound);
  set(m_noiseMultiplier, e.noise.noiseMultiplier);
  if (m_allocation) e.noise.allocation = parseNoiseAllocation(*m_allocation, "--allocation");
  if (m_batchSize) {
    e.sampling.expectedBatchSize = *m_batchSize;
    e.sampling.sampleRate = 0;
  }
  if (m_sampleRate) {
    if (!(*m_sampleRate > 0 && *m_sampleRate <= 1))
      throw SettingError("--sample-rate: must be above 0 and at most 1");
    e.sampling.sampleRate = *m_sampleRate;
  }
  set(m_physicalBatch, e.sampling.physicalBatchSize);
  set(m_optimizer, e.optimizer.kind);
  set(m_learningRate, e.optimizer.learningRate);
  set(m_momentum, e.optimizer.momentum);
  set(m_dampening, e.optimizer.dampening);
  set(m_weightDecay, e.optimizer.weightDecay);
  if (m_nesterov) e.optimizer.nesterov = true;
  set(m_delta, e.privacy.delta);
  set(m_accountant, e.privacy.accountant);
  set(m_seed, e.run.seed);
  set(m_steps, e.run.steps);
  set(m_threads, e.run.threads);
  set(m_evaluateEvery, e.run.evaluateEvery);
  if (m_noUnclippedSum) e.run.unclippedSum = false;
  e.validate();
  return e;
}

int RunCommand::execute() { return train(experiment(), m_out.empty() ? newFolderName() : m_out); }

int RunCommand::executeDefault() {
  const std::string folder = newFolderName();
  std::cerr << "clipscope: no display; the default experiment runs without a window into " << folder
            << " (clipscope run --help shows the options)\n";
  return train(Experiment{}, folder);
}

}  // namespace clipscope
