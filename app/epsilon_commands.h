// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace clipscope {

/// `clipscope epsilon`: what steps of the Poisson-sampled Gaussian mechanism cost.
class EpsilonCommand {
 public:
  explicit EpsilonCommand(CLI::App& program);
  bool chosen() const { return m_app->parsed(); }
  int execute();

 private:
  CLI::App* m_app;
  double m_sigma = 0, m_sampleRate = 0, m_delta = 0;
  std::int64_t m_steps = 0;
  std::string m_accountant = "rdp";
};

/// `clipscope noise-multiplier`: the least noise that keeps a budget.
class NoiseMultiplierCommand {
 public:
  explicit NoiseMultiplierCommand(CLI::App& program);
  bool chosen() const { return m_app->parsed(); }
  int execute();

 private:
  CLI::App* m_app;
  double m_epsilon = 0, m_sampleRate = 0, m_delta = 0;
  std::int64_t m_steps = 0;
  std::string m_accountant = "rdp";
};

}  // namespace clipscope
