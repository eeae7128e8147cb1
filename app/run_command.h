// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "engine/training/experiment.h"

namespace clipscope {

/// `clipscope run`: trains without a window and writes a folder.
class RunCommand {
 public:
  /// Declares the verb and its options.
  explicit RunCommand(CLI::App& program);

  bool chosen() const { return m_app->parsed(); }
  /// Returns an exit code; throws Error for what stops the run.
  int execute();

  /// The same with all defaults, into a new folder: what the program does with no display.
  static int executeDefault();

 private:
  Experiment experiment() const;

  CLI::App* m_app;
  std::string m_file, m_data, m_labels, m_out;
  std::optional<std::string> m_labelColumn, m_model, m_grouping, m_strategy, m_thresholds,
      m_allocation, m_accountant, m_normalisation, m_optimizer;
  std::optional<double> m_maxGradNorm, m_clipConstant, m_gamma, m_r, m_psacR, m_globalBound,
      m_noiseMultiplier, m_learningRate, m_momentum, m_dampening, m_weightDecay, m_batchSize,
      m_sampleRate, m_delta, m_testShare, m_difficulty, m_labelNoise, m_outliers;
  std::optional<Index> m_steps, m_physicalBatch, m_evaluateEvery, m_digits;
  std::optional<std::uint64_t> m_seed, m_dataSeed, m_splitSeed;
  std::optional<int> m_threads;
  bool m_nesterov = false, m_noUnclippedSum = false;
};

}  // namespace clipscope
