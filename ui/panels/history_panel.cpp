// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/history_panel.h"

#include <QGridLayout>
#include <QMenu>
#include <QSettings>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "engine/interchange/csv_rows.h"
#include "ui/panels/history_plot.h"
#include "ui/plots/number_format.h"
#include "ui/selection.h"

namespace clipscope {

namespace {
constexpr int smallestWidth = 190, smallestHeight = 90;
}

HistoryPanel::HistoryPanel(Selection* selection, QWidget* parent)
    : Panel(tr("History"), selection, parent) {
  m_grid = new QGridLayout;
  m_grid->setContentsMargins(0, 0, 0, 0);
  m_grid->setHorizontalSpacing(8);
  m_grid->setVerticalSpacing(4);
  body()->addLayout(m_grid, 1);
  const QSettings settings;
  QStringList chosen = settings.value(QStringLiteral("history/shown")).toStringList();
  const QStringList logarithmic = settings.value(QStringLiteral("history/log")).toStringList();
  const bool remembered = settings.contains(QStringLiteral("history/shown"));
  for (const HistoryChart& chart : historyCharts()) {
    auto* plot = new HistoryPlot(chart, this);
    plot->setMinimumSize(120, 60);
    plot->hide();
    if (remembered) plot->setLogarithmic(logarithmic.contains(chart.id));
    plot->setFit([this] {
      m_followSteps = true;
      for (HistoryPlot* other : m_plots) other->followValues();
      fitSteps();
    });
    connect(plot, &HistoryPlot::stepRequested, this, &HistoryPanel::request);
    connect(plot, &HistoryPlot::stepsChanged, this, [this, plot](double from, double to) {
      m_followSteps = false;
      showSteps(from, to, plot);
    });
    connect(plot, &Plot::rectangleSelected, this, [this](const QRectF& rectangle) {
      const auto first = static_cast<Index>(std::ceil(rectangle.left()));
      const auto last = static_cast<Index>(std::floor(rectangle.right()));
      if (first <= last && m_history && m_history->steps() > 0)
        this->selection()->selectSteps(first, std::min(last, m_history->steps()));
    });
    connect(plot, &HistoryPlot::spanChosen, this->selection(), &Selection::selectSteps);
    connect(plot, &HistoryPlot::scrubbing, this, [this](bool on) { m_scrubbing = on; });
    m_plots.push_back(plot);
    m_shown.push_back(remembered ? chosen.contains(chart.id) : chart.shownAtFirst);
  }
  layOut();
  setEmptyText(tr("Opening…"));
}

void HistoryPanel::showSelection() {
  for (HistoryPlot* plot : m_plots) plot->setSpan(selection()->steps());
}

void HistoryPanel::setHistory(const RunHistory* history) {
  m_history = history;
  for (HistoryPlot* plot : m_plots) plot->setHistory(history);
}

void HistoryPanel::setBranches(std::shared_ptr<const std::vector<BranchLine>> branches,
                               int active) {
  for (HistoryPlot* plot : m_plots) plot->setBranches(branches, active);
}

QStringList HistoryPanel::shown() const {
  QStringList ids;
  for (std::size_t k = 0; k < m_plots.size(); ++k)
    if (m_shown[k]) ids.append(m_plots[k]->chart().id);
  return ids;
}

HistoryPlot* HistoryPanel::plot(const QString& id) const {
  for (HistoryPlot* plot : m_plots)
    if (plot->chart().id == id) return plot;
  return nullptr;
}

void HistoryPanel::setShown(const QString& id, bool shown) {
  for (std::size_t k = 0; k < m_plots.size(); ++k)
    if (m_plots[k]->chart().id == id) m_shown[k] = shown;
  layOut();
  if (record() && isVisible()) showRecord();
  remember();
}

void HistoryPanel::remember() const {
  QStringList logarithmic;
  for (const HistoryPlot* plot : m_plots)
    if (plot->isLogarithmic()) logarithmic.append(plot->chart().id);
  QSettings settings;
  settings.setValue(QStringLiteral("history/shown"), shown());
  settings.setValue(QStringLiteral("history/log"), logarithmic);
}

void HistoryPanel::layOut() {
  std::vector<HistoryPlot*> visible;
  for (std::size_t k = 0; k < m_plots.size(); ++k) {
    // Shown below, when the grid has given it its parent.
    if (!m_shown[k]) m_plots[k]->hide();
    if (m_shown[k]) visible.push_back(m_plots[k]);
  }
  if (visible.empty()) {
    m_arrangement.clear();
    return;
  }
  // As many beside each other as stay wide enough, in rows of equal length, unless the rows would
  // become flat.
  const auto count = static_cast<int>(visible.size());
  const int widest = std::clamp((width() - 24) / smallestWidth, 1, count);
  int rows = (count + widest - 1) / widest;
  const int room = std::max(1, (height() - 30) / smallestHeight);
  rows = std::clamp(rows, 1, std::max(room, 1));
  const int columns = (count + rows - 1) / rows;
  if (visible == m_arrangement && columns == m_columns) return;
  m_arrangement = visible;
  m_columns = columns;
  m_arranged = true;
  for (HistoryPlot* plot : m_plots) m_grid->removeWidget(plot);
  for (int k = 0; k < count; ++k) {
    HistoryPlot* plot = visible[static_cast<std::size_t>(k)];
    m_grid->addWidget(plot, k / columns, k % columns);
    plot->show();
  }
  for (int column = 0; column < m_grid->columnCount(); ++column)
    m_grid->setColumnStretch(column, column < columns ? 1 : 0);
  for (int row = 0; row < m_grid->rowCount(); ++row) m_grid->setRowStretch(row, row < rows ? 1 : 0);
}

void HistoryPanel::resizeEvent(QResizeEvent* event) {
  Panel::resizeEvent(event);
  layOut();
}

void HistoryPanel::request(Index step) {
  if (!m_history || step < 1 || step > m_history->steps()) return;
  // The cursor is under the hand that drags it; the step follows when it has been replayed.
  for (std::size_t k = 0; k < m_plots.size(); ++k)
    if (m_shown[k]) m_plots[k]->setStep(step);
  emit stepRequested(step);
}

void HistoryPanel::showSteps(double from, double to, const HistoryPlot* by) {
  m_from = from;
  m_to = to;
  for (std::size_t k = 0; k < m_plots.size(); ++k)
    if (m_shown[k] && m_plots[k] != by) m_plots[k]->showSteps(from, to);
}

void HistoryPanel::fitSteps() {
  Index steps = m_history ? m_history->steps() : 0;
  if (!m_plots.empty()) steps = std::max(steps, m_plots.front()->overlay().lastStep());
  const auto last = static_cast<double>(steps);
  showSteps(0, std::max(2.0, last * 1.01), nullptr);
}

void HistoryPanel::showRecord() {
  if (!m_history || m_history->steps() == 0) {
    setEmptyText(
        tr("The first step is not done yet. N completes it, F5 trains on: each step adds "
           "a point to these curves."));
    setSummary(QString());
    m_followSteps = true;
    return;
  }
  setEmptyText(shown().isEmpty() ? tr("No plot is chosen; the menu of this panel shows them.")
                                 : QString());
  for (std::size_t k = 0; k < m_plots.size(); ++k) {
    if (!m_shown[k]) continue;
    if (record()->account && m_plots[k]->chart().id == QStringLiteral("epsilon"))
      m_plots[k]->setMark(record()->account->simulated ? tr("simulated") : QString());
    m_plots[k]->refresh();
    if (!m_scrubbing) m_plots[k]->setStep(std::min(record()->step, m_history->steps()));
  }
  if (m_followSteps)
    fitSteps();
  else if (m_arranged)
    showSteps(m_from, m_to, nullptr);  // a plot that was chosen since shows the same steps
  m_arranged = false;
  showSummary();
}

void HistoryPanel::showSummary() {
  const Index last = m_history->steps();
  const Index step = std::min(record()->step, last);
  if (step == 0) {
    setSummary(tr("before step 1 of %1").arg(last));
    return;
  }
  const StepSummary& s = m_history->at(step);
  QString text = step == last ? tr("step %1").arg(step) : tr("step %1 of %2").arg(step).arg(last);
  text += tr(" · loss %1").arg(shortNumber(s.loss, 3));
  if (!std::isnan(s.testAccuracy)) text += tr(" · test accuracy %1").arg(percent(s.testAccuracy));
  text += (s.epsilonIsBound ? tr(" · ε %1") : tr(" · ε ≈ %1 (an approximation)"))
              .arg(shortNumber(s.epsilon, 3));
  if (!std::isnan(s.epsilonNotValid)) text += tr(" (not valid)");
  setSummary(text);
}

void HistoryPanel::addActions(QMenu& menu) {
  menu.addAction(tr("Select the steps in view"), this, [this] {
    const QCPRange range = m_plots.front()->xAxis->range();
    if (m_history && m_history->steps() > 0)
      selection()->selectSteps(
          static_cast<Index>(std::ceil(range.lower)),
          std::min(static_cast<Index>(std::floor(range.upper)), m_history->steps()));
  });
  menu.addAction(tr("Clear the selected steps"), selection(), &Selection::clearSteps)
      ->setEnabled(selection()->steps().has_value());
  menu.addSeparator();
  QMenu* show = menu.addMenu(tr("Show"));
  QMenu* logarithmic = menu.addMenu(tr("Logarithmic"));
  for (std::size_t k = 0; k < m_plots.size(); ++k) {
    HistoryPlot* plot = m_plots[k];
    const HistoryChart& chart = plot->chart();
    QAction* action = show->addAction(chart.title);
    action->setCheckable(true);
    action->setChecked(m_shown[k]);
    connect(action, &QAction::toggled, this, [this, id = chart.id](bool on) { setShown(id, on); });
    if (chart.isShare) continue;
    action = logarithmic->addAction(chart.title);
    action->setCheckable(true);
    action->setChecked(plot->isLogarithmic());
    connect(action, &QAction::toggled, this, [this, plot](bool on) {
      plot->setLogarithmic(on);
      remember();
    });
  }
  menu.addAction(tr("All steps"), this, [this] {
    if (!m_plots.empty()) m_plots.front()->fit();
  });
}

QString HistoryPanel::csv() const {
  std::string text(summariesHeader());
  if (m_history)
    for (const StepSummary& summary : m_history->summaries()) appendSummaryRow(text, summary);
  return QString::fromStdString(text);
}

}  // namespace clipscope
