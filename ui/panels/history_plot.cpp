// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/history_plot.h"

#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <utility>

#include "ui/panels/history_words.h"
#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

constexpr int grip = 5;           // pixels beside the cursor where it can be taken
constexpr int markedPoints = 60;  // more evaluations than this are a line alone
constexpr int titleHeight = 16;

/// Whole steps only.
class StepTicker : public QCPAxisTicker {
 public:
  StepTicker() { setTickCount(4); }

 protected:
  double getTickStep(const QCPRange& range) override {
    return std::max(1.0, std::round(QCPAxisTicker::getTickStep(range)));
  }
  QString getTickLabel(double tick, const QLocale&, QChar, int) override {
    if (tick >= 1e6 || tick < 0) return tick < 0 ? QString() : QString::number(tick, 'g', 4);
    return grouped(std::llround(tick));
  }
  int getSubTickCount(double) override { return 0; }
};

/// Few ticks: the plots are small.
class ValueTicker : public QCPAxisTicker {
 public:
  explicit ValueTicker(bool isShare) : m_isShare(isShare) { setTickCount(4); }

 protected:
  QString getTickLabel(double tick, const QLocale&, QChar, int) override {
    const double value = std::abs(tick) < 1e-12 ? 0 : tick;
    return m_isShare ? QString::number(100 * value, 'g', 4) + QStringLiteral(" %")
                     : QString::number(value, 'g', 4);
  }
  int getSubTickCount(double) override { return 0; }

 private:
  bool m_isShare;
};

}  // namespace

HistoryPlot::HistoryPlot(const HistoryChart& chart, QWidget* parent)
    : Plot(Plot::tr("%1 over the steps").arg(chart.title), parent),
      m_chart(chart),
      m_overlay(this, chart.overlaid),
      m_levels(chart.series.size()),
      m_plainTicker(new ValueTicker(chart.isShare)),
      m_powerTicker(new PowerTicker),
      m_logarithmic(chart.logarithmic) {
  axisRect()->setMinimumMargins(QMargins(30, titleHeight + 4, 6, 2));
  axisRect()->setRangeDrag(Qt::Horizontal);
  xAxis->setTicker(QSharedPointer<QCPAxisTicker>(new StepTicker));
  yAxis->setTicker(m_logarithmic ? m_powerTicker : m_plainTicker);
  for (std::size_t s = 0; s < m_chart.series.size(); ++s) {
    auto* graph = addGraph();
    graph->setAntialiasedFill(false);
    m_graphs.push_back(graph);
    // A band is filled between its edges.
    if (m_chart.series[s].isBand() && s > 0 && m_chart.series[s - 1].kind == m_chart.series[s].kind)
      graph->setChannelFillGraph(m_graphs[s - 1]);
  }
  setPlottingHint(QCP::phFastPolylines, true);
  const auto text = [this](const QString& what) {
    auto* item = new QCPItemText(this);
    item->position->setType(QCPItemPosition::ptAbsolute);
    item->setPositionAlignment(Qt::AlignLeft | Qt::AlignTop);
    item->setClipToAxisRect(false);
    item->setText(what);
    return item;
  };
  m_title = text(m_chart.title);
  for (const HistorySeries& series : m_chart.series)
    m_legend.push_back(m_chart.series.size() == 1 || series.isBand() ? nullptr : text(series.name));
  m_isEmpty.assign(m_legend.size(), true);
  m_note = text(QString());
  m_note->position->setType(QCPItemPosition::ptAxisRectRatio);
  m_note->position->setCoords(0.5, 0.5);
  m_note->setPositionAlignment(Qt::AlignCenter);
  // The cursor moves without the curves being drawn again.
  addLayer(QStringLiteral("cursor"), nullptr);
  layer(QStringLiteral("cursor"))->setMode(QCPLayer::lmBuffered);
  m_cursorLine = new QCPItemStraightLine(this);
  m_cursorLine->setLayer(QStringLiteral("cursor"));
  m_cursorLine->setVisible(false);
  setToolTip({});
  setRecolour([this] { recolour(); });
  setHoverText([this](QPointF at) { return hoverText(at.x()); });
  connect(xAxis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this,
          [this](const QCPRange& range) {
            if (m_setting) return;
            draw();
            emit stepsChanged(range.lower, range.upper);
          });
  connect(yAxis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this, [this] {
    if (!m_setting) m_userValues = true;
  });
  connect(this, &Plot::clicked, this, [this](QPointF at) { emit stepRequested(stepAt(at.x())); });
  recolour();
  QEvent change(QEvent::PaletteChange);
  QCoreApplication::sendEvent(this, &change);
}

void HistoryPlot::recolour() {
  if (m_graphs.empty()) return;
  const Theme& theme = Theme::current();
  for (std::size_t s = 0; s < m_graphs.size(); ++s) {
    const HistorySeries& series = m_chart.series[s];
    QColor colour = series.colour(theme);
    QCPGraph* graph = m_graphs[s];
    if (series.isBand()) {
      colour.setAlpha(series.kind == HistorySeries::Kind::Wide ? 60 : 110);
      graph->setPen(Qt::NoPen);
      graph->setBrush(graph->channelFillGraph() ? QBrush(colour) : Qt::NoBrush);
      continue;
    }
    QPen pen(colour, 1.5);
    if (series.kind == HistorySeries::Kind::Dashed) pen = QPen(colour, 1, Qt::DashLine);
    graph->setPen(pen);
    if (m_legend[s]) m_legend[s]->setColor(colour);
  }
  m_overlay.recolour();
  QFont font = this->font();
  font.setPixelSize(11);
  for (QCPItemText* item : m_legend)
    if (item) item->setFont(font);
  m_title->setFont(font);
  m_title->setColor(theme.dim);
  m_note->setFont(font);
  m_note->setColor(theme.dim);
  m_cursorLine->setPen(QPen(theme.ink, 1));
  placeLegend();
}

void HistoryPlot::placeLegend() {
  const QFontMetrics metrics(m_title->font());
  m_title->position->setCoords(4, 1);
  // From the right, where there is room for all.
  int right = width() - 8;
  const int left = 4 + metrics.horizontalAdvance(m_title->text()) + 8;
  int wanted = 0, drawn = 0;
  for (std::size_t s = 0; s < m_legend.size(); ++s) {
    if (!m_legend[s] || m_isEmpty[s]) continue;
    wanted += metrics.horizontalAdvance(m_legend[s]->text()) + 10;
    ++drawn;
  }
  // The title names a single line.
  const bool shown = drawn > 1 && left + wanted <= right + 10;
  for (std::size_t s = m_legend.size(); s-- > 0;) {
    if (!m_legend[s]) continue;
    m_legend[s]->setVisible(shown && !m_isEmpty[s]);
    if (!m_legend[s]->visible()) continue;
    right -= metrics.horizontalAdvance(m_legend[s]->text());
    m_legend[s]->position->setCoords(right, 1);
    right -= 10;
  }
}

void HistoryPlot::resizeEvent(QResizeEvent* event) {
  Plot::resizeEvent(event);
  placeLegend();
  draw();
}

void HistoryPlot::setHistory(const RunHistory* history) {
  m_history = history;
  m_revision = -1;
  refresh();
}

void HistoryPlot::refresh() {
  if (!m_history) return;
  if (m_revision != m_history->revision()) {
    for (MinMaxLevels& levels : m_levels) levels.clear();
    m_revision = m_history->revision();
  }
  const std::size_t steps = m_history->summaries().size();
  std::vector<bool> isEmpty(m_levels.size());
  for (std::size_t s = 0; s < m_levels.size(); ++s) {
    m_levels[s].extend(steps, [&](std::size_t index) { return value(s, index); });
    isEmpty[s] = extremes(s, 0, steps).isEmpty();
  }
  if (std::exchange(m_isEmpty, isEmpty) != isEmpty) placeLegend();
  draw();
}

void HistoryPlot::setBranches(std::shared_ptr<const std::vector<BranchLine>> branches, int active) {
  m_overlay.setBranches(std::move(branches), active);
  draw();
}

void HistoryPlot::setLogarithmic(bool logarithmic) {
  m_logarithmic = logarithmic;
  yAxis->setTicker(logarithmic ? m_powerTicker : m_plainTicker);
  followValues();
}

void HistoryPlot::showSteps(double from, double to) {
  m_setting = true;
  xAxis->setRange(from, to);
  m_setting = false;
  draw();
}

void HistoryPlot::followValues() {
  m_userValues = false;
  draw();
}

double HistoryPlot::position(double value) const {
  return m_logarithmic ? std::log10(value) : value;
}

MinMax HistoryPlot::extremes(std::size_t series, std::size_t from, std::size_t to) const {
  return m_levels[series].over(from, to, [&](std::size_t index) { return value(series, index); });
}

void HistoryPlot::draw() {
  if (!m_history) return;
  const auto count = static_cast<double>(m_history->steps());
  const QCPRange range = xAxis->range();
  // One step beyond each edge, so that lines run out of the picture.
  const auto from = static_cast<std::size_t>(std::clamp(std::floor(range.lower) - 2, 0.0, count));
  const auto to = static_cast<std::size_t>(std::clamp(std::ceil(range.upper) + 1, 0.0, count));
  const int columns = std::max(50, width());
  for (std::size_t s = 0; s < m_graphs.size(); ++s) drawSeries(s, from, to, columns);
  m_overlay.draw(range.lower, range.upper, columns, m_logarithmic);
  if (!m_userValues) fitValues(from, to);
  queueReplot();
}

void HistoryPlot::drawSeries(std::size_t series, std::size_t from, std::size_t to, int columns) {
  QVector<QCPGraphData> data;
  const auto shown = [&](double v) { return std::isfinite(v) && (!m_logarithmic || v > 0); };
  const auto put = [&](double step, double v) {
    if (shown(v)) data.append(QCPGraphData(step, position(v)));
  };
  const std::size_t count = to - from;
  const HistorySeries& s = m_chart.series[series];
  const auto interrupt = [&](double step) {
    if (s.kind == HistorySeries::Kind::Pieces && !data.isEmpty() && !std::isnan(data.last().value))
      data.append(QCPGraphData(step, notANumber));
  };
  if (count <= 2 * static_cast<std::size_t>(columns)) {
    for (std::size_t index = from; index < to; ++index) {
      const double v = value(series, index);
      if (!shown(v)) interrupt(static_cast<double>(index + 1));
      put(static_cast<double>(index + 1), v);
    }
  } else {
    // The lower edge of a band takes the smallest value of a column, the upper the largest.
    const bool isUpper = s.isBand() && m_graphs[series]->channelFillGraph();
    // Columns stand on fixed steps, so that panning does not make the picture flicker.
    const std::size_t width =
        std::size_t{1} << static_cast<int>(
            std::ceil(std::log2(static_cast<double>(count) / static_cast<double>(columns))));
    double last = 0;
    for (std::size_t begin = from / width * width; begin < to; begin += width) {
      const std::size_t end = std::min(begin + width, m_history->summaries().size());
      const MinMax found = extremes(series, begin, end);
      if (found.isEmpty()) {
        interrupt(static_cast<double>(begin + 1));
        continue;
      }
      const double middle = static_cast<double>(begin + end + 1) / 2;
      if (s.isBand()) {
        put(middle, isUpper ? found.high : found.low);
        continue;
      }
      const bool fallsFirst = std::abs(last - found.high) < std::abs(last - found.low);
      put(middle, fallsFirst ? found.high : found.low);
      last = fallsFirst ? found.low : found.high;
      if (found.low != found.high) put(middle, last);
    }
  }
  QCPGraph* graph = m_graphs[series];
  const bool marked = s.kind == HistorySeries::Kind::Points && data.size() <= markedPoints;
  // A single point is no line.
  graph->setScatterStyle(marked || (data.size() == 1 && !s.isBand())
                             ? QCPScatterStyle(QCPScatterStyle::ssDisc, 4)
                             : QCPScatterStyle::ssNone);
  graph->data()->set(data, true);
}

void HistoryPlot::fitValues(std::size_t from, std::size_t to) {
  MinMax all;
  bool infinite = false, nonPositive = false;
  for (std::size_t s = 0; s < m_graphs.size(); ++s) {
    MinMax found = extremes(s, from, to);
    if (m_logarithmic && !found.isEmpty() && found.low <= 0) {
      nonPositive = true;
      // The smallest that a logarithm has: of what is drawn.
      found = {};
      for (const QCPGraphData& point : *m_graphs[s]->data()) found.add(std::pow(10.0, point.value));
    }
    all.add(found);
  }
  MinMax others = m_overlay.extremes(xAxis->range().lower, xAxis->range().upper);
  if (!m_logarithmic || others.low > 0) all.add(others);
  if (all.isEmpty() && to > from) infinite = std::isinf(value(0, to - 1));
  QString note;
  if (all.isEmpty() && to > from)
    note = infinite      ? tr("∞ without noise or clipping")
           : nonPositive ? tr("nothing above 0")
           : m_chart.series.front().kind == HistorySeries::Kind::Points ? tr("no evaluation yet")
                                                                        : tr("no number here");
  m_note->setText(note);
  m_setting = true;
  if (all.isEmpty()) {
    yAxis->setRange(0, 1);
  } else if (m_chart.isShare && !m_logarithmic) {
    yAxis->setRange(0, 1.02);
  } else if (m_logarithmic) {
    const double low = std::log10(all.low), high = std::log10(all.high);
    const double room = std::max(0.04 * (high - low), 0.02);
    yAxis->setRange(low - room, high + room);
  } else {
    const double low = std::min(0.0, all.low);
    yAxis->setRange(low, std::max(all.high, low + 1e-12) + 0.06 * (all.high - low));
  }
  m_setting = false;
}

void HistoryPlot::extendSpan(Index by) {
  if (!m_history || m_history->steps() == 0 || m_cursor < 1) return;
  if (!m_span) m_anchor = m_edge = m_cursor;
  const Index anchor = m_anchor;
  const Index edge = stepAt(static_cast<double>(m_edge + by));
  emit spanChosen(std::min(anchor, edge), std::max(anchor, edge));
  // What was chosen came back through setSpan(), which cannot know the end that moves.
  m_anchor = anchor;
  m_edge = edge;
}

void HistoryPlot::setSpan(const std::optional<std::pair<Index, Index>>& steps) {
  if (steps && steps != m_span) {
    m_anchor = steps->first;
    m_edge = steps->second;
  }
  m_span = steps;
  m_band.recolour();
  m_band.show(steps);
  queueReplot();
}

void HistoryPlot::setMark(const QString& mark) {
  if (mark == m_mark) return;
  m_mark = mark;
  m_title->setText(mark.isEmpty() ? m_chart.title : Plot::tr("%1, %2").arg(m_chart.title, mark));
}

void HistoryPlot::setStep(Index step) {
  m_cursor = step;
  m_cursorLine->point1->setCoords(static_cast<double>(step), 0);
  m_cursorLine->point2->setCoords(static_cast<double>(step), 1);
  m_cursorLine->setVisible(step > 0);
  layer(QStringLiteral("cursor"))->replot();
}

Index HistoryPlot::stepAt(double x) const {
  const Index last = m_history ? std::max<Index>(1, m_history->steps()) : 1;
  return std::clamp<Index>(std::llround(x), 1, last);
}

bool HistoryPlot::isAtCursor(double x) const {
  return m_cursorLine->visible() &&
         std::abs(xAxis->coordToPixel(static_cast<double>(m_cursor)) - x) <= grip;
}

QString HistoryPlot::hoverText(double x) const {
  if (!m_history || m_history->steps() == 0 || x < 0.5 ||
      x > static_cast<double>(m_history->steps()) + 0.5)
    return {};
  const Index step = stepAt(x);
  QString text = tr("step %1").arg(step);
  for (std::size_t s = 0; s < m_chart.series.size(); ++s) {
    const double v = value(s, static_cast<std::size_t>(step - 1));
    const QString name = m_chart.series.size() == 1 ? m_chart.title : m_chart.series[s].name;
    text += QStringLiteral("\n%1  %2").arg(name, m_chart.isShare ? percent(v) : shortNumber(v));
  }
  const QString words =
      historyWords(m_chart.id, m_history->summaries()[static_cast<std::size_t>(step - 1)]);
  return words.isEmpty() ? text : text + QStringLiteral("\n\n") + words;
}

void HistoryPlot::mousePressEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton && event->modifiers() == Qt::NoModifier &&
      axisRect()->rect().contains(event->position().toPoint()) &&
      isAtCursor(event->position().x())) {
    m_scrubbing = true;
    emit scrubbing(true);
    event->accept();
    return;
  }
  Plot::mousePressEvent(event);
}

void HistoryPlot::mouseMoveEvent(QMouseEvent* event) {
  if (m_scrubbing) {
    const Index step = stepAt(xAxis->pixelToCoord(event->position().x()));
    if (step != m_cursor) emit stepRequested(step);
    return;
  }
  if (event->buttons() == Qt::NoButton)
    setCursor(isAtCursor(event->position().x()) ? Qt::SplitHCursor : Qt::ArrowCursor);
  Plot::mouseMoveEvent(event);
}

void HistoryPlot::mouseReleaseEvent(QMouseEvent* event) {
  if (m_scrubbing) {
    m_scrubbing = false;
    emit scrubbing(false);
    return;
  }
  Plot::mouseReleaseEvent(event);
}

void HistoryPlot::wheelEvent(QWheelEvent* event) {
  const QPointF at = event->position();
  const double factor = std::pow(0.85, event->angleDelta().y() / 120.0);
  if (at.x() < axisRect()->left())
    yAxis->scaleRange(factor, yAxis->pixelToCoord(at.y()));
  else
    xAxis->scaleRange(factor, xAxis->pixelToCoord(at.x()));
  queueReplot();
  event->accept();
}

void HistoryPlot::keyPressEvent(QKeyEvent* event) {
  Index by = 0;
  const bool selects = event->modifiers() == Qt::ShiftModifier;
  if (event->modifiers() == Qt::NoModifier || selects) {
    if (event->key() == Qt::Key_Left) by = -1;
    if (event->key() == Qt::Key_Right) by = 1;
    if (event->key() == Qt::Key_PageUp) by = -10;
    if (event->key() == Qt::Key_PageDown) by = 10;
    const Index from = selects && m_span ? m_edge : m_cursor;
    if (event->key() == Qt::Key_End && m_history) by = m_history->steps() - from;
    if (event->key() == Qt::Key_Home && selects) by = 1 - from;
  }
  if (by == 0) return Plot::keyPressEvent(event);
  if (selects) {
    extendSpan(by);
    return event->accept();
  }
  emit stepRequested(stepAt(static_cast<double>(m_cursor + by)));
  event->accept();
}

QVector<QPointF> HistoryPlot::drawn(std::size_t series) const {
  QVector<QPointF> points;
  for (const QCPGraphData& point : *m_graphs[series]->data())
    points.append({point.key, point.value});
  return points;
}

}  // namespace clipscope
