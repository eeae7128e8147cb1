// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace clipscope {

/// `clipscope diff A B`: the first step and field in which two recordings differ. Exit code 0
/// where there is none, 1 where there is one, 2 where one cannot be read.
class DiffCommand {
 public:
  explicit DiffCommand(CLI::App& program);
  bool chosen() const { return m_app->parsed(); }
  int execute();

 private:
  CLI::App* m_app;
  std::string m_first, m_second;
};

/// `clipscope export FILE --out DIR`: the tables of a recording, as `run` writes them. Exit code 2
/// where it cannot be read.
class ExportCommand {
 public:
  explicit ExportCommand(CLI::App& program);
  bool chosen() const { return m_app->parsed(); }
  int execute();

 private:
  CLI::App* m_app;
  std::string m_file, m_folder, m_branch;
};

}  // namespace clipscope
