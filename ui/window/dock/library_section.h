// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <memory>

#include "engine/training/step_record.h"

class QGridLayout;
class QLabel;
class QTableWidget;

namespace clipscope {

/// In place of the settings, for a run that trains in another library: what the recording says of
/// that library, of the step shown, and of each process of a distributed run.
class LibrarySection : public QWidget {
 public:
  explicit LibrarySection(QWidget* parent = nullptr);

  void showRecord(const StepRecord& record);

  /// The value shown beside `name`, "Clipping norm C"; "" for none.
  QString value(const QString& name) const;
  QTableWidget* ranks() const { return m_ranks; }

 private:
  void addTitle(const QString& text);
  void addRow(const QString& name, const QString& tip);
  void set(const QString& name, const QString& value);
  void showRanks(const LibraryPart& part);

  QGridLayout* m_rows;
  QLabel* m_ranksTitle;
  QTableWidget* m_ranks;
  QLabel* m_notes;
};

}  // namespace clipscope
