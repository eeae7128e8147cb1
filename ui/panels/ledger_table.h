// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "engine/session/privacy_ledger.h"

class QLabel;
class QTableWidget;

namespace clipscope {

/// What the session used the data for, branch by branch, and what all of it together costs.
class LedgerTable : public QWidget {
  Q_OBJECT

 public:
  explicit LedgerTable(QWidget* parent = nullptr);

  void show(const PrivacyLedger& ledger);
  using QWidget::show;
  const PrivacyLedger& ledger() const { return m_ledger; }
  /// The sentence under the table.
  QString verdict() const;

 private:
  QTableWidget* m_table;
  QLabel* m_verdict;
  PrivacyLedger m_ledger;
};

}  // namespace clipscope
