// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/data/dataset.h"
#include "ui/panels/panel.h"

class QAbstractItemView;
class QButtonGroup;
class QLineEdit;
class QListView;
class QScrollArea;
class QTableView;

namespace clipscope {

class ClassBars;
class DataModel;

/// The data set: its examples as pictures or as a table, class counts as bars; one class, or one
/// part of the data, at a time.
class DataPanel : public Panel {
  Q_OBJECT

 public:
  explicit DataPanel(Selection* selection, QWidget* parent = nullptr);

  /// `test`: the examples held out.
  void setData(std::shared_ptr<const Dataset> data, const std::vector<Index>& test);
  /// Of a recording whose data are not at hand.
  void setNoData(const QString& why);

  DataModel* model() const { return m_model; }
  QListView* grid() const { return m_grid; }
  QTableView* table() const { return m_table; }
  ClassBars* bars() const { return m_bars; }
  QButtonGroup* parts() const { return m_parts; }
  QLineEdit* search() const { return m_search; }

  QString csv() const override;

 protected:
  void showRecord() override;
  void showSelection() override;

 private:
  QAbstractItemView* view() const;
  void buildHead();
  void showFilter();
  void find(const QString& text);
  void selectFromView();

  DataModel* m_model;
  QListView* m_grid;
  QTableView* m_table;
  ClassBars* m_bars;
  QScrollArea* m_barsArea;
  QButtonGroup* m_parts;
  QLineEdit* m_search;
  bool m_syncing = false;
};

}  // namespace clipscope
