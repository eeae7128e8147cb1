// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/examples_model.h"

#include <QColor>
#include <algorithm>
#include <cmath>

#include "engine/formats/number_text.h"
#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

void ExamplesModel::setRecord(std::shared_ptr<const StepRecord> record) {
  beginResetModel();
  m_record = std::move(record);
  m_rows.clear();
  const Index count = m_record && m_record->has(Phase::Forward) ? m_record->batchSize() : 0;
  double low = 1e300, high = 0;
  for (Index i = 0; i < count; ++i) {
    m_rows.push_back(i);
    if (!m_record->has(Phase::Norms)) continue;
    for (const int column : {Norm, ClippedNorm}) {
      const double n = number(i, column);
      if (!(n > 0) || !std::isfinite(n)) continue;
      low = std::min(low, n);
      high = std::max(high, n);
    }
  }
  m_low = high > 0 ? std::log10(std::max(low, high * 1e-6)) - 0.05 : 0;
  m_high = high > 0 ? std::log10(high) + 0.05 : 1;
  order();
  endResetModel();
}

int ExamplesModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int ExamplesModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : columnCount_;
}

double ExamplesModel::number(Index i, int column) const {
  const auto at = static_cast<std::size_t>(i);
  const StepRecord& r = *m_record;
  switch (column) {
    case Example:
      return static_cast<double>(r.sample->examples[at]);
    case Label:
      return r.sample->labels[at];
    case Prediction:
      return r.forward->predictions[at];
    case Loss:
      return static_cast<double>(r.forward->losses[at]);
    case Norm:
    case Dumbbell:
      return r.has(Phase::Norms) ? r.norms->global[at] : notANumber;
    case Factor:
      return r.has(Phase::Clip) ? r.clip->factors.overallFactor(i) : notANumber;
    case ClippedNorm:
      return r.has(Phase::Clip) ? r.clip->factors.clippedNorm(i) : notANumber;
    case Rank:
      return r.sample->ranks.empty() ? -1 : r.sample->ranks[at];
    default:
      return notANumber;
  }
}

QString ExamplesModel::text(Index i, int column) const {
  const double value = number(i, column);
  const auto& classes = m_record->info->classNames;
  switch (column) {
    case Example:
      return QStringLiteral("#") + QString::number(static_cast<qint64>(value));
    case Label:
    case Prediction: {
      if (value < 0) return QStringLiteral("–");
      const auto at = static_cast<std::size_t>(value);
      return at < classes.size() ? QString::fromStdString(classes[at]) : QString::number(value);
    }
    case Dumbbell:
      return {};
    case Rank:
      return value < 0 ? QString() : QString::number(value);
    case Norm:
      if (m_record->has(Phase::Norms) && !std::isfinite(value)) return tr("not finite");
      return shortNumber(value);
    default:
      return shortNumber(value);
  }
}

/// What a number is: its formula, with this example's values, and where it comes from.
QString ExamplesModel::words(Index i, int column) const {
  const auto whole = [&](int of) { return QString::fromStdString(numberText(number(i, of))); };
  const auto shown = [&](int of) { return shortNumber(number(i, of)); };
  switch (column) {
    case Loss:
      return tr("L_i, before the update\n= %1").arg(whole(Loss));
    case Norm: {
      QStringList parts;
      const NormTable& norms = m_record->norms ? m_record->norms->norms : NormTable();
      for (Index t = 0; t < std::min<Index>(norms.tensors(), 3); ++t)
        parts << shortNumber(norms.at(i, t)) + QStringLiteral("²");
      if (norms.tensors() > 3) parts << QStringLiteral("…");
      return tr("n_i = √(Σ_p ‖∂L_i/∂θ_p‖²)\n= √(%1) = %2\nAbadi et al. 2016, arXiv:1607.00133")
          .arg(parts.join(QStringLiteral(" + ")), whole(Norm));
    }
    case Factor:
      return tr("f_i = ‖clipped g_i‖/n_i\n= %1 / %2 = %3\nAbadi et al. 2016, arXiv:1607.00133")
          .arg(shown(ClippedNorm), shown(Norm), whole(Factor));
    case ClippedNorm:
      return tr("‖clipped g_i‖ = √(Σ_k f_ik² n_ik²)\n= %1 · %2 = %3")
          .arg(shown(Factor), shown(Norm), whole(ClippedNorm));
    default:
      return headerData(column, Qt::Horizontal, Qt::ToolTipRole).toString();
  }
}

QVariant ExamplesModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount() || index.column() >= columnCount_) return {};
  const Index i = m_rows[static_cast<std::size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole:
      return text(i, index.column());
    case Qt::UserRole:
      return number(i, index.column());
    case Qt::TextAlignmentRole:
      return QVariant::fromValue(Qt::Alignment(Qt::AlignRight | Qt::AlignVCenter));
    case Qt::ToolTipRole:
      return words(i, index.column());
    case Qt::ForegroundRole:
      if (index.column() == Prediction && number(i, Prediction) >= 0 &&
          number(i, Prediction) != number(i, Label))
        return Theme::current().threshold;
      return {};
    default:
      return {};
  }
}

QVariant ExamplesModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= columnCount_) return {};
  static const char* const titles[] = {"example",      "label",    "predicted",
                                       "loss",         "norm ‖g‖", "clip factor",
                                       "clipped norm", "rank",     "before → after"};
  static const char* const tips[] = {
      "Its number in the data set",
      "Its class",
      "The class with the largest score",
      "Its own loss, before the update",
      "n = ‖g‖₂ over all trainable parameters",
      "f = ‖clipped g‖ / ‖g‖",
      "‖clipped g‖₂",
      "The process that drew it",
      "Grey: before, blue: after, line: the clipping norm C; logarithmic"};
  if (role == Qt::DisplayRole) return QString::fromUtf8(titles[section]);
  if (role == Qt::ToolTipRole) return QString::fromUtf8(tips[section]);
  if (role == Qt::TextAlignmentRole)
    return QVariant::fromValue(
        Qt::Alignment((section == Dumbbell ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter));
  return {};
}

void ExamplesModel::sort(int column, Qt::SortOrder order) {
  m_sortColumn = column;
  m_sortOrder = order;
  emit layoutAboutToBeChanged({}, QAbstractItemModel::VerticalSortHint);
  const QModelIndexList before = persistentIndexList();
  std::vector<Index> held;
  for (const QModelIndex& index : before)
    held.push_back(m_rows[static_cast<std::size_t>(index.row())]);
  this->order();
  std::vector<int> place(m_rows.size());
  for (std::size_t row = 0; row < m_rows.size(); ++row)
    place[static_cast<std::size_t>(m_rows[row])] = static_cast<int>(row);
  QModelIndexList after;
  for (qsizetype k = 0; k < before.size(); ++k)
    after << index(place[static_cast<std::size_t>(held[static_cast<std::size_t>(k)])],
                   before[k].column());
  changePersistentIndexList(before, after);
  emit layoutChanged({}, QAbstractItemModel::VerticalSortHint);
}

void ExamplesModel::order() {
  if (m_sortColumn < 0 || m_sortColumn >= columnCount_) return;
  std::vector<double> keys(m_rows.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    double key = number(static_cast<Index>(i), m_sortColumn);
    // What is not finite is what one looks for first.
    if (std::isnan(key)) key = std::numeric_limits<double>::infinity();
    keys[i] = m_sortOrder == Qt::AscendingOrder ? key : -key;
  }
  std::sort(m_rows.begin(), m_rows.end());
  std::stable_sort(m_rows.begin(), m_rows.end(), [&](Index a, Index b) {
    return keys[static_cast<std::size_t>(a)] < keys[static_cast<std::size_t>(b)];
  });
}

Index ExamplesModel::exampleAt(int row) const {
  return m_record->sample
      ->examples[static_cast<std::size_t>(m_rows[static_cast<std::size_t>(row)])];
}

int ExamplesModel::rowOf(Index example) const {
  for (std::size_t row = 0; row < m_rows.size(); ++row)
    if (exampleAt(static_cast<int>(row)) == example) return static_cast<int>(row);
  return -1;
}

ExamplesModel::Bar ExamplesModel::barAt(int row) const {
  Bar bar;
  if (!m_record || !m_record->has(Phase::Norms)) return bar;
  const Index i = m_rows[static_cast<std::size_t>(row)];
  bar.before = number(i, Norm);
  bar.low = m_low;
  bar.high = m_high;
  bar.clipped = m_record->has(Phase::Clip);
  if (bar.clipped) {
    bar.after = number(i, ClippedNorm);
    bar.threshold = m_record->clip->maxGradNorm;
  }
  return bar;
}

}  // namespace clipscope
