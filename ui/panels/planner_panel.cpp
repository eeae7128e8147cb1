// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/planner_panel.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>
#include <cmath>

#include "engine/formats/number_text.h"
#include "engine/session/planned_spending.h"
#include "ui/panels/epsilon_plot.h"
#include "ui/panels/plan_map.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/window/number_edit.h"

namespace clipscope {

namespace {

constexpr int cells = 15;

bool isSame(const PlanSettings& a, const PlanSettings& b) {
  return a.accountant == b.accountant && a.epsilon == b.epsilon && a.delta == b.delta &&
         a.examples == b.examples && a.maxGradNorm == b.maxGradNorm && a.dimension == b.dimension &&
         a.sampling == b.sampling;
}

}  // namespace

PlannerPanel::PlannerPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Planner"), selection, parent),
      m_movesWork([this](const Moves& moves) { takeMoves(moves); }),
      m_planWork([this](const Plan& plan) {
        m_progress->stop();
        m_working->hide();
        m_map->show(plan.grid, plan.batchSize, plan.steps);
      }) {
  auto* head = new QHBoxLayout;
  head->setSpacing(2);
  auto* group = new QButtonGroup(this);
  const auto button = [&](const QString& text, const QString& tip, PlanMap::Quantity quantity) {
    auto* b = new QToolButton(this);
    b->setText(text);
    b->setToolTip(tip);
    b->setCheckable(true);
    group->addButton(b);
    head->addWidget(b);
    connect(b, &QToolButton::clicked, this, [this, quantity] { m_map->setQuantity(quantity); });
    m_buttons.push_back(b);
  };
  button(tr("σ/B"), tr("Noise of the mean gradient, in units of C: what a weight feels"),
         PlanMap::Quantity::PerExample);
  button(tr("noise"), tr("σC√d/B: the expected norm of the noise on the mean gradient"),
         PlanMap::Quantity::Noise);
  button(tr("σ"), tr("The least noise multiplier that keeps to the budget"),
         PlanMap::Quantity::Sigma);
  m_buttons.front()->setChecked(true);
  head->addSpacing(10);
  head->addWidget(new QLabel(tr("Budget ε"), this));
  m_budget = new NumberEdit({0, 1e6, false, false}, tr("Budget ε of the plan"), this);
  m_budget->setFixedWidth(72);
  m_budget->setToolTip(
      tr("Every point of the map spends this ε. At first, what the planned steps of the "
         "experiment will have spent"));
  head->addWidget(m_budget);
  m_at = new QLabel(this);
  m_at->setObjectName(QStringLiteral("hint"));
  // Gives way first: the dock must not be wider for it.
  m_at->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  head->addSpacing(4);
  head->addWidget(m_at, 1);
  m_working = new QLabel(this);
  m_working->setObjectName(QStringLiteral("hint"));
  m_working->hide();
  head->addWidget(m_working);
  body()->addLayout(head);
  body()->addWidget(m_map = new PlanMap(this), 1);
  m_sentence = new QLabel(this);
  m_sentence->setWordWrap(true);
  m_sentence->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  body()->addWidget(m_sentence);
  auto* foot = new QHBoxLayout;
  m_picked = new QLabel(this);
  m_picked->setObjectName(QStringLiteral("hint"));
  m_picked->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  foot->addWidget(m_picked, 1);
  m_use = new QPushButton(tr("Use this plan"), this);
  m_use->setToolTip(tr("Takes the batch size, the steps and σ over into the experiment"));
  foot->addWidget(m_use);
  body()->addLayout(foot);
  m_progress = new QTimer(this);
  m_progress->setInterval(150);
  connect(m_progress, &QTimer::timeout, this, [this] {
    m_working->setText(tr("working… %1").arg(percent(std::round(100 * m_done->load()) / 100)));
  });
  connect(m_budget, &NumberEdit::edited, this, [this](double value) {
    m_typed = value;
    if (record()) setRecord(record());
  });
  connect(m_map, &PlanMap::pickedChanged, this, &PlannerPanel::showPicked);
  connect(m_use, &QPushButton::clicked, this, [this] {
    if (const auto& point = m_map->picked())
      emit chosen(point->batchSize, point->steps, point->sigma);
  });
  showPicked();
  setEmptyText(tr("Opening…"));
}

void PlannerPanel::setExperiment(const Experiment& experiment) {
  m_experiment = experiment;
  if (record()) setRecord(record());
}

void PlannerPanel::showRecord() {
  if (m_experiment.run.steps <= 0) {
    setEmptyText(tr("The experiment plans no steps (run.steps): there is nothing to weigh."));
    return;
  }
  setEmptyText(QString());
  work();
}

void PlannerPanel::work() {
  const Index examples = record()->info->datasetSize;
  PlanSettings settings = planSettings(m_experiment, examples, record()->info->dimension);
  const double batch = batchSizeOf(m_experiment, examples);
  const std::int64_t steps = m_experiment.run.steps;
  const double sigma = m_experiment.noise.noiseMultiplier;
  settings.epsilon = m_shown ? m_shown->epsilon : 0;
  const bool isSamePlan = m_shown && isSame(*m_shown, settings) && batch == m_shownBatch &&
                          steps == m_shownSteps &&
                          (m_typed ? *m_typed == settings.epsilon : m_shownSigma == sigma);
  if (isSamePlan) return;
  m_shownBatch = batch;
  m_shownSteps = steps;
  m_shownSigma = m_typed ? std::nullopt : std::optional(sigma);
  constexpr double otherwise = 3;  // where the run itself has no ε
  double epsilon = otherwise;
  if (m_typed) {
    epsilon = *m_typed;
  } else if (const double planned = plannedEpsilonOf(m_experiment, examples);
             planned > 0 && std::isfinite(planned)) {
    // Three digits: a budget that one would write down.
    epsilon = std::stod(shortNumber(planned, 3).toStdString());
  }
  settings.epsilon = epsilon;
  m_settings = settings;
  m_shown = settings;
  m_budget->setValue(epsilon);
  m_at->setText(
      tr("at δ %1, %2").arg(shortNumber(settings.delta, 3), accountantLabel(settings.accountant)));
  m_done = std::make_shared<std::atomic<double>>(0.0);
  m_working->setText(tr("working…"));
  m_working->show();
  m_progress->start();
  m_movesWork.restart([settings, batch, steps](const std::stop_token&) {
    Moves moves{planPoint(settings, batch, steps), {}, {}, settings.epsilon};
    if (2 * batch <= settings.examples) moves.doubled = planPoint(settings, 2 * batch, steps);
    if (steps >= 2) moves.halved = planPoint(settings, batch, steps / 2);
    return moves;
  });
  m_planWork.restart([settings, batch, steps, done = m_done](const std::stop_token& stop) {
    return Plan{planGrid(
                    settings, batch, steps, cells, [&](double share) { *done = share; }, stop),
                batch, steps};
  });
}

QString PlannerPanel::sentence() const { return m_sentence->text(); }

void PlannerPanel::takeMoves(const Moves& moves) {
  m_moves = moves;
  setSummary(tr("B %1 · %2 steps · %3")
                 .arg(QString::number(moves.run.batchSize, 'g', 4))
                 .arg(moves.run.steps)
                 .arg(planPointText(moves.run)));
  if (std::isnan(moves.run.sigma)) {
    m_sentence->setText(tr("No σ brings B %1 over %2 steps down to ε %3: ask for more, or choose "
                           "an accountant without such a floor (RDP, PRV).")
                            .arg(QString::number(moves.run.batchSize, 'g', 4))
                            .arg(moves.run.steps)
                            .arg(shortNumber(moves.epsilon, 3)));
    return;
  }
  const auto change = [&](const PlanPoint& other) {
    const double ratio = other.perExample / moves.run.perExample;
    return tr("σ %1 → %2, noise of the mean gradient × %3")
        .arg(shortNumber(moves.run.sigma, 3), shortNumber(other.sigma, 3), shortNumber(ratio, 3));
  };
  QStringList parts;
  if (moves.doubled)
    parts << tr("At ε %1, doubling B to %2: %3.")
                 .arg(shortNumber(moves.epsilon, 3),
                      QString::number(moves.doubled->batchSize, 'g', 4), change(*moves.doubled));
  else
    parts << tr("B cannot be doubled: there are %1 examples.")
                 .arg(grouped(record()->info->datasetSize));
  if (moves.halved)
    parts << tr("Halving the steps to %1: %2.").arg(moves.halved->steps).arg(change(*moves.halved));
  m_sentence->setText(parts.join(QLatin1Char(' ')));
}

void PlannerPanel::showPicked() {
  const auto& point = m_map->picked();
  m_use->setVisible(point && std::isfinite(point->sigma));
  m_picked->setText(point ? tr("Picked: B %1, %2 steps · %3")
                                .arg(QString::number(point->batchSize, 'g', 4))
                                .arg(point->steps)
                                .arg(planPointText(*point))
                          : tr("✶ this run · click a point to pick it"));
}

void PlannerPanel::finishWork() {
  m_movesWork.finishNow();
  m_planWork.finishNow();
}

void PlannerPanel::addActions(QMenu& menu) {
  for (QToolButton* button : m_buttons)
    menu.addAction(tr("Show %1").arg(button->text()), button, &QToolButton::click);
  menu.addAction(tr("Fit (Home)"), m_map->plot(), &Plot::fit);
  QAction* planned = menu.addAction(tr("Budget of the planned steps"), this, [this] {
    m_typed.reset();
    m_shown.reset();
    if (record()) setRecord(record());
  });
  planned->setEnabled(m_typed.has_value());
}

QString PlannerPanel::csv() const {
  std::string text(
      "epsilon,delta,batch_size,sample_rate,steps,noise_multiplier,noise_norm,"
      "noise_multiplier_per_example\n");
  for (const PlanPoint& point : m_map->grid().points) {
    appendNumber(text, m_settings.epsilon);
    text += ',';
    appendNumber(text, m_settings.delta);
    text += ',';
    appendNumber(text, point.batchSize);
    text += ',';
    appendNumber(text, point.sampleRate);
    text += ',' + std::to_string(point.steps);
    for (const double value : {point.sigma, point.noise, point.perExample}) {
      text += ',';
      if (!std::isnan(value)) appendNumber(text, value);
    }
    text += '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
