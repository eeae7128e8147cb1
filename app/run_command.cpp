// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/run_command.h"

#include <iostream>

#include "engine/error.h"
#include "engine/interchange/command_line.h"
#include "engine/model/presets.h"

namespace clipscope {

RunCommand::RunCommand(CLI::App& program)
    : m_app(program.add_subcommand("run", "Train without a window and write a folder of results")) {
  m_app->add_option("experiment", m_file, "Experiment (JSON); the options below override it");
  m_app->add_option("--out", m_out.folder,
                    "Folder for the results; a new one is named when left out");
  m_app->add_option("--record", m_out.recording,
                    "Record every step into a new file, RUN.clipscope");
  m_app
      ->add_option("--segment-steps", m_out.segmentSteps,
                   "Record into numbered files of so many steps, RUN.0001.clipscope, …: a viewer "
                   "across a network reads those that are closed")
      ->check(CLI::PositiveNumber);
  m_app->add_option("--resume", m_resume,
                    "Go on with a recorded run and its recording, as if it had never stopped; with "
                    "--steps to another last step, with --data where the data lies now");
  m_app->add_flag("!--no-plots", m_out.plots,
                  "Leave out the plots of the last step (plots/norms.svg, …)");
  m_app
      ->add_option("--break", m_out.breakpoints,
                   "Stop where a condition holds, \"clipped_fraction > 0.9 and step >= 10\", with "
                   "exit code 3; repeatable")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  m_app->add_option("--profile", m_out.profile,
                    "Write the times of every step, phase and layer into a file: Chrome's trace "
                    "events (JSON), for chrome://tracing or ui.perfetto.dev");
  m_app
      ->add_option("--set", m_assignments,
                   "Any field of an experiment by its path in the file: "
                   "clipping.max_grad_norm=0.5; repeatable, applied last")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  addRunOptions();
  addDataOptions();
  addMethodOptions();
  addOptimizerOptions();
  addAdaptiveOptions();
  addScheduleOptions();
}

void RunCommand::addRunOptions() {
  using E = Experiment;
  add<Index>("--steps", "run.steps", "Steps to train", [](E& e, Index v) { e.run.steps = v; });
  add<std::uint64_t>("--seed", "run.seed", "Seed of weights, sampling and noise",
                     [](E& e, std::uint64_t v) { e.run.seed = v; });
  add<int>("--threads", "run.threads", "Threads; 0: all cores",
           [](E& e, int v) { e.run.threads = v; });
  add<Index>("--evaluate-every", "run.evaluate_every",
             "Test accuracy every so many steps; 0: never",
             [](E& e, Index v) { e.run.evaluateEvery = v; });
  add<Index>("--refresh-norms-every", "run.refresh_norms_every",
             "Norms of all examples every so many steps, for their ε; 0: never",
             [](E& e, Index v) { e.run.refreshNormsEvery = v; });
  add<bool>("--secure", "run.secure_mode",
            "Sampling and noise from a cryptographic generator, its keys kept nowhere: no replay",
            [](E& e, bool v) { e.run.secureMode = v; });
  add<bool>("--no-unclipped-sum", "run.unclipped_sum", "Leave out bias and cosine, for speed",
            [](E& e, bool v) { e.run.unclippedSum = !v; });
}

void RunCommand::addDataOptions() {
  using E = Experiment;
  using Text = const std::string&;
  m_group = "Data";
  m_app->add_option("--data", m_data, "IDX images, CSV, or a folder with MNIST")->group(m_group);
  add<std::string>("--labels", "data.labels", "IDX labels, where not beside the images",
                   [](E& e, Text v) { e.data.labels = v; });
  add<std::string>("--label-column", "data.csv.label_column",
                   "CSV column of the label, name or number",
                   [](E& e, Text v) { e.data.labelColumn = v; });
  add<std::vector<std::string>>(
      "--ignore-columns", "data.csv.ignore_columns", "CSV columns to leave out, a,b,c",
      [](E& e, const std::vector<std::string>& v) { e.data.ignoreColumns = v; })
      ->delimiter(',');
  add<std::string>("--csv-header", "data.csv.header", "automatic, present or absent",
                   [](E& e, Text v) { e.data.csvHeader = parseCsvHeader(v, "--csv-header"); });
  add<std::string>("--csv-task", "data.csv.task", "automatic, classification or regression",
                   [](E& e, Text v) { e.data.csvTask = parseCsvTask(v, "--csv-task"); });
  add<std::string>("--normalisation", "data.normalisation",
                   "default, none or standardise; or give --mean, --std", [](E& e, Text v) {
                     e.data.normalisation = parseNormalisationRule(v, "--normalisation");
                   });
  add<std::vector<double>>("--mean", "data.normalisation.mean",
                           "Means, by channel or column: a,b,c; with --std",
                           [](E& e, const std::vector<double>& v) {
                             e.data.normalisation = NormalisationRule::Constants;
                             e.data.mean = v;
                           })
      ->delimiter(',');
  add<std::vector<double>>("--std", "data.normalisation.std", "Standard deviations: a,b,c",
                           [](E& e, const std::vector<double>& v) { e.data.std = v; })
      ->delimiter(',');
  add<double>("--test-share", "data.test_share", "Share held out, 0 to 0.9",
              [](E& e, double v) { e.data.testShare = v; });
  add<std::uint64_t>("--split-seed", "data.split_seed", "Seed of the split",
                     [](E& e, std::uint64_t v) { e.data.splitSeed = v; });
  add<Index>("--digits", "data.digits.count", "Number of generated digits",
             [](E& e, Index v) { e.data.digits.count = v; });
  add<std::uint64_t>("--data-seed", "data.digits.seed", "Seed of the generated digits",
                     [](E& e, std::uint64_t v) { e.data.digits.seed = v; });
  add<double>("--difficulty", "data.digits.difficulty", "Of the generated digits, 0 to 1",
              [](E& e, double v) { e.data.digits.difficulty = v; });
  add<double>("--label-noise", "data.digits.label_noise", "Share of wrong labels, 0 to 0.5",
              [](E& e, double v) { e.data.digits.labelNoise = v; });
  add<double>("--outliers", "data.digits.outliers", "Share of outliers, 0 to 0.5",
              [](E& e, double v) { e.data.digits.outliers = v; });
}

void RunCommand::addMethodOptions() {
  using E = Experiment;
  using Text = const std::string&;
  m_group = "Method";
  add<std::string>("--model", "model.preset", "One of " + presetChoices(), [](E& e, Text v) {
    e.model.preset = v;
    e.model.spec = nullptr;
  });
  add<std::string>("--clipping", "clipping.grouping",
                   "flat, layer (weight and bias together) or param",
                   [](E& e, Text v) { e.clipping.grouping = parseGrouping(v, "--clipping"); });
  add<std::string>("--strategy", "clipping.strategy",
                   "threshold, auto_s, auto_v, normalised, psac, global or none",
                   [](E& e, Text v) { e.clipping.strategy = v; });
  add<double>("--max-grad-norm", "clipping.max_grad_norm", "Clipping norm C",
              [](E& e, double v) { e.clipping.maxGradNorm = v; });
  add<std::string>(
      "--thresholds", "clipping.thresholds", "Of several groups: equal, sqrt_dim or median",
      [](E& e, Text v) { e.clipping.thresholds = parseThresholdRule(v, "--thresholds"); });
  add<double>("--clip-constant", "clipping.clip_constant", "κ of threshold, 1e-6 or 0",
              [](E& e, double v) { e.clipping.strategySettings.clipConstant = v; });
  add<double>("--gamma", "clipping.gamma", "γ of auto_s",
              [](E& e, double v) { e.clipping.strategySettings.gamma = v; });
  add<double>("--r", "clipping.r", "r of normalised",
              [](E& e, double v) { e.clipping.strategySettings.r = v; });
  add<double>("--psac-r", "clipping.psac_r", "r of psac",
              [](E& e, double v) { e.clipping.strategySettings.psacR = v; });
  add<double>("--global-bound", "clipping.global_bound", "Z of global; 0: C",
              [](E& e, double v) { e.clipping.strategySettings.globalBound = v; });
  add<double>("--noise-multiplier", "noise.noise_multiplier", "σ; 0: no noise, ε is ∞",
              [](E& e, double v) { e.noise.noiseMultiplier = v; });
  add<std::string>(
      "--allocation", "noise.allocation", "global, equal_budget, dimension_weighted or least_power",
      [](E& e, Text v) { e.noise.allocation = parseNoiseAllocation(v, "--allocation"); });
  CLI::Option* batchSize = add<double>("--batch-size", "sampling.expected_batch_size",
                                       "Expected batch size B = qN", [](E& e, double v) {
                                         e.sampling.expectedBatchSize = v;
                                         e.sampling.sampleRate = 0;
                                       });
  add<double>("--sample-rate", "sampling.sample_rate", "q in (0, 1], in place of the batch size",
              [](E& e, double v) {
                // In the experiment 0 stands for "by the batch size"; here it is a mistake.
                if (!(v > 0))
                  throw SettingError("sampling.sample_rate: must be above 0 and at most 1");
                e.sampling.sampleRate = v;
              })
      ->excludes(batchSize);
  add<std::string>("--sampling", "sampling.scheme",
                   "poisson, shuffled (disjoint batches, a fresh order each epoch) or fixed",
                   [](E& e, Text v) { e.sampling.scheme = parseSamplingScheme(v, "--sampling"); });
  add<Index>("--physical-batch-size", "sampling.physical_batch_size",
             "Upper bound of a block; 0: chosen",
             [](E& e, Index v) { e.sampling.physicalBatchSize = v; });
  add<double>("--delta", "privacy.delta", "δ of the reported ε",
              [](E& e, double v) { e.privacy.delta = v; });
  add<std::string>("--accountant", "privacy.accountant",
                   "rdp-opacus (its orders, to compare) or rdp (orders far beyond)",
                   [](E& e, Text v) { e.privacy.accountant = v; });
}

Experiment RunCommand::experiment() const {
  Experiment e = m_file.empty() ? Experiment{} : loadExperiment(m_file);
  if (!m_data.empty()) {
    e.data = settingsForPath(m_data, e.data);
    // The default model looks at pixels; a table gets the nearest that fits, unless one is named.
    if (e.data.source == DataSource::Csv && m_file.empty()) e.model.preset = "logistic";
  }
  for (const Setting& setting : m_settings)
    if (setting.option->count() > 0) setting.apply(e);
  e = withSettings(e, m_assignments);
  e.validate();
  return e;
}

std::string RunCommand::withOptionName(const std::string& message) const {
  for (const Setting& setting : m_settings)
    if (setting.option->count() > 0 && message.rfind(setting.path + ":", 0) == 0)
      return setting.option->get_name() + message.substr(setting.path.size());
  return message;
}

int RunCommand::execute() {
  try {
    RunOutput out = m_out;
    if (out.segmentSteps > 0 && out.recording.empty())
      throw SettingError("--segment-steps: goes with --record");
    if (out.folder.empty()) out.folder = newRunFolderName();
    if (!m_resume.empty()) return resume(out);
    const Experiment wanted = experiment();
    return runHeadless(wanted, out);
  } catch (const SettingError& error) {
    throw SettingError(withOptionName(error.what()));
  } catch (const SpecError& error) {
    throw SpecError(withOptionName(error.what()));
  }
}

int RunCommand::resume(const RunOutput& out) const {
  const auto refuse = [](const std::string& option) {
    throw SettingError(option + ": a run that is resumed has the settings it was recorded with");
  };
  if (!out.recording.empty()) refuse("--record");
  if (!m_file.empty()) refuse(m_file);
  if (!m_assignments.empty()) refuse("--set");
  std::optional<Index> steps;
  for (const Setting& setting : m_settings) {
    if (setting.option->count() == 0) continue;
    if (setting.path != "run.steps") refuse(setting.option->get_name());
    Experiment wanted;
    setting.apply(wanted);
    wanted.validate();
    steps = wanted.run.steps;
  }
  return resumeHeadless(m_resume, steps, m_data.empty() ? std::optional<std::string>() : m_data,
                        out);
}

int RunCommand::executeDefault() {
  const std::string folder = newRunFolderName();
  std::cerr << "clipscope: no display; the default experiment runs without a window into " << folder
            << " (clipscope run --help shows the options)\n";
  RunOutput out;
  out.folder = folder;
  return runHeadless(Experiment{}, out);
}

}  // namespace clipscope
