// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/examples_panel.h"

#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QItemSelectionModel>
#include <QShortcut>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "engine/interchange/csv_rows.h"
#include "ui/panels/dumbbell_delegate.h"
#include "ui/panels/empty_batch.h"
#include "ui/panels/examples_model.h"
#include "ui/plots/number_format.h"
#include "ui/selection.h"

namespace clipscope {

ExamplesPanel::ExamplesPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Examples"), selection, parent), m_model(new ExamplesModel(this)) {
  m_table = new QTableView(this);
  m_table->setObjectName(QStringLiteral("examplesTable"));
  m_table->setAccessibleName(tr("Examples of the batch"));
  m_table->setModel(m_model);
  m_table->setItemDelegateForColumn(ExamplesModel::Dumbbell, new DumbbellDelegate(m_table));
  m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_table->setSelectionMode(QAbstractItemView::ExtendedSelection);
  m_table->setShowGrid(false);
  m_table->setContextMenuPolicy(Qt::NoContextMenu);
  m_table->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  m_table->verticalHeader()->hide();
  m_table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  m_table->verticalHeader()->setDefaultSectionSize(23);
  m_table->horizontalHeader()->setHighlightSections(false);
  m_table->horizontalHeader()->setStretchLastSection(true);
  // Columns as wide as their heads, and as numbers of their kind are.
  // The style sheet's heads are bold and padded by 8 and 3, and the style adds a margin of 4 on
  // either side; an arrow stands in the padding.
  QFont bold = m_table->font();
  bold.setBold(true);
  const QFontMetrics heads(bold);
  const int number = m_table->fontMetrics().horizontalAdvance(QStringLiteral("00.000")) + 14;
  for (int c = 0; c < ExamplesModel::Dumbbell; ++c)
    m_table->setColumnWidth(
        c, std::max(heads.horizontalAdvance(
                        m_model->headerData(c, Qt::Horizontal, Qt::DisplayRole).toString()) +
                        20,
                    number));
  m_table->setSortingEnabled(true);
  m_table->sortByColumn(ExamplesModel::Norm, Qt::DescendingOrder);
  body()->addWidget(m_table, 1);

  connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this, [this] {
    if (m_syncing) return;
    std::vector<Index> examples;
    for (const QModelIndex& index : m_table->selectionModel()->selectedRows())
      examples.push_back(m_model->exampleAt(index.row()));
    m_syncing = true;
    this->selection()->selectMany(std::move(examples));
    m_syncing = false;
  });
  auto* copy = new QShortcut(QKeySequence::Copy, m_table);
  copy->setContext(Qt::WidgetShortcut);
  connect(copy, &QShortcut::activated, this, &ExamplesPanel::copyRows);
  setEmptyText(tr("Opening…"));
}

void ExamplesPanel::showRecord() {
  if (!record()->has(Phase::Forward)) {
    setEmptyText(tr("Run to Forward to see the examples of the batch."));
    setSummary(record()->sample ? tr("%1 drawn").arg(record()->batchSize()) : QString());
    return;
  }
  if (record()->batchSize() == 0) {
    setEmptyText(emptyBatchText(*record()));
    setSummary(hasNoTables(*record()) ? QString() : tr("0 examples"));
    return;
  }
  setEmptyText(QString());
  m_syncing = true;
  m_model->setRecord(record());
  m_syncing = false;
  m_table->setColumnHidden(ExamplesModel::Rank, record()->sample->ranks.empty());
  Index right = 0;
  for (std::size_t i = 0; i < record()->sample->labels.size(); ++i)
    right += record()->forward->predictions[i] == record()->sample->labels[i];
  QString summary = std::isnan(record()->forward->meanLoss)
                        ? tr("%1 examples").arg(record()->drawn())
                        : tr("mean loss %1").arg(shortNumber(record()->forward->meanLoss));
  if (record()->drawn() > record()->batchSize())
    summary += tr(" · %1 of them recorded").arg(record()->batchSize());
  // A library's recording may not have its predictions.
  const bool isPredicted =
      std::ranges::any_of(record()->forward->predictions, [](int one) { return one >= 0; });
  if (!record()->info->classNames.empty() && isPredicted)
    summary +=
        tr(" · %1 right")
            .arg(percent(static_cast<double>(right) / static_cast<double>(record()->batchSize())));
  setSummary(summary);
}

void ExamplesPanel::showSelection() {
  if (m_syncing || !m_model->record()) return;
  m_syncing = true;
  QItemSelection rows;
  int first = -1;
  for (const Index example : selection()->examples()) {
    const int row = m_model->rowOf(example);
    if (row < 0) continue;
    if (first < 0 || example == selection()->current()) first = row;
    rows.select(m_model->index(row, 0), m_model->index(row, ExamplesModel::columnCount_ - 1));
  }
  m_table->selectionModel()->select(rows, QItemSelectionModel::ClearAndSelect);
  if (first >= 0) m_table->scrollTo(m_model->index(first, 0));
  m_syncing = false;
}

void ExamplesPanel::copyRows() {
  QString text;
  for (const QModelIndex& row : m_table->selectionModel()->selectedRows()) {
    QStringList cells;
    for (int c = 0; c < ExamplesModel::Dumbbell; ++c)
      cells << m_model->index(row.row(), c).data().toString();
    text += cells.join(QLatin1Char('\t')) + QLatin1Char('\n');
  }
  QApplication::clipboard()->setText(text);
}

QString ExamplesPanel::csv() const {
  std::string text(examplesHeader());
  if (record() && record()->has(Phase::Clip)) appendExampleRows(text, *record());
  return QString::fromStdString(text);
}

}  // namespace clipscope
