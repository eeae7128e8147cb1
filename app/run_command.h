// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "app/headless_run.h"
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
  void addOptimizerOptions();
  void addAdaptiveOptions();
  void addScheduleOptions();
  template <class T, class Set>
  CLI::Option* add(const std::string& flag, const std::string& path, const std::string& help,
                   Set&& set);
  int resume(const RunOutput& out) const;
  Experiment experiment() const;
  std::string withOptionName(const std::string& message) const;

  CLI::App* m_app;
  std::string m_group;  ///< of the options being declared
  std::string m_file, m_data, m_resume;
  RunOutput m_out;
  std::vector<Setting> m_settings;
  std::vector<std::string> m_assignments;
};

template <class T, class Set>
CLI::Option* RunCommand::add(const std::string& flag, const std::string& path,
                             const std::string& help, Set&& set) {
  auto value = std::make_shared<T>();
  CLI::Option* option;
  if constexpr (std::is_same_v<T, bool>)
    option = m_app->add_flag(flag, *value, help);
  else
    option = m_app->add_option(flag, *value, help);
  // A negative number would wrap around.
  if constexpr (std::is_unsigned_v<T> && !std::is_same_v<T, bool>)
    option->check([](const std::string& text) {
      return text.rfind('-', 0) == 0 ? text + " must be 0 or more" : std::string();
    });
  if (!m_group.empty()) option->group(m_group);
  m_settings.push_back({option, path, [value, set](Experiment& e) { set(e, *value); }});
  return option;
}

}  // namespace clipscope
