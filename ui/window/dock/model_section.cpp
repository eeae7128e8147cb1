// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/model_section.h"

#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QPushButton>

#include "engine/model/presets.h"
#include "ui/plots/number_format.h"

namespace clipscope {

ModelSection::ModelSection(QWidget* parent) : DockSection(tr("Model"), parent) {
  QStringList names, titles;
  for (const ModelPreset& preset : modelPresets()) {
    names << QString::fromStdString(preset.name);
    titles << QString::fromStdString(preset.title);
  }
  m_preset = addCombo(tr("Preset"), tr("The network; a restart"), names, titles,
                      [](Experiment& e, const std::string& name) {
                        e.model.preset = name;
                        e.model.spec = nullptr;
                      });
  m_title = addHint();
  m_layers = new QGridLayout;
  m_layers->setHorizontalSpacing(10);
  m_layers->setVerticalSpacing(2);
  m_layers->setColumnStretch(0, 1);
  addWide(m_layers);
  m_edit = new QPushButton(tr("Edit…"), this);
  m_edit->setAccessibleName(tr("Edit the model"));
  m_edit->setToolTip(tr("Adds, removes and reorders layers"));
  connect(m_edit, &QPushButton::clicked, this, &ModelSection::editModelRequested);
  addWide(m_edit);
}

void ModelSection::display(const Experiment& e) {
  if (e.model.preset.empty() && m_preset->findData(QString()) < 0)
    m_preset->addItem(tr("Own layers"), QString());
  select(m_preset, QString::fromStdString(e.model.preset));
}

void ModelSection::showSession(const Session& session) {
  if (!session.model) return;
  m_title->setText(tr("%1 parameters").arg(grouped(session.model->table().dimension())));
  while (QLayoutItem* item = m_layers->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  int at = 0;
  for (const LayerDescription& layer : session.model->description()) {
    const auto cell = [&](const QString& text, int column) {
      auto* label = new QLabel(text, this);
      if (column > 0) label->setObjectName(QStringLiteral("hint"));
      label->setAlignment(column > 0 ? Qt::AlignRight | Qt::AlignVCenter
                                     : Qt::AlignLeft | Qt::AlignVCenter);
      label->setToolTip(QString::fromStdString(layer.name));
      m_layers->addWidget(label, at, column);
    };
    // Layers of a block stand under it, those beside its branch marked.
    cell(QString(2 * layer.depth, QChar(0x2007)) + (layer.shortcut ? tr("+ ") : QString()) +
             QString::fromStdString(layer.text) + (layer.reuse ? tr(" (again)") : QString()),
         0);
    cell(QString::fromStdString(layer.output.toString()), 1);
    // A block's parameters are its layers', which follow.
    const bool block = layer.kind == "residual";
    cell(layer.parameters > 0 && !block ? grouped(layer.parameters) : QString(), 2);
    ++at;
  }
}

}  // namespace clipscope
