// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/breakpoints_panel.h"

#include <QEvent>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QShortcut>
#include <QTableWidget>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

#include "engine/error.h"
#include "engine/interchange/csv_rows.h"
#include "ui/plots/number_format.h"
#include "ui/selection.h"
#include "ui/theme.h"

namespace clipscope {

BreakpointsPanel::BreakpointsPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Breakpoints"), selection, parent) {
  auto* row = new QHBoxLayout;
  row->setSpacing(6);
  m_edit = new QLineEdit(this);
  m_edit->setAccessibleName(tr("Condition"));
  m_edit->setPlaceholderText(tr("clipped_fraction > 0.9 and step >= 10"));
  m_edit->setToolTip(tr(
      "A number of the step with <, <=, > or >=; example 12; class 3; nan; phase clip; every 10. "
      "Joined by and, or"));
  auto* insertButton = new QToolButton(this);
  insertButton->setText(tr("Insert"));
  insertButton->setAccessibleName(tr("Insert a condition"));
  insertButton->setToolTip(tr("What a run can stop on"));
  insertButton->setPopupMode(QToolButton::InstantPopup);
  auto* choices = new QMenu(insertButton);
  for (const BreakQuantity& quantity : breakQuantities()) {
    const QString name = QString::fromUtf8(quantity.name.data());
    choices->addAction(tr("%1   (%2)").arg(QString::fromUtf8(quantity.title.data()), name), this,
                       [this, name] { insert(name + QStringLiteral(" > ")); });
  }
  choices->addSeparator();
  choices->addAction(tr("An example is drawn"), this, [this] {
    const auto& chosen = this->selection()->examples();
    insert(chosen.empty() ? QStringLiteral("example ")
                          : QStringLiteral("example %1").arg(*chosen.begin()));
  });
  choices->addAction(tr("A class is drawn"), this, [this] { insert(QStringLiteral("class ")); });
  choices->addAction(tr("A NaN or an infinity"), this, [this] { insert(QStringLiteral("nan")); });
  choices->addAction(tr("Every so many steps"), this,
                     [this] { insert(QStringLiteral("every 10")); });
  QMenu* phases = choices->addMenu(tr("At a phase"));
  for (const Phase phase : allPhases) {
    const QString name = QString::fromUtf8(phaseName(phase).data());
    phases->addAction(name, this,
                      [this, name] { insert(QStringLiteral("phase ") + name.toLower()); });
  }
  insertButton->setMenu(choices);
  m_add = new QPushButton(tr("Add"), this);
  row->addWidget(m_edit, 1);
  row->addWidget(insertButton);
  row->addWidget(m_add);
  body()->addLayout(row);
  m_problem = new QLabel(this);
  m_problem->setObjectName(QStringLiteral("problem"));
  m_problem->setWordWrap(true);
  m_problem->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_problem->hide();
  body()->addWidget(m_problem);
  m_table = new QTableWidget(0, ColumnCount, this);
  m_table->setObjectName(QStringLiteral("breakTable"));
  m_table->setAccessibleName(tr("Breakpoints"));
  m_table->setHorizontalHeaderLabels({tr("On"), tr("Stop when"), tr("Skip"), tr("Hits")});
  m_table->horizontalHeaderItem(Condition)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
  m_table->horizontalHeaderItem(Skip)->setToolTip(tr("Hits to run past before it stops"));
  m_table->verticalHeader()->hide();
  m_table->verticalHeader()->setDefaultSectionSize(24);
  m_table->setShowGrid(false);
  m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_table->setContextMenuPolicy(Qt::NoContextMenu);
  QHeaderView* header = m_table->horizontalHeader();
  header->setSectionResizeMode(QHeaderView::Fixed);
  header->setSectionResizeMode(Condition, QHeaderView::Stretch);
  header->resizeSection(On, 44);
  header->resizeSection(Skip, 64);
  header->resizeSection(Hits, 64);
  body()->addWidget(m_table, 1);
  m_hint = new QLabel(this);
  m_hint->setObjectName(QStringLiteral("hint"));
  m_hint->setWordWrap(true);
  m_hint->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_hint->setText(
      tr("Run (F5) and Step (N) stop where a condition holds, after the phase that "
         "shows it. Where they stopped depends on the data: it is private."));
  body()->addWidget(m_hint);
  connect(m_add, &QPushButton::clicked, this, &BreakpointsPanel::addTyped);
  connect(m_edit, &QLineEdit::returnPressed, this, &BreakpointsPanel::addTyped);
  connect(m_edit, &QLineEdit::textEdited, m_problem, &QWidget::hide);
  connect(m_table, &QTableWidget::cellChanged, this, &BreakpointsPanel::takeItem);
  auto* remove = new QShortcut(QKeySequence::Delete, m_table, this, &BreakpointsPanel::removeChosen,
                               Qt::WidgetShortcut);
  remove->setAutoRepeat(false);
}

void BreakpointsPanel::insert(const QString& text) {
  const QString before = m_edit->text().trimmed();
  const bool joins = !before.isEmpty() && !before.endsWith(QStringLiteral(" and")) &&
                     !before.endsWith(QStringLiteral(" or"));
  m_edit->setText(before.isEmpty()
                      ? text
                      : before + (joins ? QStringLiteral(" and ") : QStringLiteral(" ")) + text);
  m_edit->setFocus();
  m_problem->hide();
}

void BreakpointsPanel::addTyped() {
  try {
    std::vector<Breakpoint> list = m_breakpoints;
    list.emplace_back(BreakCondition(m_edit->text().trimmed().toStdString()));
    m_edit->clear();
    m_problem->hide();
    emit edited(list);
  } catch (const SettingError& error) {
    m_problem->setText(QString::fromUtf8(error.what()));
    m_problem->show();
  }
}

void BreakpointsPanel::takeItem(int row, int column) {
  if (m_filling) return;
  std::vector<Breakpoint> list = m_breakpoints;
  Breakpoint& breakpoint = list[static_cast<std::size_t>(row)];
  const QTableWidgetItem* item = m_table->item(row, column);
  try {
    if (column == On) {
      breakpoint.isEnabled = item->checkState() == Qt::Checked;
    } else if (column == Condition) {
      breakpoint.condition = BreakCondition(item->text().trimmed().toStdString());
      breakpoint.hits = 0;
    } else if (column == Skip) {
      bool isNumber = false;
      const qlonglong skip = item->text().toLongLong(&isNumber);
      if (!isNumber || skip < 0)
        throw SettingError("\"" + item->text().toStdString() +
                           "\" is no number of hits to skip; 0 or more");
      breakpoint.skip = skip;
    }
  } catch (const SettingError& error) {
    m_problem->setText(QString::fromUtf8(error.what()));
    m_problem->show();
    fill();
    return;
  }
  m_problem->hide();
  emit edited(list);
}

void BreakpointsPanel::removeChosen() {
  std::vector<Breakpoint> left;
  for (int row = 0; row < m_table->rowCount(); ++row)
    if (!m_table->selectionModel()->isRowSelected(row))
      left.push_back(m_breakpoints[static_cast<std::size_t>(row)]);
  if (left.size() != m_breakpoints.size()) emit edited(left);
}

void BreakpointsPanel::setBreakpoints(const std::vector<Breakpoint>& list) {
  if (list.size() != m_breakpoints.size()) m_hit.reset();
  m_breakpoints = list;
  fill();
  showPage();
}

void BreakpointsPanel::markHit(const BreakHit& hit) {
  m_hit = hit;
  fill();
  showPage();
}

void BreakpointsPanel::fill() {
  m_filling = true;
  m_table->setRowCount(static_cast<int>(m_breakpoints.size()));
  const Theme& t = Theme::current();
  for (std::size_t k = 0; k < m_breakpoints.size(); ++k) {
    const Breakpoint& breakpoint = m_breakpoints[k];
    const int row = static_cast<int>(k);
    const bool isHit = m_hit && m_hit->breakpoint == k;
    const auto put = [&](int column, const QString& text, Qt::ItemFlags flags) {
      QTableWidgetItem* item = m_table->item(row, column);
      if (!item) m_table->setItem(row, column, item = new QTableWidgetItem);
      item->setText(text);
      item->setFlags(flags);
      item->setTextAlignment((column == Skip || column == Hits ? Qt::AlignRight : Qt::AlignLeft) |
                             Qt::AlignVCenter);
      item->setForeground(!breakpoint.isEnabled ? t.dim : isHit ? t.threshold : t.ink);
      return item;
    };
    constexpr Qt::ItemFlags shown = Qt::ItemIsEnabled | Qt::ItemIsSelectable;
    put(On, QString(), shown | Qt::ItemIsUserCheckable)
        ->setCheckState(breakpoint.isEnabled ? Qt::Checked : Qt::Unchecked);
    QTableWidgetItem* condition = put(
        Condition, QString::fromStdString(breakpoint.condition.text()), shown | Qt::ItemIsEditable);
    condition->setToolTip(
        isHit
            ? tr("Stopped at step %1: %2").arg(m_hit->step).arg(QString::fromStdString(m_hit->why))
            : QString());
    put(Skip, QString::number(breakpoint.skip), shown | Qt::ItemIsEditable);
    put(Hits, grouped(breakpoint.hits), shown);
  }
  m_filling = false;
}

void BreakpointsPanel::showRecord() {
  // A record of another place: the run has moved on.
  if (m_hit && (record()->step != m_hit->step || record()->completed != m_hit->phase)) {
    m_hit.reset();
    fill();
  }
  showPage();
}

void BreakpointsPanel::showPage() {
  setEmptyText(QString());
  if (m_hit)
    setSummary(
        tr("stopped at step %1: %2").arg(m_hit->step).arg(QString::fromStdString(m_hit->why)));
  else if (m_breakpoints.empty())
    setSummary(tr("none"));
  else
    setSummary(tr("%1 of %2 on")
                   .arg(std::ranges::count_if(m_breakpoints, &Breakpoint::isEnabled))
                   .arg(m_breakpoints.size()));
}

void BreakpointsPanel::changeEvent(QEvent* event) {
  Panel::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) fill();
}

void BreakpointsPanel::addActions(QMenu& menu) {
  menu.addAction(tr("Remove"), this, &BreakpointsPanel::removeChosen)
      ->setEnabled(!m_table->selectionModel()->selectedRows().isEmpty());
  menu.addAction(tr("Remove all"), this, [this] { emit edited({}); })
      ->setEnabled(!m_breakpoints.empty());
  menu.addSeparator();
}

QString BreakpointsPanel::csv() const {
  std::string text("on,condition,skip,hits\n");
  for (const Breakpoint& breakpoint : m_breakpoints) {
    text += breakpoint.isEnabled ? "1," : "0,";
    appendText(text, breakpoint.condition.text());
    text += ',' + std::to_string(breakpoint.skip) + ',' + std::to_string(breakpoint.hits) + '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
