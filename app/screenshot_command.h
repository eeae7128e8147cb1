// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace clipscope {

/// `clipscope screenshot OUT.png`: draws the real window into a picture, with or without a display.
class ScreenshotCommand {
 public:
  explicit ScreenshotCommand(CLI::App& program);
  bool chosen() const { return m_app->parsed(); }
  /// Returns an exit code; throws Error for what stops it.
  int execute();

 private:
  CLI::App* m_app;
  std::string m_panel, m_theme = "light", m_size = "1440x900", m_data, m_out;
  double m_scale = 1;
  int m_steps = 20;
  CLI::Option* m_stepsOption = nullptr;
};

}  // namespace clipscope
