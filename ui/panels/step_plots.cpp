// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/step_plots.h"

#include "ui/panels/budget_panel.h"
#include "ui/panels/clip_factors_panel.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/examples_panel.h"
#include "ui/panels/history_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/noise_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/panel_export.h"
#include "ui/panels/privacy_panel.h"
#include "ui/selection.h"
#include "ui/what_if_state.h"

namespace clipscope {

Attachments stepPlots(const StepPlotsInput& input) {
  Attachments files;
  Selection selection;
  WhatIfState whatIf;
  whatIf.setExperiment(input.experiment);
  whatIf.setRecord(input.record);
  whatIf.setGram(input.record->norms, input.gram);
  const auto draw = [&](Panel& panel) {
    panel.resize(panel.pictureSize());
    panel.setRecord(input.record);
    appendPlots(files, panel);
  };
  NormsPanel norms(&selection);
  norms.setWhatIf(&whatIf);
  draw(norms);
  LayersPanel layers(&selection);
  draw(layers);
  ExamplesPanel examples(&selection);
  draw(examples);
  ClipFactorsPanel clipFactors(&selection);
  draw(clipFactors);
  NoisePanel noise(&selection);
  draw(noise);
  ComparePanel compare(&selection, &whatIf);
  draw(compare);
  BudgetPanel budget(&selection, &whatIf);
  draw(budget);
  HistoryPanel history(&selection);
  history.setHistory(input.history);
  draw(history);
  PrivacyPanel privacy(&selection);
  privacy.setHistory(input.history, nullptr);
  privacy.setExperiment(input.experiment);
  draw(privacy);
  return files;
}

}  // namespace clipscope
