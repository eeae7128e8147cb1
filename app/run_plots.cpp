// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/run_plots.h"

#include <QApplication>

#include "ui/theme.h"

namespace clipscope {

Attachments plotsWithoutDisplay(const StepPlotsInput& input) {
  // Without a display QApplication ends the program, unless it is told beforehand to do without.
  qputenv("QT_QPA_PLATFORM", "offscreen");
  char name[] = "clipscope";
  char* arguments[] = {name, nullptr};
  int count = 1;
  QApplication application(count, arguments);
  applyTheme(application, ThemeChoice::Light);
  return stepPlots(input);
}

}  // namespace clipscope
