// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/verify_command.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "app/exit_code.h"
#include "engine/error.h"
#include "engine/interchange/reference_check.h"

namespace clipscope {

VerifyCommand::VerifyCommand(CLI::App& program)
    : m_app(program.add_subcommand("verify", "Reproduce reference files and print the errors")) {
  m_app->add_option("files", m_files, "Reference files: models, clipping, training, noise")
      ->required();
}

int VerifyCommand::execute() {
  int worst = exitOk;
  for (const std::string& file : m_files) {
    try {
      const ReferenceReport report = checkReferenceFile(file);
      std::printf("%s: %s\n", file.c_str(), report.kind.c_str());
      for (const ReferenceCheck& check : report.checks)
        std::printf("  %-34s %10.3g  of %-9.3g %s  (%s)\n", check.quantity.c_str(), check.error,
                    check.tolerance, check.holds() ? "ok  " : "FAIL", check.measure.c_str());
      if (!report.holds()) worst = std::max<int>(worst, exitFailed);
      for (const std::string& note : report.unsupported) {
        std::printf("  not supported: %s\n", note.c_str());
        worst = std::max<int>(worst, exitUsage);
      }
    } catch (const UnsupportedError& error) {
      std::printf("%s: not supported: %s\n", file.c_str(), error.what());
      worst = std::max<int>(worst, exitUsage);
    } catch (const Error& error) {
      std::fflush(stdout);
      std::cerr << "clipscope: " << error.what() << "\n";
      worst = std::max<int>(worst, exitUsage);
    }
  }
  return worst;
}

}  // namespace clipscope
