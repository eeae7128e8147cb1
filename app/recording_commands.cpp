// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/recording_commands.h"

#include <iostream>

#include "app/exit_code.h"
#include "engine/error.h"
#include "engine/interchange/recorded_run.h"
#include "engine/recording/recording_diff.h"

namespace clipscope {

namespace {

/// Of the branch with this name or number; the one that the run is on for "".
int branchNamed(const RecordingReader& recording, const std::string& name) {
  if (name.empty()) return recording.activeBranch();
  std::string names;
  for (const Branch& branch : recording.tree().branches()) {
    if (branch.name == name || std::to_string(branch.number) == name) return branch.number;
    names += (names.empty() ? "" : ", ") + branch.name;
  }
  throw SettingError("--branch: there is no \"" + name + "\" in " + recording.path().string() +
                     "; choose one of " + names);
}

int unreadable(const FileError& error) {
  std::cerr << "clipscope: " << error.what() << "\n";
  return exitUsage;
}

}  // namespace

DiffCommand::DiffCommand(CLI::App& program)
    : m_app(program.add_subcommand("diff", "Say where two recordings differ first")) {
  m_app->add_option("a", m_first, "Recording")->required();
  m_app->add_option("b", m_second, "Recording")->required();
}

int DiffCommand::execute() {
  try {
    const RecordingReader a(m_first), b(m_second);
    const auto found = firstDifference(a, b);
    if (!found) {
      std::cout << "No difference in " << a.tree().at(a.activeBranch()).steps << " steps.\n";
      return exitOk;
    }
    std::cout << (found->step > 0 ? "Step " + std::to_string(found->step) : "Before step 1") << ": "
              << found->field << "\n  " << m_first << ": " << found->a << "\n  " << m_second << ": "
              << found->b << "\n";
    return exitFailed;
  } catch (const FileError& error) {
    return unreadable(error);
  }
}

ExportCommand::ExportCommand(CLI::App& program)
    : m_app(program.add_subcommand("export", "Write the tables of a recording into a folder")) {
  m_app->add_option("file", m_file, "Recording, RUN.clipscope")->required();
  m_app->add_option("--out", m_folder, "Folder for the tables: a new or empty one")->required();
  m_app->add_option("--branch", m_branch,
                    "Name or number of a branch; the one that the run is on when left out");
}

int ExportCommand::execute() {
  std::optional<RecordingReader> recording;
  try {
    recording.emplace(m_file);
  } catch (const FileError& error) {
    return unreadable(error);
  }
  const int branch = branchNamed(*recording, m_branch);
  RunFolder folder(m_folder, factsOf(*recording, branch));
  const Index steps = recording->tree().at(branch).steps;
  for (Index step = 1; step <= steps; ++step) folder.add(*recording->step(branch, step));
  const bool isInterrupted = !folder.facts().library && steps < folder.facts().experiment.run.steps;
  folder.finish(isInterrupted);
  std::cout << "Wrote " << steps << (steps == 1 ? " step" : " steps") << " (not private) into "
            << m_folder << "\n";
  return exitOk;
}

}  // namespace clipscope
