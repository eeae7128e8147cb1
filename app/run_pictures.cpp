// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/run_pictures.h"

#include <QApplication>

#include "ui/panels/step_pictures.h"
#include "ui/theme.h"

namespace clipscope {

std::vector<std::pair<std::string, std::string>> picturesWithoutDisplay(
    const std::shared_ptr<const StepRecord>& record) {
  // Without a display QApplication ends the program, unless it is told beforehand to do without.
  qputenv("QT_QPA_PLATFORM", "offscreen");
  char name[] = "clipscope";
  char* arguments[] = {name, nullptr};
  int count = 1;
  QApplication application(count, arguments);
  applyTheme(application, ThemeChoice::Light);
  return stepPictures(record);
}

}  // namespace clipscope
