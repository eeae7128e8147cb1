// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/run_plots.h"

#include <QApplication>

#include "app/offscreen.h"
#include "ui/theme.h"

namespace clipscope {

Attachments plotsWithoutDisplay(const StepPlotsInput& input) {
  drawOffscreen();
  char name[] = "clipscope";
  char* arguments[] = {name, nullptr};
  int count = 1;
  QApplication application(count, arguments);
  applyTheme(application, ThemeChoice::Light);
  return stepPlots(input);
}

}  // namespace clipscope
