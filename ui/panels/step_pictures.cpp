// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/step_pictures.h"

#include <QCoreApplication>

#include "ui/panels/examples_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/panel_export.h"
#include "ui/selection.h"

namespace clipscope {

std::vector<std::pair<std::string, std::string>> stepPictures(
    const std::shared_ptr<const StepRecord>& record) {
  std::vector<std::pair<std::string, std::string>> pictures;
  Selection selection;
  const auto draw = [&](Panel& panel, const char* name, QSize size) {
    panel.setAttribute(Qt::WA_DontShowOnScreen);
    panel.resize(size);
    panel.setRecord(record);
    panel.show();
    // Layouts settle and plots are drawn from the event queue; the second round draws at the size
    // that the first one found.
    for (int round = 0; round < 2; ++round) QCoreApplication::processEvents();
    pictures.emplace_back(name, panelPng(panel, 2).toStdString());
  };
  NormsPanel norms(&selection);
  draw(norms, "norms.png", {720, 460});
  LayersPanel layers(&selection);
  draw(layers, "layers.png", {720, 460});
  ExamplesPanel examples(&selection);
  draw(examples, "examples.png", {900, 620});
  return pictures;
}

}  // namespace clipscope
