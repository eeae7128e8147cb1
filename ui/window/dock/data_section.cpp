// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/data_section.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <algorithm>

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
  m_classes = addHint();
  m_classes->setToolTip(tr("Of the smallest and of the largest class, training and test together"));
  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(6);
  auto* open = new QPushButton(tr("Open data…"), this);
  open->setToolTip(tr("Another data set: IDX, CSV, or a folder with MNIST"));
  connect(open, &QPushButton::clicked, this, &DataSection::openDataRequested);
  m_browse = new QPushButton(tr("Browse…"), this);
  m_browse->setToolTip(tr("Shows the examples with their labels"));
  connect(m_browse, &QPushButton::clicked, this, &DataSection::browseDataRequested);
  buttons->addWidget(open, 1);
  buttons->addWidget(m_browse, 1);
  addWide(buttons);
  m_privateNote = addHint(tr("Standardised with the data's own mean and std: private."));
  m_privateNote->hide();
}

void DataSection::display(const Experiment& e) {
  m_testShare->setValue(e.data.testShare);
  select(m_normalise, fromView(normalisationRuleName(e.data.normalisation)));
}

void DataSection::showClasses(const Dataset& data) {
  if (!data.isClassification()) {
    m_classes->setText(tr("%1 target(s) an example").arg(data.outputs()));
    return;
  }
  std::vector<Index> counts(static_cast<std::size_t>(data.outputs()), 0);
  for (Index i = 0; i < data.size(); ++i) ++counts[static_cast<std::size_t>(data.label(i))];
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  m_classes->setText(
      tr("%1 classes, %2 to %3 each").arg(counts.size()).arg(grouped(*least), grouped(*most)));
}

void DataSection::showSession(const Session& session) {
  m_counts->setText(
      tr("%1 / %2").arg(grouped(session.trainExamples), grouped(session.testExamples)));
  if (!session.data) {
    m_source->setText(tr("not at hand"));
    return;
  }
  showClasses(*session.data);
  m_source->setText(QString::fromStdString(session.data->name()));
  m_source->setToolTip(QString::fromStdString(session.data->source()));
  m_privateNote->setVisible(session.data->normalisation().computedFromData);
}

}  // namespace clipscope
