// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/step_plots.h"

#include "ui/panels/examples_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/panel_export.h"
#include "ui/selection.h"

namespace clipscope {

Attachments stepPlots(const std::shared_ptr<const StepRecord>& record) {
  Attachments files;
  Selection selection;
  const auto draw = [&](Panel& panel) {
    panel.resize(panel.pictureSize());
    panel.setRecord(record);
    appendPlots(files, panel);
  };
  NormsPanel norms(&selection);
  draw(norms);
  LayersPanel layers(&selection);
  draw(layers);
  ExamplesPanel examples(&selection);
  draw(examples);
  return files;
}

}  // namespace clipscope
