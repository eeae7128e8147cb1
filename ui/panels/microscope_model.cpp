// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/microscope_model.h"

#include <QRegularExpression>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

double valueNamed(const QString& name, const ExampleStatistics& s) {
  if (name == QStringLiteral("norm")) return s.largestNorm;
  if (name == QStringLiteral("loss")) return s.lastLoss;
  if (name == QStringLiteral("clipped")) return s.clippedShare();
  if (name == QStringLiteral("factor")) return s.meanFactor;
  return static_cast<double>(s.draws);
}

bool compare(double a, const QString& sign, double b) {
  if (sign == QStringLiteral("<")) return a < b;
  if (sign == QStringLiteral("<=")) return a <= b;
  if (sign == QStringLiteral(">")) return a > b;
  return a >= b;
}

}  // namespace

std::optional<ExampleFilter> ExampleFilter::parse(const QString& text, QString* problem) {
  static const QRegularExpression comparison(
      QStringLiteral("^(norm|loss|clipped|factor|draws)\\s*(<=|>=|<|>)\\s*([-+.0-9eE]+)\\s*(%?)"));
  static const QRegularExpression ofClass(QStringLiteral("^class\\s+(?:\"([^\"]*)\"|([^\\s,]+))"));
  static const QRegularExpression number(QStringLiteral("^#?(\\d+)"));
  static const QRegularExpression between(QStringLiteral("^(?:,|and\\b|\\s)+"));
  ExampleFilter filter;
  QString rest = text.trimmed();
  while (!rest.isEmpty()) {
    QRegularExpressionMatch found = comparison.match(rest);
    bool isNumber = true;
    if (found.hasMatch()) {
      const QString name = found.captured(1), sign = found.captured(2);
      const double limit =
          found.captured(3).toDouble(&isNumber) * (found.captured(4).isEmpty() ? 1 : 0.01);
      if (isNumber)
        filter.m_tests.push_back([=](const ExampleStatistics& s, int, const QString&) {
          return compare(valueNamed(name, s), sign, limit);
        });
    } else if ((found = ofClass.match(rest)).hasMatch()) {
      const QString name = found.captured(1) + found.captured(2);
      filter.m_tests.push_back([=](const ExampleStatistics&, int label, const QString& of) {
        return of == name || QString::number(label) == name;
      });
    } else if ((found = number.match(rest)).hasMatch()) {
      const Index example = found.captured(1).toLongLong();
      filter.m_tests.push_back(
          [=](const ExampleStatistics& s, int, const QString&) { return s.example == example; });
    } else {
      isNumber = false;
    }
    if (!isNumber) {
      if (problem)
        *problem = QObject::tr(
                       "\"%1\" is not understood; write norm > 5, clipped >= 90 %, loss < "
                       "0.1, factor < 0.1, draws > 3, class 3 or an example's number")
                       .arg(rest);
      return std::nullopt;
    }
    rest = rest.mid(found.capturedEnd()).trimmed();
    rest = rest.mid(between.match(rest).capturedLength());
  }
  return filter;
}

bool ExampleFilter::passes(const ExampleStatistics& statistics, int label,
                           const QString& className) const {
  return std::ranges::all_of(m_tests,
                             [&](const Test& test) { return test(statistics, label, className); });
}

void MicroscopeModel::setData(std::vector<int> labels, std::vector<std::string> classNames) {
  beginResetModel();
  m_labels = std::move(labels);
  m_classNames = std::move(classNames);
  m_statistics.clear();
  m_epsilons.clear();
  m_rows.clear();
  endResetModel();
}

void MicroscopeModel::setStatistics(std::vector<ExampleStatistics> statistics) {
  m_statistics = std::move(statistics);
  order();
}

void MicroscopeModel::setEpsilons(std::vector<double> epsilons) {
  m_epsilons = std::move(epsilons);
  order();
}

void MicroscopeModel::setFilter(ExampleFilter filter) {
  m_filter = std::move(filter);
  order();
}

void MicroscopeModel::setNeverClippedOnly(bool only) {
  m_neverClipped = only;
  order();
}

QString MicroscopeModel::className(Index example) const {
  const auto i = static_cast<std::size_t>(example);
  const int label = i < m_labels.size() ? m_labels[i] : -1;
  if (label < 0) return {};
  const auto at = static_cast<std::size_t>(label);
  return at < m_classNames.size() ? QString::fromStdString(m_classNames[at])
                                  : QString::number(label);
}

double MicroscopeModel::number(Index example, int column) const {
  const ExampleStatistics& s = statistics(example);
  const auto i = static_cast<std::size_t>(example);
  switch (column) {
    case Example:
      return static_cast<double>(example);
    case Class:
      return i < m_labels.size() ? m_labels[i] : -1;
    case Draws:
      return static_cast<double>(s.draws);
    case Clipped:
      return s.clippedShare();
    case MeanNorm:
      return s.meanNorm;
    case LargestNorm:
      return s.largestNorm;
    case Factor:
      return s.meanFactor;
    case Loss:
      return s.lastLoss;
    default:
      return i < m_epsilons.size() ? m_epsilons[i] : notANumber;
  }
}

/// What a cell is, with its numbers.
QString MicroscopeModel::words(Index example, int column) const {
  const ExampleStatistics& s = statistics(example);
  const QString what = headerData(column, Qt::Horizontal, Qt::ToolTipRole).toString();
  const double value = number(example, column);
  if (column == Example || column == Class || std::isnan(value)) return what;
  QString values = shortNumber(value);
  if (column == Draws) values = QString::number(s.draws);
  if (column == Clipped)
    values = tr("%1 / %2 = %3").arg(s.clipped).arg(s.draws).arg(percent(value));
  if (column == MeanNorm || column == Factor)
    values += tr(", over %n draw(s)", nullptr, static_cast<int>(s.draws));
  if (column == Loss) values += tr(", in step %1").arg(s.lastStep);
  QString text = what + QStringLiteral("\n= ") + values;
  if (column == Epsilon) text += tr("\nYu et al. 2022, arXiv:2206.02617");
  if (column == Factor || column == Clipped) text += tr("\nAbadi et al. 2016, arXiv:1607.00133");
  return text;
}

int MicroscopeModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int MicroscopeModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : columnCount_;
}

QVariant MicroscopeModel::data(const QModelIndex& index, int role) const {
  const int column = index.column();
  if (role == Qt::TextAlignmentRole)
    return QVariant((column == Class ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  if (role == Qt::ToolTipRole) return words(m_rows[static_cast<std::size_t>(index.row())], column);
  if (role != Qt::DisplayRole) return {};
  const Index example = m_rows[static_cast<std::size_t>(index.row())];
  if (column == Class) return className(example);
  const double value = number(example, column);
  if (std::isnan(value)) return QStringLiteral("–");
  if (column == Example || column == Draws) return grouped(static_cast<Index>(value));
  if (column == Clipped) return percent(value);
  return std::isinf(value) ? QStringLiteral("∞") : shortNumber(value, 3);
}

QVariant MicroscopeModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (role == Qt::TextAlignmentRole)
    return QVariant((section == Class ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  static const char* const names[] = {
      QT_TR_NOOP("Example"), QT_TR_NOOP("Class"), QT_TR_NOOP("Draws"),
      QT_TR_NOOP("Clipped"), QT_TR_NOOP("Norm"),  QT_TR_NOOP("Largest"),
      QT_TR_NOOP("Factor"),  QT_TR_NOOP("Loss"),  QT_TR_NOOP("ε")};
  static const char* const tips[] = {
      QT_TR_NOOP("Index in the data set"),
      QT_TR_NOOP("Label"),
      QT_TR_NOOP("Steps that drew it, of those remembered"),
      QT_TR_NOOP("Share of its draws in which it was clipped: n > C in any group"),
      QT_TR_NOOP("Mean of its norm before clipping over its draws"),
      QT_TR_NOOP("Largest norm before clipping"),
      QT_TR_NOOP("Mean clip factor ‖clipped g‖/‖g‖"),
      QT_TR_NOOP("Loss when it was drawn last"),
      QT_TR_NOOP(
          "ε of this example by what its gradients used, the estimate (Privacy ▸ examples)")};
  if (role == Qt::DisplayRole) return tr(names[section]);
  if (role == Qt::ToolTipRole) return tr(tips[section]);
  return {};
}

void MicroscopeModel::sort(int column, Qt::SortOrder order) {
  m_sortColumn = column;
  m_sortOrder = order;
  this->order();
}

void MicroscopeModel::order() {
  beginResetModel();
  m_rows.clear();
  for (const ExampleStatistics& s : m_statistics) {
    if (s.draws == 0 || (m_neverClipped && s.clipped > 0)) continue;
    const auto i = static_cast<std::size_t>(s.example);
    if (m_filter.passes(s, i < m_labels.size() ? m_labels[i] : -1, className(s.example)))
      m_rows.push_back(s.example);
  }
  const bool descends = m_sortOrder == Qt::DescendingOrder;
  std::ranges::stable_sort(m_rows, [&](Index a, Index b) {
    const double x = number(a, m_sortColumn), y = number(b, m_sortColumn);
    // What is not known comes last, whichever way it is sorted.
    if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
    return descends ? x > y : x < y;
  });
  endResetModel();
}

}  // namespace clipscope
