// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/privacy_panel.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QStackedWidget>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>
#include <cmath>

#include "engine/formats/number_text.h"
#include "engine/interchange/csv_rows.h"
#include "engine/session/planned_spending.h"
#include "ui/panels/epsilon_plot.h"
#include "ui/panels/individual_plot.h"
#include "ui/panels/ledger_table.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"

namespace clipscope {

PrivacyPanel::PrivacyPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Privacy"), selection, parent),
      m_branches(std::make_shared<const std::vector<BranchLine>>()),
      m_stepsWork([this](const EpsilonOverSteps& curves) {
        m_known = std::make_shared<const EpsilonOverSteps>(curves);
        m_overSteps->show(curves, m_spent.steps());
        showSummary();
      }),
      m_deltaWork([this](const EpsilonOverDelta& curves) {
        m_overDelta->show(curves, delta());
        showSummary();
      }),
      m_examplesWork([this](const IndividualPrivacy& privacy) {
        m_individual->show(privacy, m_trained);
        showSummary();
      }) {
  auto* head = new QHBoxLayout;
  head->setSpacing(2);
  auto* group = new QButtonGroup(this);
  const auto button = [&](const QString& text, const QString& tip) {
    auto* b = new QToolButton(this);
    b->setText(text);
    b->setToolTip(tip);
    b->setCheckable(true);
    const int number = static_cast<int>(m_buttons.size());
    group->addButton(b);
    head->addWidget(b);
    connect(b, &QToolButton::clicked, this, [this, number] { setView(static_cast<View>(number)); });
    m_buttons.push_back(b);
  };
  button(tr("ε over steps"), tr("What the steps so far cost, by accountant, and the planned ones"));
  button(tr("ε over δ"), tr("The whole privacy curve of the steps so far"));
  button(tr("examples"), tr("ε of single examples, by what their gradients used"));
  button(tr("ledger"), tr("Every branch is a use of the data"));
  m_buttons.front()->setChecked(true);
  head->addStretch(1);
  m_working = new QLabel(tr("working…"), this);
  m_working->setObjectName(QStringLiteral("hint"));
  m_working->hide();
  head->addWidget(m_working);
  body()->addLayout(head);
  m_views = new QStackedWidget(this);
  m_views->addWidget(m_overSteps = new EpsilonPlot(EpsilonPlot::Axis::Steps, this));
  m_views->addWidget(m_overDelta = new EpsilonPlot(EpsilonPlot::Axis::Delta, this));
  m_views->addWidget(m_individual = new IndividualPlot(selection, this));
  m_views->addWidget(m_ledger = new LedgerTable(this));
  body()->addWidget(m_views, 1);
  m_later = new QTimer(this);
  m_later->setSingleShot(true);
  connect(m_later, &QTimer::timeout, this, &PrivacyPanel::work);
  setEmptyText(tr("Opening…"));
}

void PrivacyPanel::setHistory(const RunHistory* history, const ExampleHistory* draws) {
  m_history = history;
  m_draws = draws;
}

void PrivacyPanel::setBranches(std::shared_ptr<const std::vector<BranchLine>> branches) {
  m_branches = std::move(branches);
}

void PrivacyPanel::lanesChanged() {
  if (view() == View::Ledger && record()) setRecord(record());
}

void PrivacyPanel::setData(std::vector<Index> trained, Index examples) {
  m_trained = std::move(trained);
  m_examples = examples;
}

void PrivacyPanel::setExperiment(const Experiment& experiment) {
  if (m_experiment.privacy.delta != experiment.privacy.delta) m_known.reset();
  m_experiment = experiment;
  if (record()) setRecord(record());
}

void PrivacyPanel::setRunning(bool running) {
  const bool hasPaused = m_running && !running;
  m_running = running;
  if (hasPaused && record()) setRecord(record());
}

void PrivacyPanel::setView(View view) {
  m_buttons[static_cast<std::size_t>(view)]->setChecked(true);
  m_views->setCurrentIndex(static_cast<int>(view));
  if (record()) setRecord(record());
}

PrivacyPanel::View PrivacyPanel::view() const { return static_cast<View>(m_views->currentIndex()); }

void PrivacyPanel::takeHistory() {
  const Index known = m_history->steps();
  if (m_revision != m_history->revision() || known < m_spent.steps()) {
    m_revision = m_history->revision();
    m_spent.clear();
    m_known.reset();
  }
  for (Index step = m_spent.steps() + 1; step <= known; ++step) m_spent.append(m_history->at(step));
}

void PrivacyPanel::showRecord() {
  if (!m_history) return;
  takeHistory();
  if (m_spent.steps() == 0) {
    setEmptyText(tr("Finish a step (N) to see what it cost."));
    setSummary(QString());
    return;
  }
  if (m_history->newest()->epsilon == INFINITY) {
    setEmptyText(tr("Without noise, or without clipping, ε is ∞: there is no curve to draw."));
    setSummary(QString());
    return;
  }
  setEmptyText(QString());
  showSummary();
  if (m_running && m_ended.isValid()) {
    const qint64 left = 8 * m_took + 400 - m_ended.elapsed();
    if (left > 0) {
      if (!m_later->isActive()) m_later->start(static_cast<int>(left));
      return;
    }
  }
  m_later->stop();
  work();
}

void PrivacyPanel::work() {
  if (!m_history || m_spent.steps() == 0) return;
  const bool isBusy =
      m_stepsWork.isRunning() || m_deltaWork.isRunning() || m_examplesWork.isRunning();
  if (!isBusy) m_started.start();
  switch (view()) {
    case View::Steps:
      workOverSteps();
      break;
    case View::Delta:
      workOverDelta();
      break;
    case View::Examples:
      workOnExamples();
      break;
    case View::Ledger: {
      std::vector<BranchLine> uses = *m_branches;
      if (m_laneUses)
        for (BranchLine& lane : m_laneUses()) uses.push_back(std::move(lane));
      m_ledger->show(privacyLedger(uses, *m_history, m_experiment.privacy.accountant, delta()));
      break;
    }
  }
  showSummary();
}

void PrivacyPanel::workOverSteps() {
  // What the next steps are charged, on to the planned end.
  std::optional<std::pair<Index, AccountedSteps>> planned;
  Experiment rest = m_experiment;
  rest.run.steps -= m_spent.steps();
  if (rest.run.steps > 0 && !m_trained.empty()) {
    const auto entries = plannedHistory(rest, static_cast<Index>(m_trained.size()));
    if (entries.size() == 1) planned.emplace(m_experiment.run.steps, entries.front());
  }
  m_stepsWork.start(
      [spent = m_spent, delta = delta(), planned, known = m_known](const std::stop_token& stop) {
        return epsilonOverSteps(spent, delta, planned, stop, known.get());
      });
}

void PrivacyPanel::workOverDelta() {
  m_deltaWork.start([history = m_spent.now().entries()](const std::stop_token& stop) {
    return epsilonOverDelta(history, stop);
  });
}

void PrivacyPanel::workOnExamples() {
  if (m_examples == 0 || !m_draws) return;
  std::vector<std::shared_ptr<const StepDraws>> draws(m_draws->steps().begin(),
                                                      m_draws->steps().end());
  std::vector<std::shared_ptr<const NormRefresh>> refreshes(m_draws->refreshes().begin(),
                                                            m_draws->refreshes().end());
  m_examplesWork.start([summaries = m_history->summaries(), draws = std::move(draws),
                        refreshes = std::move(refreshes), examples = m_examples,
                        delta = delta()](const std::stop_token& stop) {
    return individualPrivacy(summaries, draws, examples, delta, stop, refreshes);
  });
}

void PrivacyPanel::showSummary() {
  const bool isBusy =
      m_stepsWork.isRunning() || m_deltaWork.isRunning() || m_examplesWork.isRunning();
  if (!isBusy && m_started.isValid()) {
    m_took = m_started.elapsed();
    m_ended.start();
  }
  m_working->setVisible(isBusy);
  const StepSummary* newest = m_history ? m_history->newest() : nullptr;
  if (!newest) return;
  QString text =
      (newest->epsilonIsBound ? tr("ε %1 at δ %2") : tr("ε ≈ %1 (approximation) at δ %2"))
          .arg(shortNumber(newest->epsilon, 3), shortNumber(delta(), 3));
  const bool isLibrary = record() && record()->info->library;
  if (!m_experiment.run.secureMode && !isLibrary) text = tr("simulated %1").arg(text);
  if (!std::isnan(newest->epsilonNotValid))
    text = isLibrary ? tr("ε not valid: see Lint") : tr("ε not valid: private denominator");
  switch (view()) {
    case View::Steps: {
      const auto& curves = m_overSteps->curves();
      if (!m_known || curves.empty() || m_known->done == 0) break;
      const std::size_t last = m_known->done - 1;
      for (const EpsilonCurve& curve : m_known->curves)
        if (!curve.lower.empty())
          text += tr(" · true ε in %1 … %2")
                      .arg(shortNumber(curve.lower[last], 3), shortNumber(curve.epsilon[last], 3));
      if (m_known->steps.size() > m_known->done)
        for (const EpsilonCurve& curve : m_known->curves)
          if (curve.accountant == m_experiment.privacy.accountant)
            text += tr(" · at step %1: %2")
                        .arg(m_known->steps.back())
                        .arg(shortNumber(curve.epsilon.back(), 3));
      break;
    }
    case View::Examples: {
      const IndividualPrivacy& p = m_individual->privacy();
      if (p.steps == 0) break;
      text = (p.isExact() ? tr("median %1 (exact) · an example that uses all of C: %2")
                          : tr("median %1 (estimate) · an example that uses all of C: %2"))
                 .arg(shortNumber(m_individual->medianEstimate(), 3), shortNumber(p.worst, 3));
      if (p.refreshes > 0 && !p.isExact())
        text += tr(" · all norms refreshed at %1 steps").arg(p.refreshes);
      if (p.knownSteps < p.steps)
        text += tr(" · norms of the last %1 of %2 steps").arg(p.knownSteps).arg(p.steps);
      break;
    }
    case View::Delta:
    case View::Ledger:
      break;
  }
  setSummary(text);
}

void PrivacyPanel::showSelection() { m_individual->showSelection(); }

void PrivacyPanel::finishWork() {
  if (m_later->isActive()) {
    m_later->stop();
    work();
  }
  m_stepsWork.finishNow();
  m_deltaWork.finishNow();
  m_examplesWork.finishNow();
}

void PrivacyPanel::addActions(QMenu& menu) {
  for (std::size_t k = 0; k < m_buttons.size(); ++k) {
    QAction* action =
        menu.addAction(m_buttons[k]->text(), this, [this, k] { setView(static_cast<View>(k)); });
    action->setCheckable(true);
    action->setChecked(view() == static_cast<View>(k));
  }
  menu.addSeparator();
  if (view() != View::Ledger)
    menu.addAction(tr("Fit (Home)"), this, [this] {
      if (auto* plot = m_views->currentWidget()->findChild<Plot*>()) plot->fit();
    });
}

namespace {

/// One line a point, one or two columns an accountant.
QString curvesCsv(const char* axis, const std::vector<double>& positions,
                  const std::vector<EpsilonCurve>& curves) {
  std::string text(axis);
  for (const EpsilonCurve& curve : curves) {
    text += ",epsilon_" + curve.accountant;
    if (!curve.lower.empty()) text += ",epsilon_" + curve.accountant + "_at_least";
  }
  text += '\n';
  for (std::size_t k = 0; k < positions.size(); ++k) {
    appendNumber(text, positions[k]);
    for (const EpsilonCurve& curve : curves) {
      text += ',';
      appendNumber(text, curve.epsilon[k]);
      if (curve.lower.empty()) continue;
      text += ',';
      appendNumber(text, curve.lower[k]);
    }
    text += '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace

QString PrivacyPanel::csv() const {
  switch (view()) {
    case View::Steps: {
      std::vector<double> steps;
      if (m_known)
        for (const Index step : m_known->steps) steps.push_back(static_cast<double>(step));
      return curvesCsv("step", steps, m_overSteps->curves());
    }
    case View::Delta:
      return curvesCsv("delta", m_overDelta->deltas(), m_overDelta->curves());
    case View::Examples: {
      std::string text("example,draws,epsilon_estimate,epsilon_bound\n");
      const IndividualPrivacy& p = m_individual->privacy();
      for (const Index example : m_individual->examples()) {
        const auto i = static_cast<std::size_t>(example);
        text += std::to_string(example) + ',' + std::to_string(p.draws[i]) + ',';
        appendNumber(text, p.estimate[i]);
        text += ',';
        appendNumber(text, p.bound[i]);
        text += '\n';
      }
      return QString::fromStdString(text);
    }
    case View::Ledger:
      break;
  }
  std::string text("branch,name,steps,steps_with_shared_noise,epsilon\n");
  for (const LedgerEntry& entry : m_ledger->ledger().entries) {
    text += std::to_string(entry.branch) + ',';
    appendText(text, entry.name);
    text += ',' + std::to_string(entry.steps) + ',' + std::to_string(entry.shared) + ',';
    appendNumber(text, entry.epsilon);
    text += '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
