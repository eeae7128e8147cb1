// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/run_plots.h"

#include <QApplication>

#include "ui/panels/step_plots.h"
#include "ui/theme.h"

namespace clipscope {

Attachments plotsWithoutDisplay(const std::shared_ptr<const StepRecord>& record) {
  // Without a display QApplication ends the program, unless it is told beforehand to do without.
  qputenv("QT_QPA_PLATFORM", "offscreen");
  char name[] = "clipscope";
  char* arguments[] = {name, nullptr};
  int count = 1;
  QApplication application(count, arguments);
  applyTheme(application, ThemeChoice::Light);
  return stepPlots(record);
}

}  // namespace clipscope
