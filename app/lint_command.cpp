// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/lint_command.h"

#include <algorithm>
#include <functional>
#include <iostream>

#include "app/exit_code.h"
#include "engine/error.h"
#include "engine/recording/recording_reader.h"
#include "engine/session/dp_lint.h"

namespace clipscope {

LintCommand::LintCommand(CLI::App& program)
    : m_app(program.add_subcommand("lint", "Say what is mis-set in a recorded run")) {
  m_app->add_option("file", m_file, "Recording, RUN.clipscope")->required();
  m_app->add_option("--step", m_step, "Step to look at; the newest when left out")
      ->check(CLI::PositiveNumber);
  m_app->add_flag("--all", m_all, "Say also what is in order");
}

int LintCommand::execute() {
  std::vector<LintFinding> findings;
  Index step = m_step;
  try {
    const RecordingReader recording(m_file);
    const int branch = recording.activeBranch();
    const Index steps = recording.tree().at(branch).steps;
    if (steps == 0) throw FileError(m_file + ": has no step yet");
    if (step == 0) step = steps;
    if (step > steps)
      throw SettingError("--step: " + std::to_string(step) + ", and the run has " +
                         std::to_string(steps));
    findings = dpLint(*recording.tree().settingsOf(branch, step), *recording.step(branch, step));
  } catch (const FileError& error) {
    std::cerr << "clipscope: " << error.what() << "\n";
    return exitUsage;
  }
  std::ranges::stable_sort(findings, std::greater(), &LintFinding::severity);
  std::cout << m_file << ", step " << step << "\n";
  bool isClean = true;
  for (const LintFinding& finding : findings) {
    if (!m_all && finding.severity < LintSeverity::Note) continue;
    isClean = isClean && finding.severity < LintSeverity::Note;
    std::cout << lintSeverityName(finding.severity) << ": " << finding.title << ": " << finding.text
              << (finding.remedy.empty() ? "" : " ") << finding.remedy << "\n";
  }
  if (isClean) std::cout << "nothing found\n";
  return gravest(findings) == LintSeverity::Error ? exitFailed : exitOk;
}

}  // namespace clipscope
