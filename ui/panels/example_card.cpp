// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/example_card.h"

#include <QEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
constexpr int pictureSide = 104, cardLine = 19, valueLine = 16;
constexpr int mostValueRows = 16;
}  // namespace

ExampleCard::ExampleCard(QWidget* parent) : QWidget(parent) {
  setAccessibleName(tr("Example"));
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void ExampleCard::show(std::shared_ptr<const Dataset> data, std::shared_ptr<const RunInfo> info,
                       const ExampleFacts& facts, Index batchSize) {
  const bool another = data != m_data || facts.example != m_facts.example;
  m_data = std::move(data);
  m_info = std::move(info);
  m_facts = facts;
  m_batchSize = batchSize;
  if (another) {
    m_values.clear();
    if (m_data && facts.example >= 0 && facts.example < m_data->size())
      m_values = m_data->raw(facts.example);
    makePicture();
    updateGeometry();
  }
  setAccessibleDescription(lines().join(QStringLiteral(", ")));
  setToolTip(std::isnan(facts.factor)
                 ? QString()
                 : tr("n = ‖g‖ = √Σₚ ‖∂L/∂θₚ‖² = %1\nclip factor f = ‖clipped g‖/n = %2/%1 = %3\n"
                      "Abadi et al. 2016, arXiv:1607.00133")
                       .arg(shortNumber(facts.before), shortNumber(facts.after),
                            shortNumber(facts.factor)));
  update();
}

void ExampleCard::makePicture() {
  m_picture = QImage();
  if (!m_data || !m_data->isImage() || m_values.empty()) return;
  const Index channels = m_data->shape()[0], height = m_data->shape()[1],
              width = m_data->shape()[2];
  m_picture = QImage(static_cast<int>(width), static_cast<int>(height), QImage::Format_RGB32);
  const Theme& theme = Theme::current();
  const auto value = [&](Index channel, Index y, Index x) {
    return std::clamp(m_values[static_cast<std::size_t>((channel * height + y) * width + x)], 0.0f,
                      1.0f);
  };
  const auto level = [](float v) { return static_cast<int>(std::lround(255 * v)); };
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x) {
      QColor colour;
      if (channels >= 3) {
        colour = QColor(level(value(0, y, x)), level(value(1, y, x)), level(value(2, y, x)));
      } else {
        // One channel is ink on paper, in either theme.
        const int v = level(value(0, y, x));
        colour = theme.dark ? QColor(v, v, v) : QColor(255 - v, 255 - v, 255 - v);
      }
      m_picture.setPixelColor(static_cast<int>(x), static_cast<int>(y), colour);
    }
}

QStringList ExampleCard::lines() const {
  QStringList lines{tr("#%1").arg(m_facts.example)};
  const bool known = m_data && m_facts.example >= 0 && m_facts.example < m_data->size();
  if (m_facts.row < 0) {
    if (known && m_info && m_data->isClassification())
      lines << tr("label %1").arg(className(*m_info, m_data->label(m_facts.example)));
    return lines << tr("not drawn in this step");
  }
  if (known && !m_data->isClassification()) {
    QStringList targets;
    for (const float target : m_data->targets(m_facts.example))
      targets << shortNumber(static_cast<double>(target));
    lines << tr("target %1").arg(targets.join(QStringLiteral(", ")));
  } else {
    lines << tr("label %1").arg(className(*m_info, m_facts.label));
    if (m_facts.prediction >= 0)
      lines << (m_facts.wrong ? tr("predicted %1, wrong") : tr("predicted %1"))
                   .arg(className(*m_info, m_facts.prediction));
  }
  if (!std::isnan(m_facts.loss)) lines << tr("loss %1").arg(shortNumber(m_facts.loss, 3));
  if (m_facts.rank > 0) lines << tr("rank %1 of %2").arg(m_facts.rank).arg(m_batchSize);
  return lines;
}

int ExampleCard::valueRows() const {
  if (!m_picture.isNull() || m_values.empty()) return 0;
  const int rows = (static_cast<int>(m_values.size()) + 1) / 2;
  return std::min(rows, mostValueRows) + (rows > mostValueRows ? 1 : 0);
}

QSize ExampleCard::sizeHint() const {
  const int head = m_picture.isNull() ? 6 * cardLine : pictureSide + 2;
  return {246, head + 8 + valueRows() * valueLine + (valueRows() > 0 ? 6 : 0) + 3 * cardLine};
}

void ExampleCard::paintEvent(QPaintEvent*) {
  if (m_facts.example < 0) return;
  const Theme& theme = Theme::current();
  QPainter painter(this);
  double left = 0, top = 0;
  if (!m_picture.isNull()) {
    const QSizeF size =
        QSizeF(m_picture.size()).scaled(pictureSide, pictureSide, Qt::KeepAspectRatio);
    const QRectF place(1 + (pictureSide - size.width()) / 2, 1 + (pictureSide - size.height()) / 2,
                       size.width(), size.height());
    painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
    painter.drawImage(place, m_picture);
    painter.setPen(QPen(theme.edge, 1));
    painter.drawRect(QRectF(0.5, 0.5, pictureSide + 1, pictureSide + 1));
    left = pictureSide + 14;
  }
  const QFont plain = painter.font();
  const QStringList said = lines();
  for (qsizetype k = 0; k < said.size(); ++k) {
    QFont font = plain;
    if (k == 0) {
      font.setBold(true);
      font.setPixelSize(15);
    }
    painter.setFont(font);
    const bool alarm = m_facts.wrong && m_facts.prediction >= 0 && k == 2;
    painter.setPen(alarm ? theme.threshold : k == said.size() - 1 && k > 1 ? theme.dim : theme.ink);
    const QRectF place(left, top + (k == 0 ? 0 : 4) + static_cast<double>(k) * cardLine,
                       width() - left, cardLine);
    painter.drawText(
        place, Qt::AlignLeft | Qt::AlignVCenter,
        QFontMetrics(font).elidedText(said[k], Qt::ElideRight, static_cast<int>(place.width())));
  }
  painter.setFont(plain);
  top = (m_picture.isNull() ? 6 * cardLine : pictureSide + 2) + 8;
  const int rows = valueRows();
  if (rows > 0) {
    const double column = width() / 2.0;
    const bool more = (static_cast<int>(m_values.size()) + 1) / 2 > mostValueRows;
    const int shown = std::min<int>(static_cast<int>(m_values.size()), 2 * mostValueRows);
    for (int k = 0; k < shown; ++k) {
      const QRectF cell((k % 2) * (column + 6), top + k / 2 * valueLine, column - 6, valueLine);
      const QString name =
          static_cast<std::size_t>(k) < m_data->featureNames().size()
              ? QString::fromStdString(m_data->featureNames()[static_cast<std::size_t>(k)])
              : tr("x%1").arg(k + 1);
      const QString value = shortNumber(static_cast<double>(m_values[static_cast<std::size_t>(k)]));
      const int room = static_cast<int>(cell.width()) - fontMetrics().horizontalAdvance(value) - 6;
      painter.setPen(theme.dim);
      painter.drawText(cell, Qt::AlignLeft | Qt::AlignVCenter,
                       fontMetrics().elidedText(name, Qt::ElideRight, room));
      painter.setPen(theme.ink);
      painter.drawText(cell, Qt::AlignRight | Qt::AlignVCenter, value);
    }
    if (more) {
      painter.setPen(theme.dim);
      painter.drawText(QRectF(0, top + (rows - 1) * valueLine, width(), valueLine),
                       Qt::AlignLeft | Qt::AlignVCenter,
                       tr("… and %1 more").arg(static_cast<int>(m_values.size()) - shown));
    }
    top += rows * valueLine + 6;
  }
  QFont bold = plain;
  bold.setBold(true);
  const std::pair<QString, QString> facts[] = {
      {tr("norm before"), shortNumber(m_facts.before)},
      {tr("clip factor"), m_facts.dropped ? tr("0, not finite") : shortNumber(m_facts.factor)},
      {tr("norm after"), shortNumber(m_facts.after)}};
  for (const auto& [name, value] : facts) {
    const QRectF place(0, top, width(), cardLine);
    painter.setPen(theme.dim);
    painter.setFont(plain);
    painter.drawText(place, Qt::AlignLeft | Qt::AlignVCenter, name);
    painter.setPen(theme.ink);
    painter.setFont(bold);
    painter.drawText(place, Qt::AlignRight | Qt::AlignVCenter, value);
    top += cardLine;
  }
}

void ExampleCard::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() != QEvent::PaletteChange) return;
  makePicture();
  update();
}

}  // namespace clipscope
