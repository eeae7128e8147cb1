// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/data_panel.h"

#include <QButtonGroup>
#include <QFontMetrics>
#include <QHeaderView>
#include <QIntValidator>
#include <QItemSelectionModel>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QScrollArea>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>

#include "engine/formats/number_text.h"
#include "engine/interchange/csv_rows.h"
#include "ui/editors/class_bars.h"
#include "ui/editors/data_model.h"
#include "ui/editors/picture_delegate.h"
#include "ui/plots/number_format.h"
#include "ui/selection.h"

namespace clipscope {

DataPanel::DataPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Data"), selection, parent), m_model(new DataModel(this)) {
  buildHead();
  auto* row = new QHBoxLayout;
  row->setSpacing(10);
  m_bars = new ClassBars(this);
  m_barsArea = new QScrollArea(this);
  m_barsArea->setFrameShape(QFrame::NoFrame);
  m_barsArea->setWidgetResizable(true);
  m_barsArea->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  m_barsArea->setFixedWidth(150);
  m_barsArea->setWidget(m_bars);
  m_barsArea->setFocusPolicy(Qt::NoFocus);
  row->addWidget(m_barsArea);

  m_grid = new QListView(this);
  m_grid->setAccessibleName(tr("Pictures of the examples"));
  m_grid->setItemDelegate(new PictureDelegate(m_grid));
  m_grid->setFlow(QListView::LeftToRight);
  m_grid->setWrapping(true);
  m_grid->setResizeMode(QListView::Adjust);
  // One size for all: the view never asks each of ten thousand.
  m_grid->setUniformItemSizes(true);
  m_table = new QTableView(this);
  m_table->setAccessibleName(tr("Examples of the data"));
  m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_table->setShowGrid(false);
  m_table->verticalHeader()->hide();
  m_table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  m_table->verticalHeader()->setDefaultSectionSize(23);
  m_table->horizontalHeader()->setHighlightSections(false);
  m_table->horizontalHeader()->setDefaultSectionSize(92);
  for (QAbstractItemView* view :
       {static_cast<QAbstractItemView*>(m_grid), static_cast<QAbstractItemView*>(m_table)}) {
    view->setFrameShape(QFrame::NoFrame);
    view->setModel(m_model);
    view->setSelectionMode(QAbstractItemView::ExtendedSelection);
    view->setContextMenuPolicy(Qt::NoContextMenu);
    view->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    connect(view->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &DataPanel::selectFromView);
    row->addWidget(view, 1);
  }
  m_table->hide();
  body()->addLayout(row, 1);
  connect(m_bars, &ClassBars::classPicked, this, [this](int label) {
    m_model->setFilter(m_model->part(), label);
    showFilter();
  });
  setEmptyText(tr("Opening…"));
}

void DataPanel::buildHead() {
  auto* head = new QHBoxLayout;
  head->setSpacing(0);
  m_parts = new QButtonGroup(this);
  const std::pair<QString, QString> parts[] = {{tr("All"), tr("Every example")},
                                               {tr("Train"), tr("Examples that are trained on")},
                                               {tr("Test"), tr("Examples held out")},
                                               {tr("Batch"), tr("Examples drawn in this step")}};
  for (int k = 0; k < 4; ++k) {
    auto* button = new QPushButton(parts[k].first, this);
    button->setToolTip(parts[k].second);
    button->setCheckable(true);
    button->setProperty("segment", true);
    button->setMinimumWidth(58);
    m_parts->addButton(button, k);
    head->addWidget(button);
  }
  m_parts->button(0)->setChecked(true);
  connect(m_parts, &QButtonGroup::idClicked, this, [this](int id) {
    m_model->setFilter(static_cast<DataModel::Part>(id), m_model->label());
    showFilter();
  });
  head->addStretch(1);
  m_search = new QLineEdit(this);
  m_search->setPlaceholderText(tr("Example no."));
  m_search->setAccessibleName(tr("Find an example by its number"));
  m_search->setToolTip(m_search->accessibleName());
  m_search->setFixedWidth(110);
  m_search->setClearButtonEnabled(true);
  m_search->setValidator(new QIntValidator(0, 2147483647, m_search));
  connect(m_search, &QLineEdit::textEdited, this, &DataPanel::find);
  connect(m_search, &QLineEdit::returnPressed, this, [this] { find(m_search->text()); });
  head->addWidget(m_search);
  body()->addLayout(head);
}

QAbstractItemView* DataPanel::view() const {
  if (m_grid->isVisibleTo(this)) return m_grid;
  return m_table;
}

void DataPanel::setNoData(const QString& why) {
  setEmptyText(why);
  setSummary(QString());
}

void DataPanel::setData(std::shared_ptr<const Dataset> data, const std::vector<Index>& test) {
  m_syncing = true;
  m_model->setDataset(std::move(data), test);
  m_syncing = false;
  const Dataset& set = *m_model->dataset();
  m_grid->setVisible(set.isImage());
  m_table->setVisible(!set.isImage());
  // As wide as the names of the features.
  QFont bold = m_table->font();
  bold.setBold(true);
  for (int c = 0; !set.isImage() && c < m_model->columnCount(); ++c)
    m_table->setColumnWidth(
        c, std::max(c == DataModel::PartOf ? 104 : 72,
                    QFontMetrics(bold).horizontalAdvance(
                        m_model->headerData(c, Qt::Horizontal, Qt::DisplayRole).toString()) +
                        28));
  m_barsArea->setVisible(set.isClassification());
  m_parts->button(0)->setChecked(true);
  m_search->clear();
  setEmptyText(QString());
  showFilter();
}

void DataPanel::showFilter() {
  if (!m_model->dataset()) return;
  const Dataset& set = *m_model->dataset();
  QString summary =
      tr("%1 of %2 examples")
          .arg(grouped(m_model->rowCount()), grouped(static_cast<qint64>(set.size())));
  if (set.isClassification()) {
    QStringList names;
    const auto& counts = m_model->classCounts();
    for (std::size_t k = 0; k < counts.size(); ++k)
      names << (k < set.classNames().size() ? QString::fromStdString(set.classNames()[k])
                                            : QString::number(k));
    m_bars->setCounts(names, counts);
    m_bars->setPicked(m_model->label());
    if (!counts.empty()) {
      const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
      summary += tr(" · %1 classes, %2 to %3 each")
                     .arg(counts.size())
                     .arg(grouped(*least), grouped(*most));
    }
  } else {
    summary += tr(" · %1 target(s) each").arg(set.outputs());
  }
  setSummary(summary);
  showSelection();
}

void DataPanel::find(const QString& text) {
  bool ok = false;
  const Index example = text.toLongLong(&ok);
  if (!m_model->dataset() || !ok || example < 0 || example >= m_model->dataset()->size()) return;
  if (m_model->rowOf(example) < 0) {
    // A filter must not make an example look as if it were not there.
    m_parts->button(0)->setChecked(true);
    m_model->setFilter(DataModel::Part::All, -1);
    showFilter();
  }
  selection()->select(example);
}

void DataPanel::selectFromView() {
  if (m_syncing) return;
  std::vector<Index> examples;
  for (const QModelIndex& index : view()->selectionModel()->selectedIndexes())
    if (index.column() == DataModel::Example) examples.push_back(m_model->exampleAt(index.row()));
  m_syncing = true;
  if (examples.size() == 1)
    selection()->select(examples.front());
  else
    selection()->selectMany(std::move(examples));
  m_syncing = false;
}

void DataPanel::showRecord() {
  if (!m_model->dataset()) return;
  m_syncing = true;
  m_model->setBatch(record()->sample ? record()->sample->examples : std::vector<Index>());
  m_syncing = false;
  if (m_model->part() == DataModel::Part::Batch) showFilter();
}

void DataPanel::showSelection() {
  if (m_syncing || !m_model->dataset()) return;
  m_syncing = true;
  QItemSelection rows;
  int first = -1;
  const int lastColumn = m_model->columnCount() - 1;
  // Neighbours go in as one range.
  int from = -1, to = -2;
  const auto flush = [&] {
    if (from >= 0) rows.select(m_model->index(from, 0), m_model->index(to, lastColumn));
  };
  for (const Index example : selection()->examples()) {
    const int row = m_model->rowOf(example);
    if (row < 0) continue;
    if (first < 0 || example == selection()->current()) first = row;
    if (row == to + 1) {
      to = row;
      continue;
    }
    flush();
    from = to = row;
  }
  flush();
  view()->selectionModel()->select(rows, QItemSelectionModel::ClearAndSelect);
  if (first >= 0) {
    view()->selectionModel()->setCurrentIndex(m_model->index(first, 0),
                                              QItemSelectionModel::NoUpdate);
    view()->scrollTo(m_model->index(first, 0));
  }
  m_syncing = false;
}

QString DataPanel::csv() const {
  std::string text = "example,label,part";
  const auto& data = m_model->dataset();
  const bool table = data && !data->isImage();
  for (int c = DataModel::FirstFeature; table && c < m_model->columnCount(); ++c) {
    text += ',';
    appendText(text,
               m_model->headerData(c, Qt::Horizontal, Qt::DisplayRole).toString().toStdString());
  }
  text += '\n';
  for (int row = 0; row < m_model->rowCount(); ++row) {
    const Index example = m_model->exampleAt(row);
    text += std::to_string(example) + ',';
    if (data->isClassification()) {
      appendText(text, m_model->labelText(example).toStdString());
    } else {
      std::string targets;
      for (const float target : data->targets(example)) {
        if (!targets.empty()) targets += ' ';
        appendNumber(targets, target);
      }
      text += targets;
    }
    text += m_model->isTest(example) ? ",test" : ",train";
    if (table)
      for (const float value : data->raw(example)) {
        text += ',';
        appendNumber(text, value);
      }
    text += '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
