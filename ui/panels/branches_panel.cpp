// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/branches_panel.h"

#include <QEvent>
#include <QHeaderView>
#include <QMenu>
#include <QPainter>
#include <QShortcut>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <cmath>

#include "engine/formats/number_text.h"
#include "engine/interchange/csv_rows.h"
#include "ui/panels/branch_colour.h"
#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

/// A spot in the colour that the branch has in History; a ring for the one that is shown there in
/// the colours of its numbers.
QIcon spot(int number, bool active) {
  constexpr int size = 12, scale = 2;
  QPixmap picture(size * scale, size * scale);
  picture.setDevicePixelRatio(scale);
  picture.fill(Qt::transparent);
  QPainter painter(&picture);
  painter.setRenderHint(QPainter::Antialiasing);
  const QColor colour = active ? Theme::current().accent : branchColour(number);
  painter.setPen(QPen(colour, 2));
  painter.setBrush(active ? QBrush(Qt::NoBrush) : QBrush(colour));
  painter.drawEllipse(QRectF(2.5, 2.5, 7, 7));
  return QIcon(picture);
}

QString orDash(double value, const QString& text) {
  return std::isnan(value) ? QStringLiteral("–") : text;
}

}  // namespace

BranchesPanel::BranchesPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Branches"), selection, parent),
      m_branches(std::make_shared<const std::vector<BranchLine>>()) {
  m_tree = new QTreeWidget(this);
  m_tree->setObjectName(QStringLiteral("branchTree"));
  m_tree->setAccessibleName(tr("Branches of the run"));
  m_tree->setColumnCount(ColumnCount);
  m_tree->setHeaderLabels(
      {tr("Branch"), tr("Steps"), tr("What it changed"), tr("Loss"), tr("ε"), tr("Test accuracy")});
  m_tree->setUniformRowHeights(true);
  m_tree->setContextMenuPolicy(Qt::NoContextMenu);
  m_tree->setExpandsOnDoubleClick(false);
  m_tree->setEditTriggers(QAbstractItemView::EditKeyPressed);
  m_tree->setIndentation(16);
  QHeaderView* header = m_tree->header();
  header->setStretchLastSection(false);
  header->setSectionResizeMode(QHeaderView::Fixed);
  header->setSectionResizeMode(Change, QHeaderView::Stretch);
  for (const int column : {Steps, Loss, Epsilon, Accuracy})
    m_tree->headerItem()->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
  body()->addWidget(m_tree, 1);
  const auto choose = [this](QTreeWidgetItem* item) {
    if (const BranchLine* line = lineOf(item)) emit chosen(line->number);
  };
  connect(m_tree, &QTreeWidget::itemDoubleClicked, this, choose);
  connect(m_tree, &QTreeWidget::itemChanged, this, [this](QTreeWidgetItem* item, int column) {
    const BranchLine* line = lineOf(item);
    if (m_filling || column != Name || !line) return;
    const QString name = item->text(Name).trimmed();
    if (!name.isEmpty() && name.toStdString() != line->name)
      emit renamed(line->number, name);
    else
      rebuild();
  });
  const auto key = [this](const QKeySequence& keys, auto&& action) {
    auto* shortcut = new QShortcut(keys, m_tree);
    shortcut->setContext(Qt::WidgetShortcut);
    connect(shortcut, &QShortcut::activated, this, action);
  };
  const auto chooseCurrent = [this, choose] { choose(m_tree->currentItem()); };
  key(Qt::Key_Return, chooseCurrent);
  key(Qt::Key_Enter, chooseCurrent);
  key(QKeySequence::Delete, [this] { askPrune(); });
  setEmptyText(tr("Opening…"));
}

void BranchesPanel::setBranches(std::shared_ptr<const std::vector<BranchLine>> branches,
                                int active) {
  m_branches = std::move(branches);
  m_active = active;
  rebuild();
}

void BranchesPanel::setReadOnly(bool readOnly) {
  m_readOnly = readOnly;
  m_tree->setEditTriggers(readOnly ? QAbstractItemView::NoEditTriggers
                                   : QAbstractItemView::EditKeyPressed);
}

void BranchesPanel::setNewest(const StepSummary* newest) {
  m_newest = newest ? std::optional(*newest) : std::nullopt;
}

const BranchLine* BranchesPanel::lineOf(const QTreeWidgetItem* item) const {
  if (!item) return nullptr;
  const int number = item->data(Name, Qt::UserRole).toInt();
  for (const BranchLine& line : *m_branches)
    if (line.number == number) return &line;
  return nullptr;
}

void BranchesPanel::fill(QTreeWidgetItem* item, const BranchLine& line) const {
  const bool active = line.number == m_active;
  const std::optional<StepSummary>& newest = active && m_newest ? m_newest : line.newest;
  const Index steps = active && m_newest ? m_newest->step : line.steps;
  item->setData(Name, Qt::UserRole, line.number);
  item->setFlags(item->flags() | Qt::ItemIsEditable);
  item->setText(Name, QString::fromStdString(line.name));
  item->setIcon(Name, spot(line.number, active));
  item->setText(Steps, steps == line.fork
                           ? tr("from %1").arg(grouped(line.fork + 1))
                           : tr("%1–%2").arg(grouped(line.fork + 1), grouped(steps)));
  item->setText(Change, QString::fromStdString(line.change));
  item->setToolTip(Change, item->text(Change));
  item->setText(Loss, newest ? orDash(newest->loss, shortNumber(newest->loss, 3)) : QString());
  item->setText(Epsilon, newest ? (newest->epsilonIsBound ? QString() : tr("≈ ")) +
                                      shortNumber(newest->epsilon, 3)
                                : QString());
  item->setToolTip(Epsilon, newest && !newest->epsilonIsBound
                                ? tr("An approximation and not a bound")
                                : QString());
  item->setText(Accuracy,
                newest ? orDash(newest->testAccuracy, percent(newest->testAccuracy)) : QString());
  QFont font = m_tree->font();
  font.setBold(active);
  for (int column = 0; column < ColumnCount; ++column) item->setFont(column, font);
  for (const int column : {Steps, Loss, Epsilon, Accuracy})
    item->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
}

void BranchesPanel::fitColumns() {
  // The style sheet's heads are bold and padded, which the header's own measure leaves out.
  QFont bold = m_tree->font();
  bold.setBold(true);
  const QFontMetrics heads(bold);
  for (const int column : {Name, Steps, Loss, Epsilon, Accuracy}) {
    const int head = heads.horizontalAdvance(m_tree->headerItem()->text(column)) + 26;
    const int content = static_cast<QAbstractItemView*>(m_tree)->sizeHintForColumn(column) + 12;
    m_tree->setColumnWidth(column, std::max(head, content));
  }
}

void BranchesPanel::rebuild() {
  m_filling = true;
  const BranchLine* before = lineOf(m_tree->currentItem());
  const int current = before ? before->number : m_active;
  m_tree->clear();
  QHash<int, QTreeWidgetItem*> items;
  for (const BranchLine& line : *m_branches) {
    auto* parent = items.value(line.parent);
    auto* item = parent ? new QTreeWidgetItem(parent) : new QTreeWidgetItem(m_tree);
    fill(item, line);
    items.insert(line.number, item);
  }
  m_tree->expandAll();
  if (auto* item = items.value(current)) m_tree->setCurrentItem(item);
  fitColumns();
  m_filling = false;
}

void BranchesPanel::resizeEvent(QResizeEvent* event) {
  Panel::resizeEvent(event);
  // What a branch changed says the most of it; figures give way.
  m_tree->setColumnHidden(Accuracy, width() < 560);
  m_tree->setColumnHidden(Epsilon, width() < 440);
}

void BranchesPanel::showRecord() {
  if (m_branches->empty()) {
    setEmptyText(tr("Opening…"));
    return;
  }
  setEmptyText(QString());
  m_filling = true;
  for (QTreeWidgetItemIterator at(m_tree); *at; ++at)
    if (const BranchLine* line = lineOf(*at); line && line->number == m_active) fill(*at, *line);
  fitColumns();
  m_filling = false;
  setSummary(m_branches->size() == 1
                 ? tr("change a setting at a past step and go on: a branch begins")
                 : tr("%1 branches · double click goes to one").arg(m_branches->size()));
}

void BranchesPanel::askPrune() {
  const BranchLine* line = lineOf(m_tree->currentItem());
  if (line && !m_readOnly) emit pruneRequested(line->number, QString::fromStdString(line->name));
}

void BranchesPanel::addActions(QMenu& menu) {
  const BranchLine* line = lineOf(m_tree->currentItem());
  if (!line) return;
  const int number = line->number;
  const QString name = QString::fromStdString(line->name);
  QAction* go =
      menu.addAction(tr("Go to “%1”").arg(name), this, [this, number] { emit chosen(number); });
  go->setEnabled(number != m_active);
  QAction* rename = menu.addAction(tr("Rename…"), this,
                                   [this] { m_tree->editItem(m_tree->currentItem(), Name); });
  rename->setEnabled(!m_readOnly);
  QAction* prune = menu.addAction(tr("Prune…"), this, &BranchesPanel::askPrune);
  prune->setEnabled(!m_readOnly && number != 0);
}

void BranchesPanel::changeEvent(QEvent* event) {
  Panel::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) rebuild();
}

QString BranchesPanel::csv() const {
  std::string text("branch,parent,name,fork_step,steps,change,loss,epsilon,test_accuracy\n");
  for (const BranchLine& line : *m_branches) {
    const bool active = line.number == m_active;
    const std::optional<StepSummary>& newest = active && m_newest ? m_newest : line.newest;
    text += std::to_string(line.number);
    text += ',';
    if (line.parent >= 0) text += std::to_string(line.parent);
    text += ',';
    appendText(text, line.name);
    text += ',';
    text += std::to_string(line.fork);
    text += ',';
    text += std::to_string(active && m_newest ? m_newest->step : line.steps);
    text += ',';
    appendText(text, line.change);
    for (const double value :
         {newest ? newest->loss : notANumber, newest ? newest->epsilon : notANumber,
          newest ? newest->testAccuracy : notANumber}) {
      text += ',';
      if (!std::isnan(value)) appendNumber(text, value);
    }
    text += '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
