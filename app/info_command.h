// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace clipscope {

/// `clipscope info FILE`: what a recording holds. Exit code 2 where it cannot be read as one.
class InfoCommand {
 public:
  explicit InfoCommand(CLI::App& program);
  bool chosen() const { return m_app->parsed(); }
  int execute();

 private:
  CLI::App* m_app;
  std::string m_file;
};

}  // namespace clipscope
