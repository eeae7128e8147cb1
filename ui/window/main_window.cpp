// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/main_window.h"

#include <QAbstractEventDispatcher>
#include <QApplication>
#include <QCloseEvent>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QLabel>
#include <QMenuBar>
#include <QMimeData>
#include <QProgressBar>
#include <QPushButton>
#include <QScreen>
#include <QSettings>
#include <QStatusBar>
#include <QToolBar>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "engine/session/individual_privacy.h"
#include "engine/tensor/vector_state.h"
#include "ui/editors/data_panel.h"
#include "ui/editors/editors.h"
#include "ui/editors/groups_editor.h"
#include "ui/panels/branches_panel.h"
#include "ui/panels/breakpoints_panel.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/clip_factors_panel.h"
#include "ui/panels/clip_slider.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/empty_batch.h"
#include "ui/panels/example_panel.h"
#include "ui/panels/examples_panel.h"
#include "ui/panels/geometry_panel.h"
#include "ui/panels/history_panel.h"
#include "ui/panels/lanes_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/lint_panel.h"
#include "ui/panels/microscope_panel.h"
#include "ui/panels/noise_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/planner_panel.h"
#include "ui/panels/privacy_panel.h"
#include "ui/panels/time_panel.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/export_all.h"
#include "ui/window/message_bar.h"
#include "ui/window/panel_docks.h"
#include "ui/window/phase_rail.h"
#include "ui/window/phase_sentence.h"
#include "ui/window/words.h"

namespace clipscope {

namespace {
/// Of the saved layout: a layout of other docks is not taken over.
constexpr int layoutVersion = 5;
}  // namespace

MainWindow::MainWindow(QWidget* parent) : QMainWindow(parent) {
  setAcceptDrops(true);
  setObjectName(QStringLiteral("mainWindow"));
  // What runs between two events may leave them marked: drawing would be slower.
  connect(QAbstractEventDispatcher::instance(), &QAbstractEventDispatcher::awake, this,
          [] { cleanVectorState(); });
  buildPanels();
  buildTop();
  buildStatusBar();
  m_exporter = new ExportAll(&m_controller, m_docks->panels(), this);
  buildMenus();
  connectController();
  m_dock->showExperiment(m_controller.experiment());
  showTitle();
  showState();
  const QSize room = screen()->availableSize();
  resize(std::min(1440, room.width()), std::min(900, room.height()));
  resetLayout();
  QSettings settings;
  restoreGeometry(settings.value(QStringLiteral("window/geometry")).toByteArray());
  restoreState(settings.value(QStringLiteral("window/state")).toByteArray(), layoutVersion);
  qApp->installEventFilter(this);
  // Not on a field, which would take the keys that step.
  m_norms->plot()->setFocus();
}

MainWindow::~MainWindow() = default;

void MainWindow::buildPanels() {
  using Place = PanelDocks::Place;
  Selection* selection = m_controller.selection();
  m_docks = new PanelDocks(this);
  m_dock = new ExperimentDock(this);
  m_docks->setLeft(m_dock);
  m_docks->add(m_norms = new NormsPanel(selection, this), Place::TopLeft);
  m_docks->add(m_examples = new ExamplesPanel(selection, this), Place::TopLeft);
  m_docks->add(m_microscope = new MicroscopePanel(selection, this), Place::TopLeft);
  m_microscope->setHistory(&m_controller.history(), &m_controller.exampleHistory());
  m_docks->add(m_layers = new LayersPanel(selection, this), Place::TopRight);
  m_docks->add(m_privacy = new PrivacyPanel(selection, this), Place::TopRight);
  m_privacy->setHistory(&m_controller.history(), &m_controller.exampleHistory());
  m_docks->add(m_planner = new PlannerPanel(selection, this), Place::TopRight);
  m_docks->add(m_data = new DataPanel(selection, this), Place::Closed);
  WhatIfState* whatIf = m_controller.whatIf();
  m_norms->setWhatIf(whatIf);
  m_dock->slider()->setState(whatIf);
  m_docks->add(m_compare = new ComparePanel(selection, whatIf, this), Place::BottomLeft);
  m_compare->keepColumns();
  m_docks->add(m_clipFactors = new ClipFactorsPanel(selection, this), Place::BottomLeft);
  m_docks->add(m_lanes = new LanesPanel(selection, this), Place::BottomLeft);
  m_lanes->setHistory(&m_controller.history());
  m_docks->add(m_geometry = new GeometryPanel(selection, whatIf, this), Place::BottomLeft);
  m_docks->add(m_noise = new NoisePanel(selection, this), Place::BottomRight);
  m_docks->add(m_example = new ExamplePanel(selection, this), Place::Side);
  m_example->setHistory([this](Index example) {
    std::vector<ExamplePoint> points;
    const ExampleHistory& history = m_controller.exampleHistory();
    const std::vector<std::shared_ptr<const StepDraws>> draws(history.steps().begin(),
                                                              history.steps().end());
    const std::vector<std::shared_ptr<const NormRefresh>> refreshes(history.refreshes().begin(),
                                                                    history.refreshes().end());
    const auto spent = individualEpsilonOver(example, m_controller.history().summaries(), draws,
                                             m_controller.experiment().privacy.delta, refreshes);
    for (const ExampleDraw& draw : history.drawsOf(example)) {
      ExamplePoint point;
      point.step = draw.step;
      point.before = draw.normBefore;
      point.after = draw.normAfter;
      point.factor = draw.factor;
      point.loss = draw.loss;
      const auto at = std::ranges::lower_bound(spent, draw.step, {}, &IndividualPoint::step);
      if (at != spent.end() && at->step == draw.step) {
        point.epsilon = at->estimate;
        point.epsilonBound = at->bound;
      }
      points.push_back(point);
    }
    return std::pair(std::move(points), m_controller.history().steps());
  });
  m_docks->add(m_history = new HistoryPanel(selection, this), Place::Wide);
  m_history->setHistory(&m_controller.history());
  m_docks->add(m_branches = new BranchesPanel(selection, this), Place::Wide);
  m_docks->add(m_breakpoints = new BreakpointsPanel(selection, this), Place::Wide);
  m_docks->add(m_budget = new BudgetPanel(selection, whatIf, this), Place::BottomRight);
  m_docks->add(m_lint = new LintPanel(selection, this), Place::BottomRight);
  m_docks->add(new TimePanel(selection, this), Place::Closed);
}

void MainWindow::buildTop() {
  // Menu, rail and messages are one widget above the docks: a message takes its room from all of
  // them alike.
  auto* top = new QWidget(this);
  auto* column = new QVBoxLayout(top);
  column->setContentsMargins(0, 0, 0, 4);
  column->setSpacing(0);
  m_menuBar = new QMenuBar(top);
  column->addWidget(m_menuBar);
  m_rail = new PhaseRail(top);
  column->addWidget(m_rail);
  auto* messages = new QHBoxLayout;
  messages->setContentsMargins(8, 2, 8, 2);
  m_messages = new MessageBar(top);
  messages->addWidget(m_messages);
  column->addLayout(messages);
  setMenuWidget(top);
  // Docks reach to the window's edge; bars with nothing in them keep the rhythm there.
  for (const Qt::ToolBarArea area :
       {Qt::LeftToolBarArea, Qt::RightToolBarArea, Qt::BottomToolBarArea}) {
    auto* edge = new QToolBar(this);
    edge->setObjectName(QStringLiteral("edge%1").arg(static_cast<int>(area)));
    edge->setMovable(false);
    edge->setFixedSize(area == Qt::BottomToolBarArea ? QSize(QWIDGETSIZE_MAX, 8)
                                                     : QSize(8, QWIDGETSIZE_MAX));
    edge->setStyleSheet(QStringLiteral("QToolBar { border: none; padding: 0; spacing: 0; }"));
    edge->toggleViewAction()->setEnabled(false);
    addToolBar(area, edge);
  }
}

void MainWindow::buildStatusBar() {
  m_sentence = new QLabel(this);
  m_sentence->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_sentence->setContentsMargins(8, 0, 0, 0);
  m_batch = new QLabel(this);
  m_selected = new QLabel(this);
  m_progress = new QProgressBar(this);
  m_progress->setRange(0, 0);
  m_progress->setFixedWidth(90);
  m_progress->setTextVisible(false);
  m_progress->setAccessibleName(tr("Progress"));
  m_cancel = new QPushButton(tr("Cancel"), this);
  connect(m_cancel, &QPushButton::clicked, this, [this] {
    if (m_exporter->isActive())
      m_exporter->cancel();
    else
      m_controller.pause();
  });
  m_saved = new QLabel(this);
  m_saved->setObjectName(QStringLiteral("saved"));
  m_notPrivate = new QLabel(tr("not private"), this);
  m_notPrivate->setObjectName(QStringLiteral("notPrivate"));
  m_notPrivate->setToolTip(
      tr("This window shows exact values of single examples: norms, losses, "
         "indices. No noise covers them, and ε says nothing about them."));
  m_lintButton = new QToolButton(this);
  m_lintButton->setObjectName(QStringLiteral("lint"));
  m_lintButton->setAutoRaise(true);
  m_lintButton->setToolTip(tr("What the checks of this step found"));
  m_lintButton->hide();
  statusBar()->addWidget(m_sentence, 1);
  for (QWidget* widget : std::initializer_list<QWidget*>{
           m_progress, m_cancel, m_lintButton, m_selected, m_batch, m_saved, m_notPrivate})
    statusBar()->addPermanentWidget(widget);
  statusBar()->setSizeGripEnabled(false);
}

void MainWindow::connectController() {
  Controller* c = &m_controller;
  connect(m_rail, &PhaseRail::runClicked, c, &Controller::runOrPause);
  connect(m_rail, &PhaseRail::stepClicked, c, &Controller::step);
  connect(m_rail, &PhaseRail::nextClicked, c, &Controller::nextPhase);
  connect(m_rail, &PhaseRail::resetClicked, c, &Controller::reset);
  connect(m_rail, &PhaseRail::phaseClicked, c, &Controller::toPhase);
  connect(m_rail, &PhaseRail::stepBackClicked, c, &Controller::stepBack);
  connect(m_rail, &PhaseRail::phaseBackClicked, c, &Controller::phaseBack);
  connect(m_rail, &PhaseRail::runToRequested, c, &Controller::runTo);
  connect(m_rail, &PhaseRail::speedChanged, c, &Controller::setSpeed);
  connectRecording();
  connectPrivacy();
  connectInspection();
  connect(m_history, &HistoryPanel::stepRequested, c, &Controller::goToStep);
  connect(m_dock, &ExperimentDock::edited, c, &Controller::edit);
  connect(m_dock, &ExperimentDock::refused, m_messages,
          [this](const QString& reason) { m_messages->show(reason, true); });
  connect(m_dock, &ExperimentDock::openDataRequested, this, &MainWindow::askOpen);
  connect(m_dock, &ExperimentDock::browseDataRequested, this, [this] { m_docks->show(m_data); });
  m_editors = new Editors(c, this);
  connect(m_dock, &ExperimentDock::editModelRequested, m_editors, &Editors::editModel);
  connect(c, &Controller::sessionChanged, this, [this, c] {
    m_dock->showSession(*c->session());
    if (c->session()->data)
      m_data->setData(c->session()->data, c->session()->test);
    else
      m_data->setNoData(c->session()->library ? tr("The data are where the run trains.")
                                              : tr("The data of this recording are not at hand."));
    m_example->setDataset(c->session()->data);
    showTitle();
  });
  connect(c, &Controller::experimentChanged, this, [this, c] {
    m_dock->showExperiment(c->experiment());
    showTitle();
    showChanges();
  });
  connect(m_exporter, &ExportAll::progressed, this, [this](int done, int total) {
    m_progress->setRange(0, total);
    m_progress->setValue(done);
    m_sentence->setText(tr("Exporting: %1 of %2 panels drawn").arg(done).arg(total));
    showState();
  });
  connect(m_exporter, &ExportAll::ended, this, [this] {
    m_progress->setRange(0, 0);
    showState();
  });
  connect(c, &Controller::recordChanged, this, &MainWindow::showRecord);
  connect(c, &Controller::stateChanged, this, &MainWindow::showState);
  connect(c, &Controller::message, m_messages, &MessageBar::show);
  connect(c, &Controller::restartNeeded, this, [this, c](const QString& what) {
    m_messages->ask(
        tr("%1 holds for a whole run. The change needs a restart: the steps done so far "
           "are dropped.")
            .arg(what),
        tr("Restart"), [c] { c->restart(); }, [c] { c->discardPendingEdit(); });
  });
  connect(m_example, &ExamplePanel::lookRequested, c, &Controller::lookAt);
  connect(c, &Controller::exampleViewed, m_example, &ExamplePanel::setView);
  connect(m_dock, &ExperimentDock::groupsRequested, this, &MainWindow::editGroups);
  connect(c->whatIf(), &WhatIfState::tried, this, &MainWindow::showTried);
  connect(c->whatIf(), &WhatIfState::changed, this, &MainWindow::showTried);
  connect(c->selection(), &Selection::changed, this, [this, c] {
    const auto count = c->selection()->examples().size();
    m_selected->setText(count == 0 ? QString() : tr("%1 selected").arg(count));
  });
  for (Panel* panel : m_docks->panels())
    connect(panel, &Panel::message, m_messages, &MessageBar::show);
}

void MainWindow::connectPrivacy() {
  Controller* c = &m_controller;
  connect(c, &Controller::sessionChanged, this, [this, c] {
    const Session& session = *c->session();
    std::vector<Index> trained;
    const Index examples = session.data ? session.data->size() : 0;
    for (Index i = 0; i < examples; ++i)
      if (!std::ranges::binary_search(session.test, i)) trained.push_back(i);
    m_privacy->setData(std::move(trained), examples);
    m_planner->startOver();
  });
  connect(c, &Controller::branchesChanged, this,
          [this, c] { m_privacy->setBranches(c->branches()); });
  // How long another library's run will be is known there: it is planned as far as it has come.
  const auto planned = [c] {
    Experiment experiment = c->experiment();
    if (c->session() && c->session()->library)
      experiment.run.steps = std::max<Index>(1, c->history().steps());
    return experiment;
  };
  connect(c, &Controller::experimentChanged, this, [this, c, planned] {
    m_privacy->setExperiment(planned());
    m_planner->setExperiment(planned());
  });
  m_privacy->setExperiment(c->experiment());
  m_planner->setExperiment(c->experiment());
  // Its steps come after its settings, and go on: anew once it is twice as long.
  connect(c, &Controller::historyChanged, this, [this, c, planned, last = Index{0}]() mutable {
    if (!c->session() || !c->session()->library) return;
    const Index steps = c->history().steps();
    if (steps >= last && steps < 2 * last) return;
    last = std::max<Index>(1, steps);
    m_privacy->setExperiment(planned());
    m_planner->setExperiment(planned());
  });
  connect(m_planner, &PlannerPanel::chosen, this,
          [this, c](double batchSize, qint64 steps, double sigma) {
            Experiment changed = c->experiment();
            changed.sampling.sampleRate = 0;
            changed.sampling.expectedBatchSize = batchSize;
            changed.run.steps = steps;
            changed.noise.noiseMultiplier = sigma;
            c->edit(changed);
          });
}

void MainWindow::showRecord() {
  const auto& record = m_controller.record();
  m_rail->showRecord(*record, m_controller.position());
  for (Panel* panel : m_docks->panels()) panel->setRecord(record);
  m_dock->showRecord(*record);
  showLint();
  m_sentence->setText(phaseSentence(*record));
  m_sentence->setToolTip(m_sentence->text());
  if (record->sample) {
    QString text =
        tr("batch %1 / %2 expected")
            .arg(hasNoTables(*record) && record->drawn() == 0 ? QStringLiteral("–")
                                                              : QString::number(record->drawn()))
            .arg(shortNumber(record->sample->expectedBatchSize, 3));
    if (record->clip && !std::isnan(record->clip->clippedFraction))
      text += (record->clip->strategy == "none" ? tr("  ·  %1 above C") : tr("  ·  %1 clipped"))
                  .arg(percent(record->clip->clippedFraction));
    m_batch->setText(text);
    m_batch->setToolTip(tipOf(batchWords(*record)));
  }
}

void MainWindow::showTried() {
  const auto& record = m_controller.record();
  const WhatIfState* state = m_controller.whatIf();
  if (!record || state->record() != record) return;
  const auto tried = state->triedRecord();
  const QString condition = tr("if C = %1").arg(shortNumber(state->maxGradNorm(), 3));
  for (Panel* panel : std::initializer_list<Panel*>{m_layers, m_examples, m_clipFactors, m_noise}) {
    // Back to what was, or on to what is tried; not again to what is shown already.
    if (tried && (panel != m_noise || tried->noise))
      panel->setRecord(tried, condition);
    else if (panel->record() != record)
      panel->setRecord(record);
  }
}

void MainWindow::showState() {
  const bool ready = m_controller.session() != nullptr && !m_controller.isLoading();
  const RunPosition& position = m_controller.position();
  const bool readOnly = m_controller.isReadOnly();
  m_rail->showState(m_controller.isRunning(), ready,
                    readOnly ? m_controller.session()->readOnlyBecause : QString(), position);
  m_privacy->setRunning(m_controller.isRunning());
  m_microscope->setRunning(m_controller.isRunning());
  for (Panel* panel : std::initializer_list<Panel*>{m_lanes, m_breakpoints}) {
    panel->setEnabled(!readOnly);
    panel->setToolTip(readOnly
                          ? tr("Not available: %1").arg(m_controller.session()->readOnlyBecause)
                          : QString());
  }
  m_dock->setEnabled(!readOnly || (m_controller.session() && m_controller.session()->library));
  m_saveRecordingAction->setEnabled(ready && !readOnly);
  m_runAction->setText(m_controller.isRunning() ? tr("Pause") : tr("Run"));
  for (QAction* action : {m_stepBackAction, m_phaseBackAction})
    action->setEnabled(ready && m_controller.canStepBack());
  m_previousStepAction->setEnabled(ready && position.step > 1);
  m_nextKnownAction->setEnabled(ready && position.step < position.knownSteps);
  const bool slow = m_controller.isLoading() || m_controller.isReplaying();
  const bool working = slow || m_exporter->isActive();
  m_progress->setVisible(working);
  m_cancel->setVisible(working);
  if (m_exporter->isActive()) return;
  if (slow)
    m_sentence->setText(m_controller.isLoading() ? tr("Loading…")
                                                 : tr("Replaying the steps on the way…"));
  else if (m_controller.record())
    m_sentence->setText(phaseSentence(*m_controller.record()));
}

void MainWindow::editGroups() {
  if (!m_controller.record()) return;
  auto* editor = new GroupsEditor(m_controller.experiment().clipping, m_controller.record(), this);
  editor->setAttribute(Qt::WA_DeleteOnClose);
  connect(editor, &GroupsEditor::chosen, this, [this](const ClippingSettings& clipping) {
    Experiment changed = m_controller.experiment();
    changed.clipping = clipping;
    m_controller.edit(changed);
  });
  editor->open();
}

void MainWindow::resetLayout() { m_docks->arrange(size()); }

void MainWindow::closeEvent(QCloseEvent* event) {
  QSettings settings;
  settings.setValue(QStringLiteral("window/geometry"), saveGeometry());
  settings.setValue(QStringLiteral("window/state"), saveState(layoutVersion));
  QMainWindow::closeEvent(event);
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  const auto urls = event->mimeData()->urls();
  if (urls.size() == 1 && urls.front().isLocalFile()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  const QString path = event->mimeData()->urls().front().toLocalFile();
  m_controller.openPath(path);
  rememberRecent(path);
}

}  // namespace clipscope
