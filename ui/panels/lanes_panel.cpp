// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/lanes_panel.h"

#include <QAction>
#include <QButtonGroup>
#include <QEvent>
#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QPainter>
#include <QPushButton>
#include <QStackedWidget>
#include <QTableWidget>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "engine/formats/number_text.h"
#include "engine/interchange/csv_rows.h"
#include "ui/panels/history_words.h"
#include "ui/panels/lane_maps.h"
#include "ui/panels/lane_plot.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/selection.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

/// The run itself has the colour of text; lanes take categories, in their order.
QColor laneColour(std::size_t lane) {
  return lane == 0 ? Theme::current().ink : Theme::current().category(static_cast<int>(lane) - 1);
}

QIcon stroke(const QColor& colour) {
  constexpr int size = 12, scale = 2;
  QPixmap picture(size * scale, size * scale);
  picture.setDevicePixelRatio(scale);
  picture.fill(Qt::transparent);
  QPainter painter(&picture);
  painter.setPen(QPen(colour, 3));
  painter.drawLine(1, 6, 11, 6);
  return QIcon(picture);
}

}  // namespace

LanesPanel::LanesPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Lanes"), selection, parent) {
  auto* head = new QHBoxLayout;
  head->setSpacing(4);
  m_add = new QToolButton(this);
  m_add->setText(tr("Add lane"));
  m_add->setPopupMode(QToolButton::InstantPopup);
  m_add->setToolTip(tr("A run beside this one: the same initial weights, batches and normals"));
  m_addMenu = new QMenu(m_add);
  m_add->setMenu(m_addMenu);
  connect(m_addMenu, &QMenu::aboutToShow, this, &LanesPanel::fillAddMenu);
  m_ladder = new QPushButton(tr("Loss ladder"), this);
  m_ladder->setToolTip(tr(
      "Adds this run without privacy, with clipping alone and with noise alone: which costs what"));
  m_lane = new QToolButton(this);
  m_lane->setText(tr("Lane"));
  m_lane->setPopupMode(QToolButton::InstantPopup);
  m_lane->setToolTip(tr("What to do with the lane chosen in the table"));
  auto* laneMenu = new QMenu(m_lane);
  m_use = laneMenu->addAction(tr("Use its settings for the run"), this, [this] {
    if (chosen() >= 0) emit useRequested(chosen());
  });
  m_remove = laneMenu->addAction(tr("Remove lane"), this, [this] {
    if (chosen() >= 0) emit removeRequested(chosen());
  });
  laneMenu->addAction(tr("Remove all lanes"), this, &LanesPanel::clearRequested);
  m_lane->setMenu(laneMenu);
  auto* group = new QButtonGroup(this);
  m_curvesButton = new QToolButton(this);
  m_curvesButton->setText(tr("curves"));
  m_layersButton = new QToolButton(this);
  m_layersButton->setText(tr("layers"));
  m_layersButton->setToolTip(tr("The norms of each lane by layer, on one scale"));
  for (QToolButton* button : {m_curvesButton, m_layersButton}) {
    button->setCheckable(true);
    group->addButton(button);
  }
  m_curvesButton->setChecked(true);
  for (QWidget* widget : std::initializer_list<QWidget*>{m_add, m_ladder, m_lane})
    head->addWidget(widget);
  head->addStretch(1);
  head->addWidget(m_curvesButton);
  head->addWidget(m_layersButton);
  body()->addLayout(head);

  m_table = new QTableWidget(0, ColumnCount, this);
  m_table->setObjectName(QStringLiteral("laneTable"));
  m_table->setAccessibleName(tr("Lanes"));
  m_table->setHorizontalHeaderLabels(
      {tr("Lane"), tr("What differs"), tr("Loss"), tr("Test"), tr("ε"), tr("SNR"), tr("Clipped")});
  for (int c = 0; c < ColumnCount; ++c)
    m_table->horizontalHeaderItem(c)->setTextAlignment(
        (c <= Change ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  const std::pair<int, QString> tips[] = {
      {Change, tr("The first setting in which the lane differs from the run")},
      {Loss, tr("(1/b) Σ Lᵢ over the batch of the step")},
      {Accuracy, tr("Share of the held-out examples predicted right, at the last evaluation")},
      {Epsilon,
       tr("ε of releasing this run alone; lanes share their noise and have none together")},
      {Snr, tr("‖Σ fᵢ gᵢ‖ / (s√d): the clipped sum against the noise to be expected")},
      {Clipped, tr("Share of the batch with a norm above C, in any group")}};
  for (const auto& [column, tip] : tips) m_table->horizontalHeaderItem(column)->setToolTip(tip);
  m_table->verticalHeader()->hide();
  m_table->verticalHeader()->setDefaultSectionSize(22);
  m_table->setShowGrid(false);
  m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
  m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_table->setSelectionMode(QAbstractItemView::SingleSelection);
  m_table->setContextMenuPolicy(Qt::NoContextMenu);
  m_table->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  m_table->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  QHeaderView* header = m_table->horizontalHeader();
  header->setSectionResizeMode(QHeaderView::Fixed);
  header->setSectionResizeMode(Change, QHeaderView::Stretch);
  header->resizeSection(Name, 150);
  for (int c = Loss; c < ColumnCount; ++c) header->resizeSection(c, 66);
  body()->addWidget(m_table);
  m_sentence = new QLabel(this);
  m_sentence->setWordWrap(true);
  m_sentence->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_sentence->hide();
  body()->addWidget(m_sentence);
  m_help = new QLabel(
      tr("A lane is a run beside this one: the same initial weights, the same batches, the same "
         "standard normals, other settings. It goes wherever this run goes, step by step and back. "
         "Add one, or press Loss ladder to see what clipping and noise each cost. Lanes use the "
         "data again and share their noise: together they have no ε."),
      this);
  m_help->setObjectName(QStringLiteral("hint"));
  m_help->setWordWrap(true);
  m_help->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  body()->addWidget(m_help);

  m_views = new QStackedWidget(this);
  auto* curves = new QWidget(m_views);
  auto* grid = new QGridLayout(curves);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setSpacing(6);
  const auto plot = [&](const QString& title, double StepSummary::*value, bool isShare) {
    const int at = static_cast<int>(m_plots.size());
    m_plots.push_back(new LanePlot(title, value, isShare, curves));
    connect(m_plots.back()->plot(), &Plot::rectangleSelected, this,
            [this](const QRectF& rectangle) {
              const auto first = static_cast<Index>(std::ceil(rectangle.left()));
              const auto last = static_cast<Index>(std::floor(rectangle.right()));
              if (first <= last) this->selection()->selectSteps(first, last);
            });
    grid->addWidget(m_plots.back(), at / 3, at % 3);
  };
  // Where there is no room for two rows, the first stays.
  plot(tr("loss of the batch"), &StepSummary::loss, false);
  plot(tr("test accuracy"), &StepSummary::testAccuracy, true);
  plot(tr("signal against noise"), &StepSummary::snr, false);
  plot(tr("test loss"), &StepSummary::testLoss, false);
  plot(tr("ε, simulated"), &StepSummary::epsilon, false);
  plot(tr("share clipped"), &StepSummary::clippedFraction, true);
  m_views->addWidget(curves);
  m_maps = new LaneMaps(selection, m_views);
  m_views->addWidget(m_maps);
  body()->addWidget(m_views, 1);

  connect(m_curvesButton, &QToolButton::clicked, this, [this] { setView(View::Curves); });
  connect(m_layersButton, &QToolButton::clicked, this, [this] { setView(View::Layers); });
  connect(m_ladder, &QPushButton::clicked, this, &LanesPanel::addLadder);
  const auto enable = [this] {
    m_use->setEnabled(chosen() >= 0);
    m_remove->setEnabled(chosen() >= 0);
  };
  connect(m_table, &QTableWidget::itemSelectionChanged, this, enable);
  enable();
  setEmptyText(tr("Opening…"));
}

void LanesPanel::setExperiment(const Experiment& experiment) {
  m_experiment = experiment;
  if (record()) setRecord(record());
}

void LanesPanel::lanesChanged() {
  if (record()) setRecord(record());
}

void LanesPanel::setView(View view) {
  (view == View::Curves ? m_curvesButton : m_layersButton)->setChecked(true);
  m_views->setCurrentIndex(static_cast<int>(view));
  if (record()) setRecord(record());
}

int LanesPanel::chosen() const {
  if (!m_lanes) return -1;
  const int row = m_table->currentRow();
  const bool isLane =
      !m_table->selectedItems().isEmpty() && row > 0 && row <= static_cast<int>(m_lanes->size());
  return isLane ? (*m_lanes)[static_cast<std::size_t>(row - 1)].id : -1;
}

void LanesPanel::offer(const QString& text, const QString& name, const Experiment& experiment) {
  m_addMenu->addAction(text, this, [this, name, experiment] {
    emit addRequested({{name.toStdString(), experiment}});
  });
}

void LanesPanel::fillAddMenu() {
  m_addMenu->clear();
  const Experiment& main = m_experiment;
  offer(tr("As the run is now"), tr("as it was"), main);
  m_addMenu->addSeparator();
  Experiment made = main;
  const bool isFlat = main.clipping.grouping == GroupingKind::Flat;
  made.clipping.grouping = isFlat ? GroupingKind::PerLayer : GroupingKind::Flat;
  made.clipping.groupThresholds.clear();
  made.clipping.thresholds = ThresholdRule::Equal;
  offer(isFlat ? tr("Clipped per layer") : tr("Clipped flat"),
        isFlat ? tr("per layer") : tr("flat"), made);
  for (const double factor : {0.5, 2.0}) {
    made = main;
    made.clipping.maxGradNorm *= factor;
    const QString c = shortNumber(made.clipping.maxGradNorm, 3);
    offer(tr("C = %1").arg(c), tr("C %1").arg(c), made);
  }
  QMenu* strategies = m_addMenu->addMenu(tr("Another strategy"));
  for (const std::string& name : strategyNames()) {
    if (name == main.clipping.strategy) continue;
    made = main;
    made.clipping.strategy = name;
    if (name == "none") made.clipping.adaptive.enabled = false;
    const auto strategy = makeStrategy(name, made.clipping.strategySettings);
    const QString title = QString::fromUtf8(strategy->title().data(),
                                            static_cast<qsizetype>(strategy->title().size()));
    strategies->addAction(title, this, [this, title, made] {
      emit addRequested({{title.toStdString(), made}});
    });
  }
  if (main.noise.noiseMultiplier > 0) {
    made = main;
    made.noise.noiseMultiplier *= 0.5;
    const QString sigma = shortNumber(made.noise.noiseMultiplier, 3);
    offer(tr("σ = %1").arg(sigma), tr("σ %1").arg(sigma), made);
  }
  for (const double factor : {0.5, 2.0}) {
    made = main;
    made.optimizer.learningRate *= factor;
    const QString rate = shortNumber(made.optimizer.learningRate, 3);
    offer(tr("η = %1").arg(rate), tr("η %1").arg(rate), made);
  }
  m_addMenu->addSeparator();
  m_addMenu->addAction(tr("The rungs of the loss ladder"), this, &LanesPanel::addLadder);
}

void LanesPanel::addLadder() {
  std::vector<LaneSettings> rungs;
  for (const Rung rung : allRungs)
    if (rung != Rung::Both)
      rungs.push_back({std::string(rungName(rung)), rungOf(m_experiment, rung)});
  emit clearRequested();
  emit addRequested(rungs);
}

void LanesPanel::showRecord() {
  if (!m_history || !m_lanes) return;
  setEmptyText(QString());
  fillTable();
  showSentence();
  const bool has = !m_lanes->empty();
  m_help->setVisible(!has);
  m_table->setVisible(has);
  m_views->setVisible(has);
  for (QWidget* widget : {m_lane, m_curvesButton, m_layersButton}) widget->setVisible(has);
  Index least = record()->step;
  for (const LaneView& lane : *m_lanes)
    if (lane.record) least = std::min(least, lane.record->step);
  QString summary = tr("none");
  if (has && least < record()->step)
    summary = tr("catching up: step %1 of %2").arg(least).arg(record()->step);
  else if (has)
    summary = tr("%1 lanes and the run · step %2").arg(m_lanes->size()).arg(record()->step);
  setSummary(summary);
  if (!has) return;
  if (m_views->currentWidget() == m_maps) {
    std::vector<std::pair<QString, std::shared_ptr<const StepRecord>>> runs{
        {tr("this run"), record()}};
    for (const LaneView& lane : *m_lanes)
      runs.emplace_back(QString::fromStdString(lane.name), lane.record);
    m_maps->show(runs);
    return;
  }
  std::vector<LanePlot::Run> runs{{tr("this run"), laneColour(0), m_history}};
  for (std::size_t k = 0; k < m_lanes->size(); ++k)
    runs.push_back(
        {QString::fromStdString((*m_lanes)[k].name), laneColour(k + 1), &(*m_lanes)[k].history});
  for (LanePlot* plot : m_plots) {
    plot->show(runs, record()->step);
    plot->setSpan(selection()->steps());
  }
}

void LanesPanel::fillTable() {
  const int kept = m_table->currentRow();
  const bool wasChosen = !m_table->selectedItems().isEmpty();
  m_table->setRowCount(static_cast<int>(m_lanes->size()) + 1);
  for (int row = 0; row < m_table->rowCount(); ++row) {
    const LaneView* lane = row == 0 ? nullptr : &(*m_lanes)[static_cast<std::size_t>(row - 1)];
    const RunHistory& history = lane ? lane->history : *m_history;
    // Of the whole step that the runs stand at or after.
    const Index at =
        std::min(record()->step - (record()->has(Phase::Account) ? 0 : 1), history.steps());
    const StepSummary* s = at > 0 ? &history.at(at) : nullptr;
    double accuracy = notANumber;
    for (Index t = at; t > 0 && std::isnan(accuracy); --t) accuracy = history.at(t).testAccuracy;
    const auto number = [&](double value) {
      return !s || std::isnan(value) ? QStringLiteral("–")
             : std::isinf(value)     ? QStringLiteral("∞")
                                     : shortNumber(value, 3);
    };
    const auto share = [&](double value) {
      return !s || std::isnan(value) ? QStringLiteral("–") : percent(value);
    };
    const QString cells[ColumnCount] = {lane ? QString::fromStdString(lane->name) : tr("this run"),
                                        lane ? QString::fromStdString(lane->change) : QString(),
                                        number(s ? s->loss : notANumber),
                                        share(accuracy),
                                        number(s ? s->epsilon : notANumber),
                                        number(s ? s->snr : notANumber),
                                        share(s ? s->clippedFraction : notANumber)};
    for (int c = 0; c < ColumnCount; ++c) {
      QTableWidgetItem* item = m_table->item(row, c);
      if (!item) {
        m_table->setItem(row, c, item = new QTableWidgetItem);
        item->setTextAlignment((c <= Change ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
      }
      item->setText(cells[c]);
      const std::pair<int, const char*> charts[] = {
          {Loss, "loss"}, {Epsilon, "epsilon"}, {Snr, "snr"}, {Clipped, "clipped"}};
      for (const auto& [column, chart] : charts)
        if (c == column && s) item->setToolTip(historyWords(QString::fromLatin1(chart), *s));
      if (c <= Change) item->setToolTip(cells[Change]);
      if (c == Name) item->setIcon(stroke(laneColour(static_cast<std::size_t>(row))));
    }
  }
  if (wasChosen) m_table->setCurrentCell(std::min(kept, m_table->rowCount() - 1), 0);
  const int height = m_table->horizontalHeader()->sizeHint().height() +
                     m_table->rowCount() * m_table->verticalHeader()->defaultSectionSize() + 4;
  m_table->setFixedHeight(height);
  arrange();
}

void LanesPanel::arrange() {
  const bool isWide = width() >= 700;
  m_table->setColumnHidden(Change, !isWide);
  m_table->horizontalHeader()->setSectionResizeMode(
      Name, isWide ? QHeaderView::Fixed : QHeaderView::Stretch);
  if (isWide) m_table->horizontalHeader()->resizeSection(Name, 150);
  const int narrow[] = {52, 58, 48, 58, 72};
  for (int c = Loss; c < ColumnCount; ++c)
    m_table->horizontalHeader()->resizeSection(c, isWide ? 80 : narrow[c - Loss]);
  m_table->setColumnHidden(Snr, width() < 440);
  // By the room that is left for them, not by what they take now.
  const int left = height() - m_table->height() - (m_sentence->isVisible() ? 60 : 0) - 100;
  for (std::size_t k = 3; k < m_plots.size(); ++k) m_plots[k]->setVisible(left >= 260);
}

void LanesPanel::resizeEvent(QResizeEvent* event) {
  Panel::resizeEvent(event);
  arrange();
}

void LanesPanel::showSentence() {
  std::array<std::span<const StepSummary>, allRungs.size()> runs;
  runs[static_cast<std::size_t>(Rung::Both)] = m_history->summaries();
  std::size_t found = 1;
  for (const LaneView& lane : *m_lanes)
    for (const Rung rung : allRungs)
      if (rung != Rung::Both && lane.name == rungName(rung)) {
        runs[static_cast<std::size_t>(rung)] = lane.history.summaries();
        ++found;
      }
  const auto cost = found == allRungs.size() ? ladderCost(runs) : std::nullopt;
  m_sentence->setVisible(cost.has_value());
  if (cost) m_sentence->setText(QString::fromStdString(ladderSentence(*cost)));
}

void LanesPanel::showSelection() {
  m_maps->showSelection();
  for (LanePlot* plot : m_plots) plot->setSpan(selection()->steps());
}

void LanesPanel::changeEvent(QEvent* event) {
  Panel::changeEvent(event);
  if (event->type() == QEvent::PaletteChange && record()) setRecord(record());
}

void LanesPanel::addActions(QMenu& menu) {
  if (!m_lanes || m_lanes->empty()) return;
  menu.addActions(m_lane->menu()->actions());
  menu.addSeparator();
}

QString LanesPanel::csv() const {
  std::string text("lane,step,loss,test_loss,test_accuracy,epsilon,snr,clipped_fraction\n");
  const auto add = [&](const std::string& name, const RunHistory& history) {
    for (const StepSummary& s : history.summaries()) {
      appendText(text, name);
      text += ',' + std::to_string(s.step);
      for (const double value :
           {s.loss, s.testLoss, s.testAccuracy, s.epsilon, s.snr, s.clippedFraction}) {
        text += ',';
        if (!std::isnan(value)) appendNumber(text, value);
      }
      text += '\n';
    }
  };
  if (m_history) add("this run", *m_history);
  if (m_lanes)
    for (const LaneView& lane : *m_lanes) add(lane.name, lane.history);
  return QString::fromStdString(text);
}

}  // namespace clipscope
