// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace clipscope {

/// `clipscope lint FILE`: what is mis-set in a recorded run, as one of its steps shows it. Exit
/// code 1 where a finding is an error, 2 where the recording cannot be read.
class LintCommand {
 public:
  explicit LintCommand(CLI::App& program);
  bool chosen() const { return m_app->parsed(); }
  int execute();

 private:
  CLI::App* m_app;
  std::string m_file;
  std::int64_t m_step = 0;  ///< 0: the newest
  bool m_all = false;
};

}  // namespace clipscope
