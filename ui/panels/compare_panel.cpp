// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/compare_panel.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QSettings>
#include <QTableView>
#include <QToolButton>
#include <algorithm>
#include <cmath>

#include "engine/formats/number_text.h"
#include "ui/panels/clip_slider.h"
#include "ui/panels/compare_editor.h"
#include "ui/panels/compare_table.h"
#include "ui/panels/empty_batch.h"
#include "ui/panels/what_if_readout.h"
#include "ui/plots/number_format.h"
#include "ui/plots/threshold_handle.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

/// Below this width the picture and the table take turns.
constexpr int widthOfBoth = 560;
const auto columnsKey = QStringLiteral("compare/columns");

QString oneLine(QString name) { return name.replace(QLatin1Char('\n'), QLatin1Char(' ')); }

}  // namespace

ComparePanel::ComparePanel(Selection* selection, WhatIfState* state, QWidget* parent)
    : Panel(tr("Compare"), selection, parent), m_state(state) {
  buildHead();
  auto* both = new QHBoxLayout;
  both->setSpacing(12);
  m_left = new QWidget(this);
  auto* left = new QVBoxLayout(m_left);
  left->setContentsMargins(0, 0, 0, 0);
  left->setSpacing(4);
  auto* foot = new QHBoxLayout;
  foot->setSpacing(4);
  m_slider = new ClipSlider(ClipSlider::Release::Tries, this);
  m_slider->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_slider->setState(m_state);
  foot->addWidget(m_slider, 1);
  m_axes = new QWidget(this);
  auto* axes = new QHBoxLayout(m_axes);
  axes->setContentsMargins(8, 0, 0, 0);
  axes->setSpacing(4);
  foot->addWidget(m_axes);
  m_legend = new QLabel(m_left);
  m_legend->setTextFormat(Qt::RichText);
  m_legend->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  left->addWidget(m_legend);
  const auto axis = [&](const QString& name, const QString& tip) {
    auto* box = new QComboBox(m_axes);
    box->setAccessibleName(name);
    box->setToolTip(tip);
    box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    box->setMinimumContentsLength(7);
    axes->addWidget(box);
    connect(box, &QComboBox::currentIndexChanged, this, [this] {
      if (record() && isVisible()) setRecord(record());
    });
    return box;
  };
  m_x = axis(tr("Across"), tr("The clipping across, of the picture"));
  auto* against = new QLabel(tr("×"), m_axes);
  against->setObjectName(QStringLiteral("hint"));
  axes->addWidget(against);
  m_y = axis(tr("Up"), tr("The clipping upwards, of the picture"));
  m_plot = new ComparePlot(selection, m_left);
  connect(m_plot->handle(), &ThresholdHandle::moved, state, &WhatIfState::tryMaxGradNorm);
  connect(m_plot->handle(), &ThresholdHandle::released, this, [this] {
    if (record()) setRecord(record());  // the picture may move again
  });
  connect(m_plot->handle(), &ThresholdHandle::accepted, state, &WhatIfState::use);
  connect(m_plot->handle(), &ThresholdHandle::reversed, state, &WhatIfState::giveUp);
  left->addWidget(m_plot, 1);
  both->addWidget(m_left, 1);
  m_model = new CompareTable(m_set, this);
  m_table = new QTableView(this);
  m_table->setModel(m_model);
  m_table->setAccessibleName(tr("Numbers of each clipping"));
  m_table->setSelectionMode(QAbstractItemView::NoSelection);
  m_table->setShowGrid(false);
  m_table->setFrameShape(QFrame::NoFrame);
  m_table->verticalHeader()->hide();
  m_table->verticalHeader()->setDefaultSectionSize(21);
  m_table->verticalHeader()->setMinimumSectionSize(18);
  m_table->horizontalHeader()->setSectionsClickable(true);
  m_table->horizontalHeader()->setHighlightSections(false);
  m_table->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
  m_table->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  m_table->setContextMenuPolicy(Qt::NoContextMenu);
  m_table->viewport()->setContextMenuPolicy(Qt::NoContextMenu);
  both->addWidget(m_table);
  body()->addLayout(both, 1);
  body()->addLayout(foot);
  connect(m_table->horizontalHeader(), &QHeaderView::sectionClicked, this,
          &ComparePanel::openColumnMenu);
  connect(state, &WhatIfState::tried, this, [this] {
    if (!record() || m_state->record() != record()) return;
    if (isVisible() && m_state->hasBatch())
      showNumbers();
    else
      setRecord(record());
  });
  connect(state, &WhatIfState::changed, this, [this] {
    if (record() && m_state->record() == record()) setRecord(record());
  });
  fillColumns();
  arrange();
  setEmptyText(tr("Opening…"));
}

void ComparePanel::buildHead() {
  auto* head = new QHBoxLayout;
  head->setSpacing(0);
  m_views = new QButtonGroup(this);
  const auto button = [&](const QString& text, const QString& tip, int id) {
    auto* made = new QToolButton(this);
    made->setText(text);
    made->setToolTip(tip);
    made->setCheckable(true);
    m_views->addButton(made, id);
    head->addWidget(made);
    return made;
  };
  button(tr("factor"), tr("Clip factors of one clipping against another's, a point an example"),
         static_cast<int>(View::Factors))
      ->setChecked(true);
  button(tr("norm"), tr("Norms after clipping, one against another"),
         static_cast<int>(View::Norms));
  button(tr("layers"), tr("Retained norm of each tensor, in pairs"),
         static_cast<int>(View::Layers));
  button(tr("spread"), tr("Norms before, and after each of the two clippings"),
         static_cast<int>(View::Histogram));
  m_tableButton = button(tr("table"), tr("The numbers of all clippings"), -2);
  head->addStretch(1);
  m_columns = new QToolButton(this);
  m_columns->setText(tr("Columns ▾"));
  m_columns->setAccessibleName(tr("Columns"));
  m_columns->setToolTip(tr("Add, edit, remove or use a column"));
  head->addWidget(m_columns);
  body()->addLayout(head);
  connect(m_views, &QButtonGroup::idClicked, this, [this] {
    arrange();
    if (record()) setRecord(record());
  });
  connect(m_columns, &QToolButton::clicked, this, [this] {
    QMenu menu(this);
    for (std::size_t k = 0; k < m_set.columns.size(); ++k)
      fillColumnMenu(*menu.addMenu(longName(m_set.columns[k])), k);
    menu.addSeparator();
    menu.addAction(tr("Add a column"), this, &ComparePanel::addColumn)
        ->setEnabled(m_set.columns.size() < CompareSet::most);
    menu.exec(m_columns->mapToGlobal(QPoint(0, m_columns->height())));
  });
}

QToolButton* ComparePanel::viewButton(View view) const {
  return qobject_cast<QToolButton*>(m_views->button(static_cast<int>(view)));
}

void ComparePanel::arrange() {
  const bool narrow = width() < widthOfBoth;
  m_tableButton->setVisible(narrow);
  if (!narrow && m_tableButton->isChecked()) viewButton(View::Factors)->setChecked(true);
  const bool table = !narrow || m_tableButton->isChecked();
  m_table->setVisible(table);
  m_left->setVisible(!narrow || !m_tableButton->isChecked());
  m_axes->setVisible(!m_left->isHidden());
  // The table gets what it needs and leaves the picture its half.
  int wanted = 4;
  for (int c = 0; c < m_model->columnCount(); ++c) wanted += m_table->columnWidth(c);
  if (m_table->rowHeight(0) * m_model->rowCount() + 60 > m_table->height()) wanted += 12;
  if (narrow)
    m_table->setMinimumWidth(0), m_table->setMaximumWidth(QWIDGETSIZE_MAX);
  else
    m_table->setFixedWidth(std::min(wanted, (width() - 24) * 11 / 20));
}

void ComparePanel::resizeEvent(QResizeEvent* event) {
  Panel::resizeEvent(event);
  arrange();
}

void ComparePanel::keepColumns() {
  m_keeps = true;
  std::vector<CompareColumn> columns;
  for (const QString& text : QSettings().value(columnsKey).toStringList())
    if (const auto column = decodeColumn(text)) columns.push_back(*column);
  if (columns.size() < CompareSet::least || columns.size() > CompareSet::most) return;
  m_set.columns = std::move(columns);
  fillColumns();
}

void ComparePanel::columnsChanged() {
  fillColumns();
  if (m_keeps) {
    QStringList texts;
    for (const CompareColumn& column : m_set.columns) texts << encode(column);
    QSettings().setValue(columnsKey, texts);
  }
  if (record()) setRecord(record());
}

void ComparePanel::fillColumns() {
  const QSignalBlocker blockX(m_x), blockY(m_y);
  const int x = std::max(0, m_x->currentIndex());
  const int y = m_y->currentIndex() < 0 ? 1 : m_y->currentIndex();
  for (QComboBox* box : {m_x, m_y}) {
    box->clear();
    for (const CompareColumn& column : m_set.columns) box->addItem(oneLine(shortName(column)));
  }
  const int last = static_cast<int>(m_set.columns.size()) - 1;
  m_x->setCurrentIndex(std::min(x, last));
  m_y->setCurrentIndex(std::min(y, last));
}

void ComparePanel::showRecord() {
  if (m_state->record() != record()) return;
  if (!record()->has(Phase::Norms)) {
    setEmptyText(tr("Run to Norms (Space) to compare clippings on this batch."));
    setSummary(QString());
    return;
  }
  if (!m_state->hasBatch()) {
    setEmptyText(emptyBatchText(
        *record(), tr("This batch is empty: there is nothing to clip one way or another.")));
    setSummary(QString());
    return;
  }
  setEmptyText(QString());
  showNumbers();
}

void ComparePanel::showNumbers() {
  m_set.evaluate(*m_state);
  m_model->renew();
  m_table->resizeColumnsToContents();
  for (int c = 1; c < m_model->columnCount(); ++c)
    m_table->setColumnWidth(c, std::max(58, m_table->columnWidth(c) + 10));  // the head is bold
  arrange();
  const auto x = static_cast<std::size_t>(m_x->currentIndex());
  const auto y = static_cast<std::size_t>(m_y->currentIndex());
  const int id = m_views->checkedId();
  const View view = id < 0 ? View::Factors : static_cast<View>(id);
  if (!m_left->isHidden()) m_plot->showView(view, m_set, *m_state, x, y);
  showLegend();
  QString summary =
      tr("same batch, same noise draw · C = %1").arg(shortNumber(m_state->maxGradNorm(), 3));
  if (!m_state->hasGram())
    summary = (record()->info->library ? tr("from the norms alone · C = %1")
                                       : tr("norms only: sums follow at a pause · C = %1"))
                  .arg(shortNumber(m_state->maxGradNorm(), 3));
  else if (m_state->whatIf()->gram()->isSubset())
    summary += tr(" · sums estimated from %1 of %2 examples")
                   .arg(m_state->whatIf()->gram()->size())
                   .arg(m_state->whatIf()->gram()->batchSize());
  if (!m_set.isComparable()) summary += tr(" · effective σ differs: no column is best");
  setSummary(summary);
}

void ComparePanel::showLegend() {
  const View view = m_plot->view();
  const bool coloured = view == View::Layers || view == View::Histogram;
  m_legend->setVisible(coloured);
  if (!coloured) {
    m_legend->setText(QString());
    return;
  }
  const Theme& t = Theme::current();
  const auto swatch = [](const QColor& colour, const QString& text) {
    return QStringLiteral("<span style='color:%1'>■</span>&nbsp;%2 &nbsp; ")
        .arg(colour.name(), text.toHtmlEscaped());
  };
  QString text;
  if (view == View::Histogram) text += swatch(t.before, tr("before"));
  text += swatch(t.category(m_x->currentIndex()), m_x->currentText());
  text += swatch(t.category(m_y->currentIndex()), m_y->currentText());
  m_legend->setText(text);
}

void ComparePanel::openColumnMenu(int section) {
  if (section == 0) return;
  QMenu menu(this);
  fillColumnMenu(menu, static_cast<std::size_t>(section - 1));
  const QHeaderView* header = m_table->horizontalHeader();
  menu.exec(
      header->mapToGlobal(QPoint(header->sectionViewportPosition(section), header->height())));
}

void ComparePanel::fillColumnMenu(QMenu& menu, std::size_t column) {
  menu.addAction(tr("Edit…"), this, [this, column] { editColumn(column); });
  menu.addAction(tr("Use this clipping"), this, [this, column] { useColumn(column); });
  menu.addAction(tr("Run as a lane"), this, [this, column] { runAsLane(column); });
  menu.addAction(tr("Run all columns as lanes"), this, &ComparePanel::runAllAsLanes);
  menu.addAction(tr("Remove"), this, [this, column] { removeColumn(column); })
      ->setEnabled(m_set.columns.size() > CompareSet::least);
}

LaneSettings ComparePanel::laneOf(std::size_t column) const {
  LaneSettings lane;
  lane.name = shortName(m_set.columns[column]).toStdString();
  lane.experiment = m_state->experiment();
  lane.experiment.clipping = m_set.clippingOf(*m_state, m_set.columns[column]);
  lane.experiment.noise = m_set.noiseOf(*m_state, m_set.columns[column]);
  return lane;
}

void ComparePanel::runAsLane(std::size_t column) { emit lanesRequested({laneOf(column)}); }

void ComparePanel::runAllAsLanes() {
  std::vector<LaneSettings> lanes;
  for (std::size_t k = 0; k < m_set.columns.size(); ++k) {
    LaneSettings lane = laneOf(k);
    if (!(lane.experiment == m_state->experiment())) lanes.push_back(std::move(lane));
  }
  emit lanesRequested(lanes);
}

CompareEditor* ComparePanel::editColumn(std::size_t column) {
  auto* editor = new CompareEditor(m_set.columns[column],
                                   !m_state->experiment().clipping.groups.empty(), this);
  connect(editor, &CompareEditor::edited, this,
          [this, column](const CompareColumn& value) { setColumn(column, value); });
  editor->adjustSize();
  const QHeaderView* header = m_table->horizontalHeader();
  const QPoint at =
      m_table->isVisible()
          ? header->mapToGlobal(QPoint(
                header->sectionViewportPosition(static_cast<int>(column) + 1), header->height()))
          : m_columns->mapToGlobal(QPoint(0, m_columns->height()));
  editor->move(at);
  editor->show();
  editor->grouping()->setFocus();
  return editor;
}

void ComparePanel::setColumn(std::size_t column, const CompareColumn& value) {
  if (column >= m_set.columns.size()) return;
  m_set.columns[column] = value;
  columnsChanged();
}

void ComparePanel::addColumn() {
  if (m_set.columns.size() >= CompareSet::most) return;
  // The first of the usual ones that is not there yet.
  CompareColumn next;
  for (const GroupingKind grouping :
       {GroupingKind::Flat, GroupingKind::PerLayer, GroupingKind::PerParameter})
    for (const char* strategy : {"threshold", "auto_s", "psac", "none"}) {
      CompareColumn candidate;
      candidate.grouping = grouping;
      candidate.strategy = strategy;
      if (std::find(m_set.columns.begin(), m_set.columns.end(), candidate) == m_set.columns.end() &&
          std::find(m_set.columns.begin(), m_set.columns.end(), next) != m_set.columns.end())
        next = candidate;
    }
  m_set.columns.push_back(next);
  columnsChanged();
}

void ComparePanel::removeColumn(std::size_t column) {
  if (m_set.columns.size() <= CompareSet::least || column >= m_set.columns.size()) return;
  m_set.columns.erase(m_set.columns.begin() + static_cast<std::ptrdiff_t>(column));
  columnsChanged();
}

void ComparePanel::useColumn(std::size_t column) {
  if (!m_state->hasBatch()) return;
  m_state->useSettings(m_set.clippingOf(*m_state, m_set.columns[column]),
                       m_set.noiseOf(*m_state, m_set.columns[column]));
}

void ComparePanel::addActions(QMenu& menu) {
  QAction* logarithmic = menu.addAction(tr("Logarithmic factors"));
  logarithmic->setCheckable(true);
  logarithmic->setChecked(m_plot->logarithmicFactors());
  connect(logarithmic, &QAction::toggled, this, [this](bool on) {
    m_plot->setLogarithmicFactors(on);
    if (record()) setRecord(record());
    m_plot->fit();
  });
  menu.addAction(tr("Add a column"), this, &ComparePanel::addColumn)
      ->setEnabled(m_set.columns.size() < CompareSet::most);
  for (std::size_t k = 0; k < m_set.columns.size(); ++k)
    fillColumnMenu(*menu.addMenu(tr("Column: %1").arg(longName(m_set.columns[k]))), k);
  addWhatIfActions(menu, m_state);
}

QString ComparePanel::csv() const {
  // Everything that the views show, one number a line.
  std::string text = "quantity,of,column,value\n";
  const auto row = [&](const char* quantity, const std::string& of, const QString& column,
                       double value) {
    text += quantity;
    text += ',' + of + ',' + (column.isEmpty() ? "" : '"' + column.toStdString() + '"') + ',';
    appendNumber(text, value);
    text += '\n';
  };
  if (m_set.isEmpty() || !record() || !record()->norms) return QString::fromStdString(text);
  const auto& examples = record()->sample->examples;
  for (std::size_t i = 0; i < examples.size(); ++i)
    row("norm", std::to_string(examples[i]), {}, record()->norms->global[i]);
  for (std::size_t k = 0; k < m_set.columns.size(); ++k) {
    const WhatIfNumbers* w = m_set.numbers(k);
    if (!w) continue;
    const QString name = longName(m_set.columns[k]);
    row("max_grad_norm", "batch", name, w->maxGradNorm);
    for (int r = 0; r < CompareSet::rows; ++r) {
      const auto which = static_cast<CompareSet::Row>(r);
      row(CompareSet::key(which), "batch", name, m_set.value(which, k));
    }
    for (std::size_t t = 0; t < w->tensors.size(); ++t)
      row("retained_norm", record()->info->tensors[t], name, w->tensors[t].retainedNorm);
    for (std::size_t i = 0; i < examples.size(); ++i) {
      row("clip_factor", std::to_string(examples[i]), name,
          w->factors.overallFactor(static_cast<Index>(i)));
      row("clipped_norm", std::to_string(examples[i]), name,
          w->factors.clippedNorm(static_cast<Index>(i)));
    }
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
