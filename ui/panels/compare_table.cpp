// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/compare_table.h"

#include <QApplication>
#include <QFont>

#include "ui/theme.h"

namespace clipscope {

CompareTable::CompareTable(const CompareSet& set, QObject* parent)
    : QAbstractTableModel(parent), m_set(set), m_columns(static_cast<int>(set.columns.size())) {}

void CompareTable::renew() {
  const int columns = static_cast<int>(m_set.columns.size());
  if (columns != m_columns) {
    beginResetModel();
    m_columns = columns;
    endResetModel();
  } else {
    emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
    emit headerDataChanged(Qt::Horizontal, 0, columnCount() - 1);
  }
}

int CompareTable::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : CompareSet::rows;
}

int CompareTable::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : m_columns + 1;
}

QVariant CompareTable::data(const QModelIndex& index, int role) const {
  const auto row = static_cast<CompareSet::Row>(index.row());
  const Theme& theme = Theme::current();
  if (role == Qt::ToolTipRole)
    return index.column() == 0 ? CompareSet::explanation(row)
                               : m_set.words(row, static_cast<std::size_t>(index.column() - 1));
  if (index.column() == 0) {
    if (role == Qt::DisplayRole) return CompareSet::name(row);
    if (role == Qt::ForegroundRole) return theme.dim;
    return {};
  }
  const auto column = static_cast<std::size_t>(index.column() - 1);
  const bool best = m_set.isBest(row, column);
  switch (role) {
    case Qt::DisplayRole:
      return best ? QStringLiteral("✓ ") + m_set.text(row, column) : m_set.text(row, column);
    case Qt::UserRole:
      return m_set.value(row, column);
    case Qt::TextAlignmentRole:
      return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::ForegroundRole:
      return best ? theme.good : theme.ink;
    case Qt::FontRole: {
      QFont font = QApplication::font();
      font.setBold(best);
      return font;
    }
    default:
      return {};
  }
}

QVariant CompareTable::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (section == 0) return role == Qt::DisplayRole ? QVariant(QString()) : QVariant();
  const auto column = static_cast<std::size_t>(section - 1);
  if (column >= m_set.columns.size()) return {};
  switch (role) {
    case Qt::DisplayRole:
      return shortName(m_set.columns[column]);
    case Qt::TextAlignmentRole:
      return QVariant(Qt::AlignRight | Qt::AlignVCenter);
    case Qt::ToolTipRole: {
      const QString problem = m_set.problem(column);
      return problem.isEmpty()
                 ? tr("%1: click to edit, use or remove").arg(longName(m_set.columns[column]))
                 : problem;
    }
    default:
      return {};
  }
}

}  // namespace clipscope
