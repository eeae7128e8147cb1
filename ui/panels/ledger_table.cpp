// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/ledger_table.h"

#include <QHeaderView>
#include <QLabel>
#include <QTableWidget>
#include <QVBoxLayout>

#include "ui/plots/number_format.h"

namespace clipscope {

LedgerTable::LedgerTable(QWidget* parent) : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(8);
  m_table = new QTableWidget(0, 4, this);
  m_table->setObjectName(QStringLiteral("ledgerTable"));
  m_table->setAccessibleName(tr("Uses of the data"));
  m_table->setHorizontalHeaderLabels(
      {tr("Use of the data"), tr("Steps"), tr("Noise shared"), tr("ε alone")});
  m_table->verticalHeader()->hide();
  m_table->setShowGrid(false);
  m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
  m_table->setSelectionMode(QAbstractItemView::NoSelection);
  m_table->setContextMenuPolicy(Qt::NoContextMenu);
  m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  m_table->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
  for (int k = 1; k < 4; ++k)
    m_table->horizontalHeaderItem(k)->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
  m_table->horizontalHeaderItem(0)->setTextAlignment(Qt::AlignLeft | Qt::AlignVCenter);
  m_table->horizontalHeaderItem(2)->setToolTip(
      tr("Steps of its own at which another branch or a lane drew the same noise"));
  m_table->horizontalHeaderItem(3)->setToolTip(
      tr("What releasing its weights alone costs, as if there were no other use"));
  column->addWidget(m_table, 1);
  m_verdict = new QLabel(this);
  m_verdict->setWordWrap(true);
  m_verdict->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  column->addWidget(m_verdict);
  auto* hint = new QLabel(
      tr("Choosing C, σ, a branch or a lane from what was seen is in none of these numbers."),
      this);
  hint->setObjectName(QStringLiteral("hint"));
  hint->setWordWrap(true);
  column->addWidget(hint);
}

QString LedgerTable::verdict() const {
  const QString at =
      tr("at δ %1 (%2)")
          .arg(shortNumber(m_ledger.delta, 3), QString::fromStdString(m_ledger.accountant));
  if (m_ledger.entries.size() <= 1)
    return tr("One use of the data: ε %1 %2.").arg(shortNumber(m_ledger.all, 4), at);
  if (m_ledger.sharesNoise)
    return tr("All together have no ε: where two drew the same noise, their difference "
              "shows gradients that nothing covers. Release one of them. With fresh noise in each "
              "they would cost ε %1 %2.")
        .arg(shortNumber(m_ledger.allIndependent, 4), at);
  return tr("All together: ε %1 %2; steps they share count once.")
      .arg(shortNumber(m_ledger.all, 4), at);
}

void LedgerTable::show(const PrivacyLedger& ledger) {
  m_ledger = ledger;
  m_table->setRowCount(static_cast<int>(ledger.entries.size()));
  const bool isBound = accountantIsBound(ledger.accountant);
  for (std::size_t k = 0; k < ledger.entries.size(); ++k) {
    const LedgerEntry& entry = ledger.entries[k];
    const QString cells[] = {
        QString::fromStdString(entry.name), grouped(entry.steps),
        entry.shared > 0 ? grouped(entry.shared) : QStringLiteral("–"),
        (isBound ? QString() : QStringLiteral("≈ ")) + shortNumber(entry.epsilon, 4)};
    for (int c = 0; c < 4; ++c) {
      auto* item = new QTableWidgetItem(cells[c]);
      item->setTextAlignment((c == 0 ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
      m_table->setItem(static_cast<int>(k), c, item);
    }
  }
  // The style sheet's heads are bold and padded, which the header's own measure leaves out.
  QFont bold = m_table->font();
  bold.setBold(true);
  for (int c = 1; c < 4; ++c)
    m_table->setColumnWidth(
        c, QFontMetrics(bold).horizontalAdvance(m_table->horizontalHeaderItem(c)->text()) + 26);
  m_verdict->setText(verdict());
}

}  // namespace clipscope
