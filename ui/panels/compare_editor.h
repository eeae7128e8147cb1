// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>

#include "ui/panels/compare_set.h"

class QComboBox;
class QLineEdit;

namespace clipscope {

/// A popup that edits one column of the comparison. Every change is emitted at once.
class CompareEditor : public QFrame {
  Q_OBJECT

 public:
  CompareEditor(const CompareColumn& column, bool hasCustomGroups, QWidget* parent);

  QComboBox* grouping() const { return m_grouping; }
  QComboBox* strategy() const { return m_strategy; }
  QComboBox* allocation() const { return m_allocation; }
  QLineEdit* maxGradNorm() const { return m_maxGradNorm; }

 signals:
  void edited(const clipscope::CompareColumn& column);

 private:
  void collect();

  CompareColumn m_column;
  QComboBox *m_grouping, *m_strategy, *m_allocation, *m_thresholds;
  QLineEdit* m_maxGradNorm;
};

}  // namespace clipscope
