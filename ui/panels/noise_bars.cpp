// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/noise_bars.h"

#include <QHBoxLayout>
#include <QScrollBar>
#include <algorithm>
#include <cmath>

#include "ui/panels/tensor_label.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

constexpr int leastRow = 17;  // pixels
constexpr double barHeight = 0.32;
constexpr double barsBegin = -60;  // below every logarithm that comes up, and near enough to paint

/// The place of row k on the axis; rows go down.
double placeOf(std::size_t row) { return -static_cast<double>(row); }

/// A column of figures, right-aligned in tabular digits.
QString column(const QString& text, int width) {
  return QString(std::max<qsizetype>(0, width - text.size()), QChar(0x2007)) + text;
}

}  // namespace

NoiseBars::NoiseBars(QWidget* parent) : QWidget(parent) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(2);
  m_plot = new Plot(tr("Signal and noise by tensor"), this);
  row->addWidget(m_plot, 1);
  m_scroll = new QScrollBar(Qt::Vertical, this);
  m_scroll->setAccessibleName(tr("Tensors in view"));
  m_scroll->setToolTip(tr("Moves through the tensors"));
  row->addWidget(m_scroll);
  m_plot->axisRect()->setMinimumMargins(QMargins(6, 16, 6, 4));
  m_signal = new QCPBars(m_plot->yAxis, m_plot->xAxis);
  m_noise = new QCPBars(m_plot->yAxis, m_plot->xAxis);
  for (QCPBars* bars : {m_signal, m_noise}) {
    bars->setPen(Qt::NoPen);
    bars->setAntialiased(false);
    bars->setWidth(barHeight);
    bars->setBaseValue(barsBegin);
  }
  m_expected = m_plot->addGraph(m_plot->yAxis, m_plot->xAxis);
  m_expected->setLineStyle(QCPGraph::lsNone);
  m_head = new QCPItemText(m_plot);
  m_head->position->setType(QCPItemPosition::ptAxisRectRatio);
  m_head->position->setCoords(1.0, 0.0);
  m_head->setPositionAlignment(Qt::AlignLeft | Qt::AlignBottom);
  m_head->setClipToAxisRect(false);
  m_plot->yAxis2->setVisible(true);
  for (QCPAxis* axis : {m_plot->yAxis, m_plot->yAxis2}) {
    axis->setTickLengthIn(0);
    axis->setSubTickLength(0, 0);
    axis->setTickLabelPadding(6);
    axis->grid()->setVisible(false);
  }
  m_plot->xAxis->grid()->setVisible(true);
  m_plot->xAxis->setTicker(QSharedPointer<QCPAxisTicker>(new PowerTicker));
  m_plot->xAxis->setLabel(tr("length ‖·‖₂, logarithmic"));
  connect(m_plot->yAxis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), m_plot->yAxis2,
          qOverload<const QCPRange&>(&QCPAxis::setRange));
  m_plot->setFit([this] {
    const double low = std::log10(m_table.low), high = std::log10(m_table.high);
    const double room = std::max(0.1, 0.06 * (high - low));
    m_plot->xAxis->setRange(low - 2 * room, high + room);
    fitRows();
  });
  m_plot->setRecolour([this] { recolour(); });
  m_plot->setHoverText([this](QPointF at) { return hoverText(at); });
  connect(m_plot, &Plot::clicked, this, [this](QPointF at, bool add) {
    const double place = std::round(-at.y());
    if (place < 0 || place >= static_cast<double>(m_table.rows.size())) return;
    const std::string& name = m_table.rows[static_cast<std::size_t>(place)].name;
    if (!name.empty()) emit tensorClicked(name, add);
  });
  connect(m_scroll, &QScrollBar::valueChanged, this, [this](int first) {
    const double size = m_plot->yAxis->range().size();
    m_plot->yAxis->setRange(0.6 - first - size, 0.6 - first);
    m_plot->queueReplot();
  });
  recolour();
}

void NoiseBars::show(const NoiseTable& table) {
  m_table = table;
  draw();
}

void NoiseBars::light(const std::vector<std::string>& tensors) {
  m_lit = tensors;
  std::size_t used = 0;
  for (std::size_t k = 0; k < m_table.rows.size(); ++k) {
    if (!std::ranges::binary_search(m_lit, m_table.rows[k].name)) continue;
    if (used == m_bands.size()) {
      auto* band = new QCPItemRect(m_plot);
      band->setLayer(QStringLiteral("background"));
      band->setPen(Qt::NoPen);
      for (QCPItemPosition* corner : {band->topLeft, band->bottomRight})
        corner->setTypeX(QCPItemPosition::ptAxisRectRatio);
      m_bands.push_back(band);
    }
    QCPItemRect* band = m_bands[used++];
    band->setBrush(Theme::current().selection);
    band->topLeft->setCoords(0, placeOf(k) + 0.5);
    band->bottomRight->setCoords(1, placeOf(k) - 0.5);
    band->setVisible(true);
  }
  for (std::size_t k = used; k < m_bands.size(); ++k) m_bands[k]->setVisible(false);
  m_plot->queueReplot();
}

double NoiseBars::position(double value) const {
  return std::log10(std::max(value, m_table.low * 1e-3));
}

void NoiseBars::draw() {
  QVector<double> signalAt, signal, noiseAt, noise, expectedAt, expected;
  for (std::size_t k = 0; k < m_table.rows.size(); ++k) {
    const NoiseTable::Row& row = m_table.rows[k];
    signalAt.prepend(placeOf(k) + barHeight / 2);
    // A bar's value is its length from where it begins.
    signal.prepend(row.signal > 0 ? position(row.signal) - barsBegin : 0);
    noiseAt.prepend(placeOf(k) - barHeight / 2);
    // Nothing is drawn before phase Noise; then the tick alone says what to expect.
    noise.prepend(row.realised > 0 ? position(row.realised) - barsBegin : 0);
    if (!(row.expected > 0)) continue;
    expectedAt.prepend(placeOf(k) - barHeight / 2);
    expected.prepend(position(row.expected));
  }
  m_signal->setData(signalAt, signal, true);
  m_noise->setData(noiseAt, noise, true);
  m_expected->setData(expectedAt, expected, true);
  m_head->setText(m_table.grouped ? column(tr("s"), 6) + column(tr("SNR"), 5)
                                  : column(tr("SNR"), 5));
  fillLabels();
  light(m_lit);
  m_plot->refit();
}

QString NoiseBars::rightText(std::size_t k) const {
  const NoiseTable::Row& row = m_table.rows[k];
  QString text = column(shortNumber(row.snr, 3), 6);
  if (m_table.grouped) text = column(k == 0 ? QString() : shortNumber(row.std, 3), 6) + text;
  return text;
}

void NoiseBars::fillLabels() {
  QSharedPointer<QCPAxisTickerText> names(new QCPAxisTickerText), figures(new QCPAxisTickerText);
  const QFontMetrics metrics(m_plot->font());
  const int width = std::clamp(m_plot->width() / 4, 50, 150);
  const double size = std::max(1.0, m_plot->yAxis->range().size());
  const double pixels = std::max(1, m_plot->axisRect()->height()) / size;
  // Zoomed out further than a line of text needs, every second, third, … row keeps its name.
  const auto every = static_cast<std::size_t>(std::max(1.0, std::ceil(12.0 / pixels)));
  for (std::size_t k = 0; k < m_table.rows.size(); k += every) {
    const NoiseTable::Row& row = m_table.rows[k];
    names->addTick(placeOf(k), row.name.empty()
                                   ? tr("total")
                                   : tensorLabel(QString::fromStdString(row.name), metrics, width));
    figures->addTick(placeOf(k), rightText(k));
  }
  m_plot->yAxis->setTicker(names);
  m_plot->yAxis2->setTicker(figures);
}

int NoiseBars::visibleRows() const {
  const int height = m_plot->height() - 56;  // head, tick labels, axis title
  return std::clamp(height / leastRow, 3, std::max(3, static_cast<int>(m_table.rows.size())));
}

void NoiseBars::fitRows() {
  const int rows = static_cast<int>(m_table.rows.size());
  const int visible = std::min(rows, visibleRows());
  const QSignalBlocker block(m_scroll);
  m_scroll->setRange(0, std::max(0, rows - visible));
  m_scroll->setPageStep(visible);
  m_scroll->setVisible(rows > visible);
  const int first = m_scroll->value();
  m_plot->yAxis->setRange(0.6 - first - std::max(1, visible) - 0.2, 0.6 - first);
  fillLabels();
}

void NoiseBars::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  m_plot->refit();
}

void NoiseBars::recolour() {
  const Theme& t = Theme::current();
  m_signal->setBrush(t.after);
  m_noise->setBrush(t.threshold);
  // A tick across the noise's bar.
  QPainterPath tick;
  tick.moveTo(0, -5);
  tick.lineTo(0, 5);
  m_expected->setScatterStyle(QCPScatterStyle(tick, QPen(t.ink, 2), Qt::NoBrush, 6));
  m_head->setColor(t.dim);
  m_head->setFont(font());
  m_plot->xAxis->grid()->setPen(QPen(t.grid, 1));
  m_plot->yAxis->setTickLabelColor(t.ink);
  QCPAxis* right = m_plot->yAxis2;
  right->setBasePen(Qt::NoPen);
  right->setTickPen(Qt::NoPen);
  right->setSubTickPen(Qt::NoPen);
  right->setTickLabelColor(t.ink);
  right->setTickLabelFont(font());
}

QString NoiseBars::hoverText(QPointF at) const {
  const double place = std::round(-at.y());
  if (place < 0 || place >= static_cast<double>(m_table.rows.size())) return {};
  const NoiseTable::Row& row = m_table.rows[static_cast<std::size_t>(place)];
  QString text =
      row.name.empty()
          ? tr("all %1 coordinates").arg(grouped(row.size))
          : tr("%1, %2 coordinates").arg(QString::fromStdString(row.name), grouped(row.size));
  if (m_table.grouped && !row.name.empty())
    text += tr(", group %1").arg(QString::fromStdString(row.group));
  text += tr("\nsignal ‖s‖ = %1\nnoise expected s√d = %2, s = %3")
              .arg(shortNumber(row.signal), shortNumber(row.expected), shortNumber(row.std));
  if (m_table.drawn) text += tr("\nnoise drawn ‖z‖ = %1").arg(shortNumber(row.realised));
  text += tr("\nSNR ‖s‖/(s√d) = %1 / %2 = %3")
              .arg(shortNumber(row.signal), shortNumber(row.expected), shortNumber(row.snr, 3));
  if (m_table.drawn) text += tr(", with the noise drawn %1").arg(shortNumber(row.snrRealised, 3));
  text += tr("\nz ~ N(0, s²) in each coordinate: the Gaussian mechanism");
  return text;
}

}  // namespace clipscope
