// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/experiment_dock.h"

#include <QAbstractButton>
#include <QButtonGroup>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "engine/training/experiment_fit.h"
#include "ui/panels/panel_header.h"
#include "ui/window/dock/adaptive_section.h"
#include "ui/window/dock/clipping_section.h"
#include "ui/window/dock/data_section.h"
#include "ui/window/dock/library_section.h"
#include "ui/window/dock/model_section.h"
#include "ui/window/dock/noise_section.h"
#include "ui/window/dock/optimizer_section.h"
#include "ui/window/dock/privacy_section.h"
#include "ui/window/dock/run_section.h"
#include "ui/window/dock/sampling_section.h"

namespace clipscope {

ExperimentDock::ExperimentDock(QWidget* parent) : QDockWidget(tr("Experiment"), parent) {
  setObjectName(QStringLiteral("experimentDock"));
  setFeatures(QDockWidget::DockWidgetMovable | QDockWidget::DockWidgetFloatable |
              QDockWidget::DockWidgetClosable);
  auto* card = new QWidget(this);
  card->setObjectName(QStringLiteral("card"));
  card->setProperty("docked", true);
  card->setAttribute(Qt::WA_StyledBackground);
  auto* cardLayout = new QVBoxLayout(card);
  cardLayout->setContentsMargins(1, 2, 1, 6);
  auto* scroll = m_scroll = new QScrollArea(card);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  auto* content = new QWidget;
  auto* body = new QVBoxLayout(content);
  body->setContentsMargins(11, 0, 11, 4);
  body->setSpacing(0);
  m_data = new DataSection(content);
  connect(m_data, &DataSection::openDataRequested, this, &ExperimentDock::openDataRequested);
  connect(m_data, &DataSection::browseDataRequested, this, &ExperimentDock::browseDataRequested);
  m_model = new ModelSection(content);
  connect(m_model, &ModelSection::editModelRequested, this, &ExperimentDock::editModelRequested);
  m_clipping = new ClippingSection(content);
  connect(m_clipping, &ClippingSection::groupsRequested, this, &ExperimentDock::groupsRequested);
  auto* noise = new NoiseSection(content);
  auto* privacy = new PrivacySection(content);
  connect(noise, &NoiseSection::noiseMultiplierTyped, privacy, &PrivacySection::tryNoiseMultiplier);
  connect(privacy, &PrivacySection::noiseMultiplierFound, noise, &NoiseSection::preview);
  m_sections = {m_data,
                m_model,
                m_clipping,
                new AdaptiveSection(content),
                noise,
                new SamplingSection(content),
                new OptimizerSection(content),
                privacy,
                new RunSection(content)};
  for (DockSection* section : m_sections) {
    body->addWidget(section);
    section->setFits([this](const Experiment& experiment) { checkFit(experiment); });
    connect(section, &DockSection::edited, this, &ExperimentDock::edited);
    connect(section, &DockSection::refused, this, &ExperimentDock::refused);
  }
  body->addStretch(1);
  scroll->setWidget(content);
  m_library = new LibrarySection;
  auto* libraryScroll = new QScrollArea(card);
  libraryScroll->setWidgetResizable(true);
  libraryScroll->setFrameShape(QFrame::NoFrame);
  libraryScroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  // Its wrapped lines have a height for a width, which must not depend on the height.
  libraryScroll->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
  libraryScroll->setWidget(m_library);
  m_pages = new QStackedWidget(card);
  m_pages->addWidget(scroll);
  m_pages->addWidget(libraryScroll);
  cardLayout->addWidget(m_pages, 1);
  setWidget(card);
  auto* header = new PanelHeader(windowTitle(), this);
  header->setDocked(true);
  setTitleBarWidget(header);
  connect(header, &PanelHeader::menuRequested, this, [this](const QPoint& at) {
    QMenu menu(this);
    menu.addAction(isFloating() ? tr("Back into the window") : tr("Float"), this,
                   [this] { setFloating(!isFloating()); });
    menu.addAction(tr("Close"), this, &QDockWidget::close);
    menu.exec(at);
  });
  setMinimumWidth(306);
}

void ExperimentDock::checkFit(const Experiment& experiment) const {
  // What needs a restart is for another model or other data to judge.
  if (m_session && m_session->model && !needsRestart(m_session->experiment, experiment))
    checkFits(experiment, *m_session->model, m_session->trainExamples);
}

void ExperimentDock::showExperiment(const Experiment& experiment) {
  for (DockSection* section : m_sections) section->showExperiment(experiment);
}

void ExperimentDock::showSession(const Session& session) {
  m_session = session;
  m_pages->setCurrentIndex(session.library ? 1 : 0);
  for (DockSection* section : m_sections) section->showSession(session);
}

void ExperimentDock::showRecord(const StepRecord& record) {
  if (record.info->library) m_library->showRecord(record);
}

bool ExperimentDock::focusSetting(const QString& path) {
  // By the names that the fields have for a screen reader.
  const std::pair<const char*, QString> names[] = {
      {"sampling.scheme", SamplingSection::tr("Batches")},
      {"sampling.expected_batch_size", SamplingSection::tr("Expected batch B")},
      {"noise.allocation", NoiseSection::tr("Allocation")},
      {"noise.noise_multiplier", NoiseSection::tr("Multiplier σ")},
      {"clipping.strategy", ClippingSection::tr("Strategy")},
      {"clipping.max_grad_norm", ClippingSection::tr("Clipping norm C")},
      {"clipping.adaptive.count_std", AdaptiveSection::tr("Count noise σ_b")},
      {"clipping.adaptive.denominator", AdaptiveSection::tr("Count over")},
      {"clipping.adaptive.min_threshold", AdaptiveSection::tr("Least C")},
      {"privacy.delta", PrivacySection::tr("δ")},
      {"privacy.accountant", PrivacySection::tr("Accountant")},
      {"optimizer.learning_rate", OptimizerSection::tr("Learning rate η")}};
  QWidget* field = nullptr;
  if (path == QStringLiteral("model")) field = editModelButton();
  if (path == QStringLiteral("clipping.grouping")) field = grouping()->buttons().front();
  for (const auto& [setting, name] : names) {
    if (path != QString::fromLatin1(setting)) continue;
    for (QWidget* one : m_scroll->widget()->findChildren<QWidget*>())
      if (one->accessibleName() == name && one->focusPolicy() != Qt::NoFocus) field = one;
  }
  // An adaptive threshold's fields are there only while it adapts.
  if (!field || field->isHidden()) return false;
  m_scroll->ensureWidgetVisible(field, 20, 60);
  field->setFocus(Qt::ShortcutFocusReason);
  return true;
}

ClipSlider* ExperimentDock::slider() const { return m_clipping->slider(); }
QPushButton* ExperimentDock::browseButton() const { return m_data->browseButton(); }
QPushButton* ExperimentDock::editModelButton() const { return m_model->editButton(); }
QLabel* ExperimentDock::classLine() const { return m_data->classLine(); }
NumberEdit* ExperimentDock::maxGradNorm() const { return m_clipping->maxGradNorm(); }
QButtonGroup* ExperimentDock::grouping() const { return m_clipping->grouping(); }
QComboBox* ExperimentDock::strategy() const { return m_clipping->strategy(); }

}  // namespace clipscope
