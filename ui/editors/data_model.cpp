// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/data_model.h"

#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"

namespace clipscope {

void DataModel::setDataset(std::shared_ptr<const Dataset> data, std::vector<Index> test) {
  beginResetModel();
  m_data = std::move(data);
  m_rawOf = -1;
  m_batch.clear();
  m_isTest.assign(static_cast<std::size_t>(m_data ? m_data->size() : 0), false);
  for (const Index example : test) m_isTest[static_cast<std::size_t>(example)] = true;
  m_part = Part::All;
  m_label = -1;
  filter();
  endResetModel();
}

void DataModel::setBatch(std::vector<Index> examples) {
  std::sort(examples.begin(), examples.end());
  if (examples == m_batch) return;
  if (m_part != Part::Batch) {
    m_batch = std::move(examples);
    // Marks alone; what is not on screen is not asked for.
    if (!m_rows.empty()) emit dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
    return;
  }
  beginResetModel();
  m_batch = std::move(examples);
  filter();
  endResetModel();
}

void DataModel::setFilter(Part part, int label) {
  if (part == m_part && label == m_label) return;
  beginResetModel();
  m_part = part;
  m_label = label;
  filter();
  endResetModel();
}

bool DataModel::passes(Index example) const {
  switch (m_part) {
    case Part::All:
      return true;
    case Part::Train:
      return !isTest(example);
    case Part::Test:
      return isTest(example);
    case Part::Batch:
      return isInBatch(example);
  }
  return true;
}

void DataModel::filter() {
  m_rows.clear();
  m_counts.assign(
      static_cast<std::size_t>(m_data && m_data->isClassification() ? m_data->outputs() : 0), 0);
  for (Index i = 0; m_data && i < m_data->size(); ++i) {
    if (!passes(i)) continue;
    if (!m_counts.empty()) ++m_counts[static_cast<std::size_t>(m_data->label(i))];
    if (m_label < 0 || m_data->label(i) == m_label) m_rows.push_back(i);
  }
}

int DataModel::rowOf(Index example) const {
  const auto found = std::lower_bound(m_rows.begin(), m_rows.end(), example);
  return found != m_rows.end() && *found == example ? static_cast<int>(found - m_rows.begin()) : -1;
}

bool DataModel::isInBatch(Index example) const {
  return std::binary_search(m_batch.begin(), m_batch.end(), example);
}

QString DataModel::labelText(Index example) const {
  if (m_data->isClassification()) {
    const int label = m_data->label(example);
    const auto& names = m_data->classNames();
    return static_cast<std::size_t>(label) < names.size()
               ? QString::fromStdString(names[static_cast<std::size_t>(label)])
               : QString::number(label);
  }
  QStringList parts;
  for (const float target : m_data->targets(example))
    parts << shortNumber(static_cast<double>(target));
  return parts.join(QStringLiteral(", "));
}

QImage DataModel::picture(const Dataset& data, Index example) {
  const std::vector<float> values = data.raw(example);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const bool pixels = *low >= 0 && *high <= 1;
  const float shift = pixels ? 0 : *low, range = pixels ? 1 : *high - *low;
  const int channels = static_cast<int>(data.shape()[0]);
  const int height = static_cast<int>(data.shape()[1]), width = static_cast<int>(data.shape()[2]);
  const auto level = [&](int channel, int y, int x) {
    const float v = values[static_cast<std::size_t>((channel * height + y) * width + x)];
    const float share = range > 0 ? (v - shift) / range : 0;
    return std::isfinite(share) ? static_cast<int>(std::lround(share * 255)) : 0;
  };
  QImage image(width, height, QImage::Format_RGB32);
  for (int y = 0; y < height; ++y) {
    auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
    for (int x = 0; x < width; ++x) {
      const int first = level(0, y, x);
      line[x] =
          channels == 3 ? qRgb(first, level(1, y, x), level(2, y, x)) : qRgb(first, first, first);
    }
  }
  return image;
}

int DataModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int DataModel::columnCount(const QModelIndex& parent) const {
  if (parent.isValid()) return 0;
  return FirstFeature +
         (m_data && !m_data->isImage() ? static_cast<int>(m_data->shape().size()) : 0);
}

QVariant DataModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const Index example = exampleAt(index.row());
  const QString part = isTest(example) ? tr("test") : tr("train");
  switch (role) {
    case Qt::DisplayRole:
      if (index.column() == Example) return QString::number(example);
      if (index.column() == Label) return labelText(example);
      if (index.column() == PartOf) return isInBatch(example) ? tr("%1, in batch").arg(part) : part;
      if (m_rawOf != example) {
        m_raw = m_data->raw(example);
        m_rawOf = example;
      }
      return shortNumber(
          static_cast<double>(m_raw[static_cast<std::size_t>(index.column() - FirstFeature)]));
    case Qt::TextAlignmentRole:
      return QVariant(
          Qt::AlignVCenter |
          (index.column() == Label || index.column() == PartOf ? Qt::AlignLeft : Qt::AlignRight));
    case Qt::ToolTipRole:
    case Qt::AccessibleTextRole: {
      const QString text =
          m_data->isClassification()
              ? tr("Example %1 · label %2 · %3").arg(example).arg(labelText(example), part)
              : tr("Example %1 · target %2 · %3").arg(example).arg(labelText(example), part);
      return isInBatch(example) ? tr("%1 · in this batch").arg(text) : text;
    }
    default:
      return {};
  }
}

QVariant DataModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || !m_data) return {};
  if (role == Qt::TextAlignmentRole)
    return QVariant(Qt::AlignVCenter |
                    (section == Label || section == PartOf ? Qt::AlignLeft : Qt::AlignRight));
  if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
  if (section == Example) return tr("Example");
  if (section == Label) return m_data->isClassification() ? tr("Label") : tr("Target");
  if (section == PartOf) return tr("Part");
  const auto feature = static_cast<std::size_t>(section - FirstFeature);
  const auto& names = m_data->featureNames();
  return feature < names.size() ? QString::fromStdString(names[feature])
                                : tr("x%1").arg(feature + 1);
}

}  // namespace clipscope
