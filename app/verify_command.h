// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace clipscope {

/// `clipscope verify FILE…`: reproduces reference files and prints the largest error of each
/// quantity beside its tolerance. Exit code 0 within, 1 beyond, 2 where a file cannot be read or
/// needs something that this version does not have; the worst of all files counts.
class VerifyCommand {
 public:
  explicit VerifyCommand(CLI::App& program);
  bool chosen() const { return m_app->parsed(); }
  int execute();

 private:
  CLI::App* m_app;
  std::vector<std::string> m_files;
};

}  // namespace clipscope
