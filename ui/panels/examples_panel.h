// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/panels/panel.h"

class QTableView;

namespace clipscope {

class ExamplesModel;

/// The batch as a sortable table.
class ExamplesPanel : public Panel {
  Q_OBJECT

 public:
  explicit ExamplesPanel(Selection* selection, QWidget* parent = nullptr);

  QString csv() const override;
  ExamplesModel* model() const { return m_model; }
  QTableView* table() const { return m_table; }

 protected:
  void showRecord() override;
  void showSelection() override;

 private:
  void copyRows();

  ExamplesModel* m_model;
  QTableView* m_table;
  bool m_syncing = false;
};

}  // namespace clipscope
