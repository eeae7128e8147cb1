// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/data_section.h"

#include <QComboBox>
#include <QLabel>
#include <QPushButton>

#include "ui/plots/number_format.h"

namespace clipscope {

DataSection::DataSection(QWidget* parent) : DockSection(tr("Data"), parent) {
  m_source = new QLabel(this);
  m_source->setTextInteractionFlags(Qt::TextSelectableByMouse);
  m_source->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  addRow(tr("Source"), m_source, tr("Open another with File ▸ Open, or drop a file on the window"));
  m_counts = new QLabel(this);
  addRow(tr("Train / test"), m_counts, tr("Examples trained on, and held out"));
  m_testShare =
      addNumber(tr("Test share"), tr("Share of the examples that is held out; a restart"),
                {0, 0.9, true, false}, [](Experiment& e, double v) { e.data.testShare = v; });
  m_normalise = addCombo(
      tr("Normalise"),
      tr("How the values are scaled; a restart. Standardising uses the data's own mean and "
         "std, which is not private."),
      {QStringLiteral("default"), QStringLiteral("none"), QStringLiteral("standardise"),
       QStringLiteral("constants")},
      {tr("Public"), tr("As they are"), tr("Standardise"), tr("From the file")},
      [](Experiment& e, const std::string& name) {
        e.data.normalisation = parseNormalisationRule(name, "data.normalisation");
      });
  auto* open = new QPushButton(tr("Open data…"), this);
  connect(open, &QPushButton::clicked, this, &DataSection::openDataRequested);
  addWide(open);
  m_privateNote = addHint(tr("Standardised with the data's own mean and std: private."));
  m_privateNote->hide();
}

void DataSection::display(const Experiment& e) {
  m_testShare->setValue(e.data.testShare);
  select(m_normalise, fromView(normalisationRuleName(e.data.normalisation)));
}

void DataSection::showSession(const Session& session) {
  m_source->setText(QString::fromStdString(session.data->name()));
  m_source->setToolTip(QString::fromStdString(session.data->source()));
  m_counts->setText(
      tr("%1 / %2").arg(grouped(session.trainExamples), grouped(session.testExamples)));
  m_privateNote->setVisible(session.data->normalisation().computedFromData);
}

}  // namespace clipscope
