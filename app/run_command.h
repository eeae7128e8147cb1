// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "engine/training/experiment.h"

namespace clipscope {

/// `clipscope run`: trains without a window and writes a folder.
class RunCommand {
 public:
  /// Declares the verb and its options.
  explicit RunCommand(CLI::App& program);

  bool chosen() const { return m_app->parsed(); }
  /// Returns an exit code; throws Error for what stops the run.
  int execute();

  /// The same with all defaults, into a new folder: what the program does with no display.
  static int executeDefault();

 private:
  /// An option that sets one field of the experiment.
  struct Setting {
    CLI::Option* option;
    std::string path;  ///< as messages of Experiment name the field
    std::function<void(Experiment&)> apply;
  };

  void addDataOptions();
  void addMethodOptions();
  void addRunOptions();
  template <class T, class Set>
  CLI::Option* add(const std::string& flag, const std::string& path, const std::string& help,
                   Set&& set);
  Experiment experiment() const;
  std::string withOptionName(const std::string& message) const;

  CLI::App* m_app;
  std::string m_group;  ///< of the options being declared
  std::string m_file, m_data, m_out;
  bool m_plots = true;
  std::vector<Setting> m_settings;
  std::vector<std::string> m_assignments;
};

}  // namespace clipscope
