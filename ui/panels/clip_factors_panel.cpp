// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/clip_factors_panel.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "engine/formats/number_text.h"
#include "engine/interchange/csv_rows.h"
#include "ui/panels/empty_batch.h"
#include "ui/panels/group_curves.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/selection.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

constexpr Index factorBins = 40;

/// Ticks of the factor axis: with a place of its own for f = 1, and on a logarithmic one for 0.
class FactorTicker : public PowerTicker {
 public:
  explicit FactorTicker(const FactorHistogram& h) : m_logarithmic(h.logarithmic) {
    if (h.oneStandsApart) m_one = h.unclippedAt();
    if (h.logarithmic && h.zeros > 0) setZeroAt(h.zeroAt());
  }

 protected:
  QVector<double> createTickVector(double step, const QCPRange& range) override {
    QVector<double> ticks = m_logarithmic ? PowerTicker::createTickVector(step, range)
                                          : QCPAxisTicker::createTickVector(step, range);
    if (std::isnan(m_one)) return ticks;
    // Its label must not touch the one before.
    const double edge = m_one - 0.06 * range.size();
    ticks.erase(std::remove_if(ticks.begin(), ticks.end(), [&](double t) { return t > edge; }),
                ticks.end());
    ticks.push_back(m_one);
    return ticks;
  }
  QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override {
    if (tick == m_one) return QStringLiteral("1");
    if (m_logarithmic) return PowerTicker::getTickLabel(tick, locale, format, precision);
    return QString::number(std::abs(tick) < 1e-12 ? 0.0 : tick, 'g', 3);
  }

 private:
  bool m_logarithmic;
  double m_one = notANumber;
};

/// Shares as per cent, on a linear axis.
class PercentTicker : public QCPAxisTicker {
 protected:
  QString getTickLabel(double tick, const QLocale&, QChar, int) override {
    return QString::number(std::lround(100 * tick)) + QStringLiteral(" %");
  }
  int getSubTickCount(double) override { return 0; }
};

QString swatch(const QColor& colour, const QString& mark, const QString& text) {
  return QStringLiteral("<span style='color:%1'>%2</span> %3").arg(colour.name(), mark, text);
}

}  // namespace

ClipFactorsPanel::ClipFactorsPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Clip factors"), selection, parent) {
  auto* head = new QHBoxLayout;
  head->setSpacing(6);
  m_legend = new QLabel(this);
  m_legend->setTextFormat(Qt::RichText);
  m_legend->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  head->addWidget(m_legend, 1);
  m_choice = new QComboBox(this);
  m_choice->setAccessibleName(tr("Clip factors of"));
  m_choice->setToolTip(
      tr("The whole gradient, ‖clipped g‖/n; one clipping group; or all groups as curves"));
  m_choice->setSizeAdjustPolicy(QComboBox::AdjustToContents);
  head->addWidget(m_choice);
  m_log = new QToolButton(this);
  m_log->setText(tr("log"));
  m_log->setAccessibleName(tr("Logarithmic factors"));
  m_log->setToolTip(tr("Logarithmic factors: spreads the small ones"));
  m_log->setCheckable(true);
  head->addWidget(m_log);
  body()->addLayout(head);

  m_plot = new Plot(tr("Histogram of clip factors, with their cumulative curve"), this);
  body()->addWidget(m_plot, 1);
  m_bars = new QCPBars(m_plot->xAxis, m_plot->yAxis);
  m_unclippedBar = new QCPBars(m_plot->xAxis, m_plot->yAxis);
  for (QCPBars* bars : {m_bars, m_unclippedBar}) {
    bars->setPen(Qt::NoPen);
    bars->setAntialiased(false);
  }
  m_plot->yAxis2->setVisible(true);
  m_plot->yAxis2->setTickLengthIn(0);
  m_plot->yAxis2->setSubTickLength(0, 0);
  m_plot->yAxis2->setTickLabelPadding(4);
  m_plot->yAxis2->setTicker(QSharedPointer<QCPAxisTicker>(new PercentTicker));
  m_cumulative = m_plot->addGraph(m_plot->xAxis, m_plot->yAxis2);
  m_cumulative->setLineStyle(QCPGraph::lsStepLeft);
  m_selected = m_plot->addGraph();
  m_selected->setLineStyle(QCPGraph::lsNone);
  for (QCPItemStraightLine** line : {&m_meanLine, &m_medianLine, &m_oneLine})
    *line = new QCPItemStraightLine(m_plot);
  for (QCPItemText** text : {&m_meanText, &m_medianText, &m_cutText}) {
    *text = new QCPItemText(m_plot);
    (*text)->position->setTypeX(QCPItemPosition::ptPlotCoords);
    (*text)->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
    (*text)->setClipToAxisRect(false);
  }
  m_curves = std::make_unique<GroupCurves>(m_plot);
  m_plot->setFit([this] { fitAxes(); });
  m_plot->setRecolour([this] { recolour(); });
  m_plot->setHoverText([this](QPointF at) { return hoverText(at); });
  connect(m_plot, &QCustomPlot::beforeReplot, this, [this] {
    if (shown() == everyGroup) m_curves->placeLabels();
  });
  recolour();

  connect(m_choice, &QComboBox::currentIndexChanged, this, [this] {
    if (record() && isVisible()) showRecord();
    m_plot->fit();
  });
  connect(m_log, &QToolButton::toggled, this, [this] {
    if (record() && isVisible()) showRecord();
    m_plot->fit();
  });
  connect(m_plot, &Plot::clicked, this, [this](QPointF at, bool add) {
    if (shown() == everyGroup) {
      const int group = m_curves->nearest(at, 12);
      if (group >= 0) showFactorsOf(group);
      return;
    }
    selectBarAt(at.x(), add);
  });
  connect(m_plot, &Plot::walked, this, [this](int direction) {
    const FactorHistogram& h = m_histogram;
    if (shown() == everyGroup || h.edges.empty()) return;
    std::vector<double> bars;
    if (h.zeros > 0) bars.push_back(h.zeroAt());
    for (std::size_t bin = 0; bin < h.counts.size(); ++bin)
      if (h.counts[bin] > 0) bars.push_back((h.edges[bin] + h.edges[bin + 1]) / 2);
    if (h.unclipped > 0) bars.push_back(h.unclippedAt());
    if (const auto bar = m_walk.next(bars, direction)) selectBarAt(*bar, false);
  });
  connect(m_plot, &Plot::rectangleSelected, this,
          [this](QRectF rect) { select(rect.left(), rect.right(), true); });
  setEmptyText(tr("Opening…"));
}

ClipFactorsPanel::~ClipFactorsPanel() = default;

int ClipFactorsPanel::shown() const {
  return m_choice->count() == 0 ? wholeGradient : m_choice->currentData().toInt();
}

void ClipFactorsPanel::showFactorsOf(int what) {
  m_choice->setCurrentIndex(m_choice->findData(what));
}

void ClipFactorsPanel::fillChoices() {
  std::vector<std::string> groups;
  for (const GroupResult& group : record()->clip->groups) groups.push_back(group.name);
  if (groups == m_groups && m_choice->count() > 0) return;
  m_groups = std::move(groups);
  const QSignalBlocker block(m_choice);
  m_choice->clear();
  m_choice->addItem(tr("all, ‖clipped g‖/n"), wholeGradient);
  if (m_groups.size() > 1) {
    m_choice->addItem(tr("every group, cumulative"), everyGroup);
    for (std::size_t k = 0; k < m_groups.size(); ++k)
      m_choice->addItem(QString::fromStdString(m_groups[k]), static_cast<int>(k));
  }
  m_choice->setVisible(m_groups.size() > 1);
}

void ClipFactorsPanel::showRecord() {
  if (!record()->has(Phase::Clip)) {
    setEmptyText(tr("Run to Clip (Space) to see by how much each gradient is scaled."));
    setSummary(record()->sample ? tr("%1 examples").arg(record()->batchSize()) : QString());
    return;
  }
  if (record()->batchSize() == 0) {
    setEmptyText(emptyBatchText(*record()));
    setSummary(tr("0 examples"));
    return;
  }
  setEmptyText(QString());
  fillChoices();
  const bool curves = shown() == everyGroup;
  m_histogram = makeFactorHistogram(*record(), std::max(wholeGradient, shown()), m_log->isChecked(),
                                    factorBins);
  for (QCPBars* bars : {m_bars, m_unclippedBar}) bars->setVisible(!curves);
  m_cumulative->setVisible(!curves);
  m_plot->yAxis2->setVisible(!curves);
  m_plot->yAxis->setTicker(
      QSharedPointer<QCPAxisTicker>(curves ? new PercentTicker : new QCPAxisTicker));
  m_plot->yAxis->setLabel(curves ? tr("examples with a factor ≤ f") : tr("examples"));
  m_plot->yAxis2->setLabel(tr("cumulative"));
  m_plot->xAxis->setLabel(shown() == wholeGradient && m_groups.size() > 1
                              ? tr("clip factor ‖clipped g‖/n")
                              : tr("clip factor f"));
  if (curves)
    m_curves->show(*record(), m_log->isChecked());
  else
    m_curves->hide();
  m_plot->axisRect()->setMinimumMargins(QMargins(6, 18, curves ? m_curves->labelWidth() : 8, 4));
  drawHistogram();
  drawMarks();
  recolour();
  m_plot->refit();
  setSummary(summaryText());
}

QString ClipFactorsPanel::summaryText() const {
  const ClipPart& clip = *record()->clip;
  const int group = shown();
  QStringList parts;
  double clipped = clip.clippedFraction;
  if (group >= 0) clipped = clip.groups[static_cast<std::size_t>(group)].clippedFraction;
  if (!std::isnan(clipped))
    parts << (clip.strategy == "none" ? tr("%1 above C") : tr("%1 clipped")).arg(percent(clipped));
  if (!std::isnan(clip.aboveOneFraction)) {
    const double up = 1 - m_histogram.cumulative(1);
    parts << tr("%1 scaled up").arg(percent(up));
  }
  parts << tr("median f %1").arg(shortNumber(m_histogram.median, 3))
        << tr("smallest %1").arg(shortNumber(m_histogram.smallest, 3));
  if (m_histogram.dropped > 0) parts << tr("%1 not finite: f = 0").arg(m_histogram.dropped);
  return parts.join(QStringLiteral(" · "));
}

void ClipFactorsPanel::drawHistogram() {
  const FactorHistogram& h = m_histogram;
  QVector<double> keys, counts;
  if (h.zeros > 0) {
    keys << h.zeroAt();
    counts << static_cast<double>(h.zeros);
  }
  for (std::size_t k = 0; k < h.counts.size(); ++k) {
    keys << h.edges[k] + h.width() / 2;
    counts << static_cast<double>(h.counts[k]);
  }
  m_bars->setWidth(h.width() * 0.92);
  m_bars->setData(keys, counts, true);
  m_unclippedBar->setWidth(h.width() * 1.84);
  m_unclippedBar->setData(QVector<double>{h.unclippedAt()},
                          QVector<double>{static_cast<double>(h.unclipped)}, true);
  m_unclippedBar->setVisible(h.unclipped > 0 && shown() != everyGroup);
  QVector<double> at{h.edges.front() - 5 * h.width()}, share{0};
  for (std::size_t i = 0; i < h.sorted.size(); ++i) {
    if (i + 1 < h.sorted.size() && h.sorted[i + 1] == h.sorted[i]) continue;
    at << h.position(h.sorted[i]);
    share << static_cast<double>(i + 1) / static_cast<double>(h.sorted.size());
  }
  at << h.unclippedAt() + 10 * h.width();
  share << share.back();
  m_cumulative->setData(at, share, true);
  if (shown() == everyGroup)
    m_plot->xAxis->setTicker(
        QSharedPointer<QCPAxisTicker>(h.logarithmic ? new PowerTicker : new QCPAxisTicker));
  else
    m_plot->xAxis->setTicker(QSharedPointer<QCPAxisTicker>(new FactorTicker(h)));
}

void ClipFactorsPanel::drawMarks() {
  const FactorHistogram& h = m_histogram;
  const bool curves = shown() == everyGroup;
  const double from = h.edges.front(), range = h.edges.back() - from;
  const auto mark = [&](QCPItemStraightLine* line, QCPItemText* text, double f, const QString& name,
                        double height, bool left) {
    const bool drawn = !curves && std::isfinite(f);
    line->setVisible(drawn);
    text->setVisible(drawn);
    if (!drawn) return;
    const double x = h.position(f);
    line->point1->setCoords(x, 0);
    line->point2->setCoords(x, 1);
    text->setText(tr(" %1 %2 ").arg(name, shortNumber(f, 3)));
    text->position->setCoords(x, height);
    // On the side that has room.
    if (x < from + 0.25 * range) left = false;
    if (x > from + 0.75 * range) left = true;
    text->setPositionAlignment((left ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  };
  const bool meanBelow = h.mean < h.median;
  mark(m_meanLine, m_meanText, h.mean, tr("mean"), 0.2, meanBelow);
  mark(m_medianLine, m_medianText, h.median, tr("median"), 0.08, !meanBelow);
  m_oneLine->setVisible(!curves && !h.oneStandsApart);
  m_oneLine->point1->setCoords(h.logarithmic ? 0 : 1, 0);
  m_oneLine->point2->setCoords(h.logarithmic ? 0 : 1, 1);
}

void ClipFactorsPanel::fitAxes() {
  const FactorHistogram& h = m_histogram;
  if (h.edges.empty()) return;
  const double width = h.width();
  m_cutText->setVisible(false);
  if (shown() == everyGroup) {
    double first = 0, last = 0;
    for (const FactorHistogram& group : m_curves->groups()) {
      first = std::min(first, group.edges.front());
      last = std::max(last, group.edges.back());
    }
    m_plot->xAxis->setRange(first - 0.01 * (last - first), last + 0.01 * (last - first));
    m_plot->yAxis->setRange(0, 1.02);
    return;
  }
  m_plot->xAxis->setRange(h.edges.front() - (h.zeros > 0 ? 4.5 : 1.0) * width,
                          h.oneStandsApart ? h.unclippedAt() + 2 * width : h.edges.back() + width);
  Index tallest = h.zeros;
  for (const Index count : h.counts) tallest = std::max(tallest, count);
  // Those left alone are often most of the batch, and would flatten the others: then their bar is
  // cut, and says its count.
  const bool cut = tallest > 0 && h.unclipped > 2 * tallest;
  const double top =
      static_cast<double>(cut ? 3 * tallest / 2 + 1 : std::max(tallest, h.unclipped));
  m_plot->yAxis->setRange(0, 1.1 * std::max(1.0, top));
  m_plot->yAxis2->setRange(0, 1.1);
  m_cutText->setVisible(h.unclipped > 0);
  m_cutText->setText((cut ? tr("f = 1: %1 ↑ ") : tr("f = 1: %1 ")).arg(h.unclipped));
  m_cutText->position->setCoords(h.unclippedAt() - width, 0.34);
  m_cutText->setPositionAlignment(Qt::AlignRight | Qt::AlignVCenter);
}

void ClipFactorsPanel::recolour() {
  const Theme& t = Theme::current();
  m_bars->setBrush(t.after);
  m_unclippedBar->setBrush(t.before);
  m_cumulative->setPen(QPen(t.ink, 1));
  m_selected->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssTriangle, QPen(t.ink, 1), QBrush(t.good), 9));
  m_meanLine->setPen(QPen(t.dim, 1, Qt::DotLine));
  m_medianLine->setPen(QPen(t.dim, 1, Qt::DashLine));
  m_oneLine->setPen(QPen(t.threshold, 1));
  QColor veil = t.panel;
  veil.setAlpha(210);
  for (QCPItemText* text : {m_meanText, m_medianText, m_cutText}) {
    text->setColor(t.dim);
    text->setFont(font());
    text->setBrush(veil);
  }
  QCPAxis* right = m_plot->yAxis2;
  right->setBasePen(Qt::NoPen);
  right->setTickPen(Qt::NoPen);
  right->setSubTickPen(Qt::NoPen);
  right->setTickLabelColor(t.dim);
  right->setLabelColor(t.dim);
  right->setTickLabelFont(font());
  right->setLabelFont(font());
  m_curves->recolour();
  if (shown() == everyGroup)
    m_legend->setText(swatch(t.dim, QStringLiteral("—"), tr("share with a factor ≤ f, by group")));
  else if (m_histogram.oneStandsApart)
    m_legend->setText(swatch(t.after, QStringLiteral("■"), tr("scaled down")) +
                      QStringLiteral("&nbsp; ") +
                      swatch(t.before, QStringLiteral("■"), tr("f = 1")) +
                      QStringLiteral("&nbsp; ") + swatch(t.ink, QStringLiteral("—"), tr("share")));
  else
    m_legend->setText(swatch(t.after, QStringLiteral("■"), tr("factors")) +
                      QStringLiteral("&nbsp; ") +
                      swatch(t.threshold, QStringLiteral("|"), tr("f = 1")) +
                      QStringLiteral("&nbsp; ") + swatch(t.ink, QStringLiteral("—"), tr("share")));
}

void ClipFactorsPanel::showSelection() {
  QVector<double> keys, values;
  if (record()->has(Phase::Clip) && !m_histogram.edges.empty() && shown() != everyGroup)
    for (const FactorHistogram::Example& example : m_histogram.examples) {
      if (!selection()->contains(example.example)) continue;
      keys << m_histogram.position(example.factor);
      values << 0;
    }
  m_selected->setData(keys, values);
  m_plot->queueReplot();
}

void ClipFactorsPanel::selectBarAt(double x, bool add) {
  if (m_histogram.edges.empty()) return;
  const double first = m_histogram.edges.front(), width = m_histogram.width();
  if (x >= m_histogram.edges.back()) return select(m_histogram.edges.back(), 1e300, add);
  if (x < first) return select(-1e300, first - 1e-12, add);
  const double low = first + std::floor((x - first) / width) * width;
  select(low, std::nextafter(low + width, low), add);
}

void ClipFactorsPanel::select(double low, double high, bool add) {
  std::vector<Index> examples;
  const auto take = [&](const FactorHistogram& h, bool plain) {
    for (const FactorHistogram::Example& example : h.examples) {
      // The curves have no place apart for f = 1.
      const double at = plain ? (h.logarithmic ? std::log10(example.factor) : example.factor)
                              : h.position(example.factor);
      if (at >= low && at <= high) examples.push_back(example.example);
    }
  };
  if (shown() == everyGroup)
    for (const FactorHistogram& h : m_curves->groups()) take(h, true);
  else
    take(m_histogram, false);
  if (add)
    selection()->add(std::move(examples));
  else
    selection()->selectMany(std::move(examples));
}

QString ClipFactorsPanel::hoverText(QPointF at) const {
  const FactorHistogram& h = m_histogram;
  if (h.edges.empty()) return {};
  if (shown() == everyGroup) {
    const int group = m_curves->nearest(at, 12);
    if (group < 0) return {};
    const double f = h.value(at.x());
    return tr("%1: %2 of the examples have a factor ≤ %3\na click shows this group alone")
        .arg(QString::fromStdString(m_groups[static_cast<std::size_t>(group)]),
             percent(m_curves->groups()[static_cast<std::size_t>(group)].cumulative(f)),
             shortNumber(f, 3));
  }
  if (h.oneStandsApart && at.x() >= h.edges.back())
    return tr("factor 1, not scaled: %1 examples").arg(h.unclipped);
  const auto bin = static_cast<Index>(std::floor((at.x() - h.edges.front()) / h.width()));
  if (bin < 0 && h.zeros > 0) return tr("factor 0: %1 examples").arg(h.zeros);
  if (bin < 0 || bin >= h.bins()) return {};
  const auto k = static_cast<std::size_t>(bin);
  return tr("clip factor %1 – %2: %3 examples\n%4 have at most %2")
      .arg(shortNumber(h.value(h.edges[k]), 3), shortNumber(h.value(h.edges[k + 1]), 3))
      .arg(h.counts[k])
      .arg(percent(h.cumulative(h.value(h.edges[k + 1]))));
}

void ClipFactorsPanel::addActions(QMenu& menu) {
  QAction* logarithmic = menu.addAction(tr("Logarithmic factors"));
  logarithmic->setCheckable(true);
  logarithmic->setChecked(m_log->isChecked());
  connect(logarithmic, &QAction::toggled, m_log, &QToolButton::setChecked);
  menu.addAction(tr("Fit (Home)"), m_plot, &Plot::fit);
}

QString ClipFactorsPanel::csv() const {
  const bool curves = shown() == everyGroup;
  std::string text = curves ? "group,clip_factor,cumulative\n" : "bin_low,bin_high,examples\n";
  if (!record() || !record()->has(Phase::Clip)) return QString::fromStdString(text);
  const auto number = [&](double value) {
    text += ',';
    appendNumber(text, value);
  };
  if (curves) {
    for (std::size_t k = 0; k < m_groups.size(); ++k) {
      const FactorHistogram h =
          makeFactorHistogram(*record(), static_cast<Index>(k), false, factorBins);
      for (const double f : h.sorted) {
        appendText(text, m_groups[k]);
        number(f);
        number(h.cumulative(f));
        text += '\n';
      }
    }
    return QString::fromStdString(text);
  }
  const FactorHistogram h = makeFactorHistogram(*record(), std::max(wholeGradient, shown()),
                                                m_log->isChecked(), factorBins);
  const auto row = [&](double low, double high, Index count) {
    appendNumber(text, low);
    number(high);
    text += ',' + std::to_string(count) + '\n';
  };
  if (h.zeros > 0) row(0, 0, h.zeros);
  for (std::size_t k = 0; k < h.counts.size(); ++k)
    row(h.value(h.edges[k]), h.value(h.edges[k + 1]), h.counts[k]);
  if (h.oneStandsApart) row(1, 1, h.unclipped);
  return QString::fromStdString(text);
}

}  // namespace clipscope
