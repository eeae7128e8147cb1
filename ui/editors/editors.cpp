// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/editors.h"

#include "engine/model/presets.h"
#include "ui/editors/model_editor.h"
#include "ui/window/controller.h"

namespace clipscope {

using nlohmann::json;

Editors::Editors(Controller* controller, QWidget* window)
    : QObject(window), m_controller(controller), m_window(window) {
  connect(controller, &Controller::sessionChanged, this, [this] {
    if (m_modelEditor && m_controller->session()->data) showData();
  });
}

void Editors::showData() {
  const Dataset& data = *m_controller->session()->data;
  m_modelEditor->setData(data.shape(), {data.isClassification(), data.outputs()});
}

void Editors::editModel() {
  if (!m_controller->session() || m_controller->isReadOnly()) return;
  if (!m_modelEditor) {
    m_modelEditor = new ModelEditor(m_window);
    connect(m_modelEditor, &ModelEditor::specAccepted, this, &Editors::takeModel);
  }
  if (!m_modelEditor->isVisible()) {
    showData();
    m_modelEditor->setSpec(m_controller->session()->model->spec());
  }
  m_modelEditor->show();
  m_modelEditor->raise();
  m_modelEditor->activateWindow();
}

void Editors::takeModel(const json& spec) {
  if (spec == m_controller->session()->model->spec()) return;
  const Dataset& data = *m_controller->session()->data;
  Experiment experiment = m_controller->experiment();
  experiment.model.preset.clear();
  experiment.model.spec = spec;
  // What is still a preset is called by its name.
  for (const ModelPreset& preset : modelPresets()) {
    if (preset.images && !data.isImage()) continue;
    if (presetSpec(preset.name, data.shape(), data.outputs(), !data.isClassification()) != spec)
      continue;
    experiment.model.preset = preset.name;
    experiment.model.spec = nullptr;
  }
  m_controller->edit(experiment);
}

}  // namespace clipscope
