// SPDX-License-Identifier: GPL-3.0-or-later
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>

#include "app/epsilon_commands.h"
#include "app/exit_code.h"
#include "app/info_command.h"
#include "app/lint_command.h"
#include "app/recording_commands.h"
#include "app/run_command.h"
#include "app/screenshot_command.h"
#include "app/verify_command.h"
#include "app/window_main.h"
#include "engine/error.h"

namespace {

bool hasDisplay() {
  for (const char* variable : {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"})
    if (const char* value = std::getenv(variable); value && *value) return true;
  return false;
}

int runProgram(int argc, char** argv) {
  using namespace clipscope;
  CLI::App program("Clipscope: a debugger for DP-SGD");
  program.name("clipscope");
  program.set_version_flag("--version", std::string("clipscope ") + CLIPSCOPE_VERSION);
  program.footer(
      "With a display and no command the window opens; PATH is an experiment, a data set\n"
      "or a recording.\n"
      "Without one the default experiment runs into a new folder.");
  std::string path;
  program.add_option("path", path,
                     "Experiment (JSON), data set or recording to open in the window");
  RunCommand run(program);
  InfoCommand info(program);
  LintCommand lint(program);
  ExportCommand exporter(program);
  DiffCommand diff(program);
  EpsilonCommand epsilon(program);
  NoiseMultiplierCommand noiseMultiplier(program);
  VerifyCommand verify(program);
  ScreenshotCommand screenshot(program);
  program.require_subcommand(0, 1);
  // The command line comes before QApplication, which ends the program where there is no display.
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);
    std::cerr << "clipscope: " << error.what() << "; clipscope --help shows what there is\n";
    return exitUsage;
  }
  if (run.chosen()) return run.execute();
  if (info.chosen()) return info.execute();
  if (lint.chosen()) return lint.execute();
  if (exporter.chosen()) return exporter.execute();
  if (diff.chosen()) return diff.execute();
  if (epsilon.chosen()) return epsilon.execute();
  if (noiseMultiplier.chosen()) return noiseMultiplier.execute();
  if (verify.chosen()) return verify.execute();
  if (screenshot.chosen()) return screenshot.execute();
  if (!hasDisplay()) {
    if (!path.empty())
      throw SettingError("there is no display for " + path +
                         "; use clipscope run, with the experiment or --data PATH");
    return RunCommand::executeDefault();
  }
  std::optional<std::filesystem::path> open;
  if (!path.empty()) open = path;
  return runWindow(argc, argv, open);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return runProgram(argc, argv);
  } catch (const clipscope::SettingError& error) {
    std::cerr << "clipscope: " << error.what() << "\n";
    return clipscope::exitUsage;
  } catch (const clipscope::SpecError& error) {
    std::cerr << "clipscope: " << error.what() << "\n";
    return clipscope::exitUsage;
  } catch (const clipscope::UnsupportedError& error) {
    std::cerr << "clipscope: " << error.what() << "\n";
    return clipscope::exitUsage;
  } catch (const std::exception& error) {
    std::cerr << "clipscope: " << error.what() << "\n";
    return clipscope::exitFailed;
  }
}
