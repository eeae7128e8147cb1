// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/epsilon_commands.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "app/exit_code.h"
#include "engine/accounting/accountant.h"
#include "engine/accounting/noise_multiplier.h"
#include "engine/error.h"

namespace clipscope {

namespace {

/// The one of that name, or all. Throws SettingError.
std::vector<std::string> chosenAccountants(const std::string& name) {
  if (name == "all") return accountantNames();
  const auto& known = accountantNames();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    std::string text = "--accountant: \"" + name + "\" is not an accountant; choose ";
    for (const std::string& one : known) text += one + ", ";
    throw SettingError(text + "all");
  }
  return {name};
}

std::string accountantHelp() {
  std::string text;
  for (const std::string& name : accountantNames()) text += name + ", ";
  return text + "all";
}

void addSteps(CLI::App& app, double& sampleRate, std::int64_t& steps, double& delta,
              std::string& accountant) {
  app.add_option("--sample-rate", sampleRate, "q: the chance of an example to be in a batch")
      ->required();
  app.add_option("--steps", steps, "T")->required();
  app.add_option("--delta", delta, "δ, between 0 and 1")->required();
  app.add_option("--accountant", accountant, accountantHelp())->capture_default_str();
}

/// Written so that NaN is refused as well.
void checkSteps(double sampleRate, std::int64_t steps, double delta) {
  if (!(sampleRate >= 0 && sampleRate <= 1))
    throw SettingError("--sample-rate must be from 0 to 1");
  if (steps < 0) throw SettingError("--steps must be 0 or more");
  if (!(delta > 0 && delta < 1)) throw SettingError("--delta must lie between 0 and 1");
}

void printLine(const std::string& name, double value, const char* note = "") {
  std::printf("%-12s %.10g%s\n", name.c_str(), value,
              accountantIsBound(name) ? note : "  (an approximation and not a bound)");
}

}  // namespace

EpsilonCommand::EpsilonCommand(CLI::App& program)
    : m_app(program.add_subcommand("epsilon",
                                   "Say what steps cost: ε, with one example added or removed")) {
  m_app->add_option("--noise-multiplier", m_sigma, "σ; 0: no noise")->required();
  addSteps(*m_app, m_sampleRate, m_steps, m_delta, m_accountant);
}

int EpsilonCommand::execute() {
  checkSteps(m_sampleRate, m_steps, m_delta);
  if (!(m_sigma >= 0 && std::isfinite(m_sigma)))
    throw SettingError("--noise-multiplier must be 0 or more");
  for (const std::string& name : chosenAccountants(m_accountant)) {
    const auto accountant = makeAccountant(name);
    accountant->add(m_sigma, m_sampleRate, m_steps);
    const EpsilonRange range = accountant->epsilonRange(m_delta);
    char lower[64] = "";
    if (range.lower > 0 && range.lower < range.upper)
      std::snprintf(lower, sizeof lower, "  (the true ε is at least %.10g)", range.lower);
    printLine(name, accountant->epsilon(m_delta), lower);
  }
  return exitOk;
}

NoiseMultiplierCommand::NoiseMultiplierCommand(CLI::App& program)
    : m_app(program.add_subcommand("noise-multiplier",
                                   "Say the least noise multiplier σ that keeps to an ε")) {
  m_app->add_option("--epsilon", m_epsilon, "The ε that may be spent")->required();
  addSteps(*m_app, m_sampleRate, m_steps, m_delta, m_accountant);
}

int NoiseMultiplierCommand::execute() {
  checkSteps(m_sampleRate, m_steps, m_delta);
  if (!(m_epsilon > 0 && std::isfinite(m_epsilon))) throw SettingError("--epsilon must be above 0");
  const NoiseTarget target{m_epsilon, m_delta, m_sampleRate, m_steps};
  const std::vector<std::string> names = chosenAccountants(m_accountant);
  for (const std::string& name : names) {
    try {
      printLine(name, noiseMultiplierFor(name, target));
    } catch (const SettingError& error) {
      // Among several, one without an answer does not hide the others'.
      if (names.size() == 1) throw;
      std::printf("%-12s none: %s\n", name.c_str(), error.what());
    }
  }
  return exitOk;
}

}  // namespace clipscope
