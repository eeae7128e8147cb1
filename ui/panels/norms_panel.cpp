// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/norms_panel.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QVBoxLayout>
#include <cmath>

#include "engine/formats/number_text.h"
#include "engine/training/diagnostics.h"
#include "ui/panels/empty_batch.h"
#include "ui/panels/norm_marks.h"
#include "ui/panels/what_if_readout.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/plots/threshold_handle.h"
#include "ui/selection.h"
#include "ui/theme.h"
#include "ui/what_if_state.h"

namespace clipscope {

namespace {

constexpr Index bins = 44;

QLabel* legend(const QString& text, const QString& role, QWidget* parent) {
  auto* label = new QLabel(text, parent);
  label->setObjectName(role);
  label->setTextFormat(Qt::RichText);
  return label;
}

}  // namespace

NormsPanel::NormsPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Norms"), selection, parent) {
  setObjectName(QStringLiteral("card"));
  auto* head = new QHBoxLayout;
  head->setSpacing(12);
  auto* beforeLegend = legend(QString(), QStringLiteral("legendBefore"), this);
  auto* afterLegend = legend(QString(), QStringLiteral("legendAfter"), this);
  head->addWidget(beforeLegend);
  head->addWidget(afterLegend);
  head->addStretch(1);
  m_choice = new QComboBox(this);
  m_choice->setAccessibleName(tr("Norm of"));
  m_choice->setToolTip(tr("The gradient whose norm is shown: all parameters, or one tensor"));
  m_choice->setSizeAdjustPolicy(QComboBox::AdjustToContents);
  head->addWidget(m_choice);
  body()->addLayout(head);

  m_plot = new Plot(tr("Histogram of per-sample gradient norms"), this);
  body()->addWidget(m_plot, 1);
  m_before = new QCPBars(m_plot->xAxis, m_plot->yAxis);
  m_after = new QCPBars(m_plot->xAxis, m_plot->yAxis);
  for (QCPBars* bars : {m_before, m_after}) {
    bars->setPen(Qt::NoPen);
    bars->setAntialiased(false);
  }
  m_outline = m_plot->addGraph();
  m_outline->setLineStyle(QCPGraph::lsStepLeft);
  m_outline->setAntialiased(false);
  m_selected = m_plot->addGraph();
  m_selected->setLineStyle(QCPGraph::lsNone);
  m_cutText = new QCPItemText(m_plot);
  m_cutText->position->setTypeX(QCPItemPosition::ptPlotCoords);
  m_cutText->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
  m_cutText->setClipToAxisRect(false);
  m_cutText->setVisible(false);
  m_marks = std::make_unique<NormMarks>(m_plot);
  m_handle = new ThresholdHandle(m_plot, tr("Threshold"));
  m_handle->setEnabled(false);
  m_plot->yAxis->setLabel(tr("examples"));
  m_plot->setFit([this] {
    if (m_histogram.edges.empty()) return;
    const double width = m_histogram.edges[1] - m_histogram.edges[0];
    const bool zeros =
        m_histogram.logarithmic && m_histogram.zeroBefore + m_histogram.zeroAfter > 0;
    m_plot->xAxis->setRange(m_histogram.edges.front() - (zeros ? 4.5 : 1.0) * width,
                            m_histogram.edges.back() + width);
    m_plot->yAxis->setRange(m_logCounts ? 0.7 : 0, topOfCounts());
  });
  m_plot->setRecolour([this, beforeLegend, afterLegend] {
    recolour();
    const Theme& t = Theme::current();
    const auto swatch = [](const QColor& colour, const QString& text) {
      return QStringLiteral("<span style='color:%1'>■</span> %2").arg(colour.name(), text);
    };
    beforeLegend->setText(swatch(t.before, tr("before")));
    afterLegend->setText(swatch(t.after, tr("after clipping")));
  });
  m_plot->setHoverText([this](QPointF at) { return hoverText(at); });
  recolour();
  QEvent change(QEvent::PaletteChange);
  QCoreApplication::sendEvent(m_plot, &change);

  connect(m_choice, &QComboBox::currentIndexChanged, this, [this] {
    if (record() && isVisible()) showRecord();
  });
  connect(m_plot, &Plot::clicked, this, [this](QPointF at, bool add) {
    if (m_histogram.edges.empty()) return;
    const QPointF pixel(m_plot->xAxis->coordToPixel(at.x()), m_plot->yAxis->coordToPixel(at.y()));
    if (const auto suggested = m_marks->suggestionAt(pixel)) {
      m_whatIf->tryMaxGradNorm(*suggested);
      return;
    }
    selectBarAt(at.x(), add);
  });
  connect(m_plot, &Plot::walked, this, [this](int direction) {
    std::vector<double> bars;
    for (std::size_t bin = 0; bin < m_histogram.before.size(); ++bin)
      if (m_histogram.before[bin] > 0)
        bars.push_back((m_histogram.edges[bin] + m_histogram.edges[bin + 1]) / 2);
    if (const auto bar = m_walk.next(bars, direction)) selectBarAt(*bar, false);
  });
  connect(m_plot, &Plot::rectangleSelected, this,
          [this](QRectF rect) { selectBetween(rect.left(), rect.right(), true); });
  setEmptyText(tr("Opening…"));
}

NormsPanel::~NormsPanel() = default;

void NormsPanel::setWhatIf(WhatIfState* state) {
  m_whatIf = state;
  m_handle->setEnabled(true);
  body()->addWidget(new WhatIfReadout(state, this));
  connect(m_handle, &ThresholdHandle::moved, this, &NormsPanel::moveThreshold);
  // Let go: bins that end at the threshold, as a step's own.
  connect(m_handle, &ThresholdHandle::released, this, [this] {
    if (record() && m_whatIf->record() == record()) showRecord();
  });
  connect(m_handle, &ThresholdHandle::accepted, state, &WhatIfState::use);
  connect(m_handle, &ThresholdHandle::reversed, state, &WhatIfState::giveUp);
  connect(state, &WhatIfState::tried, this, &NormsPanel::showTried);
  connect(state, &WhatIfState::changed, this, [this] {
    // Matrices or settings for the record that is shown; a new record comes by itself.
    if (record() && m_whatIf->record() == record()) setRecord(record());
  });
}

Index NormsPanel::tensor() const { return m_choice->currentData().toInt(); }

bool NormsPanel::isTrying() const {
  return m_whatIf && m_whatIf->isTrying() && m_whatIf->hasBatch() && m_whatIf->record() == record();
}

TriedClipping NormsPanel::tried() const {
  const WhatIfRules& rules = m_whatIf->triedRules();
  TriedClipping tried{&m_whatIf->numbers().factors, &rules.grouping, rules.maxGradNorm()};
  if (tensor() >= 0)
    tried.threshold = rules.thresholds[static_cast<std::size_t>(rules.grouping.groupOf(tensor()))];
  return tried;
}

void NormsPanel::moveThreshold(double threshold) {
  if (!m_whatIf->hasBatch() || m_whatIf->record() != record()) return;
  const WhatIfRules& rules = m_whatIf->rules();
  if (tensor() >= 0 && rules.grouping.count() > 1)
    m_whatIf->tryThreshold(rules.grouping.groupOf(tensor()), threshold);
  else
    m_whatIf->tryMaxGradNorm(threshold);
}

void NormsPanel::showTried() {
  if (!record() || m_whatIf->record() != record() || m_histogram.edges.empty()) return;
  if (!isVisible() || !isTrying()) {
    setRecord(record());
    return;
  }
  recountAfter(m_histogram, *record(), {tensor()}, tried());
  draw();
  setSummary(summaryOfRecord());
}

void NormsPanel::fillChoices() {
  if (m_choices == record()->info->tensors && m_choice->count() > 0) return;
  m_choices = record()->info->tensors;
  const QSignalBlocker block(m_choice);
  m_choice->clear();
  m_choice->addItem(tr("all parameters"), -1);
  for (std::size_t t = 0; t < m_choices.size(); ++t)
    m_choice->addItem(QString::fromStdString(m_choices[t]), static_cast<int>(t));
}

void NormsPanel::showTensor(Index tensor) {
  m_choice->setCurrentIndex(m_choice->findData(static_cast<int>(tensor)));
}

void NormsPanel::showRecord() {
  fillChoices();
  if (!record()->has(Phase::Norms)) {
    setEmptyText(tr("Run to Norms (Space) to see each example's gradient norm."));
    setSummary(record()->sample ? tr("%1 examples").arg(record()->batchSize()) : QString());
    return;
  }
  if (record()->batchSize() == 0) {
    setEmptyText(
        emptyBatchText(*record(), tr("This batch is empty: Poisson sampling drew no example. "
                                     "The step adds noise all the same.")));
    setSummary(hasNoTables(*record()) ? QString() : tr("0 examples"));
    return;
  }
  setEmptyText(QString());
  if (isTrying()) {
    const TriedClipping what = tried();
    m_histogram = makeNormHistogram(*record(), {tensor()}, m_logarithmic, bins, &what);
  } else {
    m_histogram = makeNormHistogram(*record(), {tensor()}, m_logarithmic, bins);
  }
  draw();
  setSummary(summaryOfRecord());
}

QString NormsPanel::summaryOfRecord() const {
  if (isTrying()) return tr("%1: %2").arg(whatIfTitle(*m_whatIf), whatIfLine(*m_whatIf));
  QString summary = tr("%1 examples").arg(record()->batchSize());
  if (record()->has(Phase::Clip)) {
    const ClipPart& clip = *record()->clip;
    double clipped = clip.clippedFraction;
    if (tensor() >= 0)
      clipped =
          clip.groups[static_cast<std::size_t>(clip.groupOf[static_cast<std::size_t>(tensor())])]
              .clippedFraction;
    if (!std::isnan(clipped))
      summary += (clip.strategy == "none" ? tr(" · %1 above C") : tr(" · %1 clipped"))
                     .arg(percent(clipped));
    if (!std::isnan(clip.aboveOneFraction))
      summary += tr(" · %1 scaled up").arg(percent(clip.aboveOneFraction));
  }
  if (m_histogram.nonFinite > 0) summary += tr(" · %1 not finite").arg(m_histogram.nonFinite);
  return summary;
}

void NormsPanel::draw() {
  const NormHistogram& h = m_histogram;
  const double width = h.edges[1] - h.edges[0];
  QVector<double> keys, before, after, stepKeys, stepValues;
  for (Index k = 0; k < h.bins(); ++k) {
    const auto at = static_cast<std::size_t>(k);
    keys << h.edges[at] + width / 2;
    before << static_cast<double>(h.before[at]);
    after << static_cast<double>(h.after[at]);
    stepKeys << h.edges[at];
    stepValues << static_cast<double>(h.before[at]);
  }
  stepKeys << h.edges.back();
  stepValues << 0;
  const bool zeros = h.zeroBefore + h.zeroAfter > 0;
  const double zeroAt = h.edges.front() - 2.5 * width;
  if (h.logarithmic && zeros) {
    keys.prepend(zeroAt);
    before.prepend(static_cast<double>(h.zeroBefore));
    after.prepend(static_cast<double>(h.zeroAfter));
  } else if (zeros) {
    before[0] += static_cast<double>(h.zeroBefore);
    after[0] += static_cast<double>(h.zeroAfter);
  }
  for (QCPBars* bars : {m_before, m_after}) bars->setWidth(width * 0.92);
  m_before->setData(keys, before, true);
  m_after->setData(keys, after, true);
  m_after->setVisible(h.clipped);
  // The outline of "before" on top: "after" would hide it where both stand in one bin.
  m_outline->setData(stepKeys, stepValues, true);
  m_outline->setVisible(h.clipped);

  if (h.logarithmic) {
    QSharedPointer<PowerTicker> ticker(new PowerTicker);
    if (zeros) ticker->setZeroAt(zeroAt);
    m_plot->xAxis->setTicker(ticker);
  } else {
    m_plot->xAxis->setTicker(QSharedPointer<QCPAxisTicker>(new QCPAxisTicker));
  }
  m_plot->xAxis->setLabel(tensor() < 0 ? tr("per-sample gradient norm ‖g‖₂")
                                       : tr("norm of ∂%1, ‖g‖₂")
                                             .arg(QString::fromStdString(
                                                 m_choices[static_cast<std::size_t>(tensor())])));
  if (m_logCounts) {
    m_plot->yAxis->setScaleType(QCPAxis::stLogarithmic);
    m_plot->yAxis->setTicker(QSharedPointer<QCPAxisTicker>(new QCPAxisTickerLog));
  } else {
    m_plot->yAxis->setScaleType(QCPAxis::stLinear);
    m_plot->yAxis->setTicker(QSharedPointer<QCPAxisTicker>(new QCPAxisTicker));
  }
  drawMarks();
  m_plot->refit();
}

double NormsPanel::topOfCounts() {
  Index before = m_histogram.zeroBefore, after = m_histogram.zeroAfter;
  double tallest = notANumber;
  const double width = m_histogram.edges[1] - m_histogram.edges[0];
  if (after > 0) tallest = m_histogram.edges.front() - 2.5 * width;
  for (std::size_t k = 0; k < m_histogram.before.size(); ++k) {
    before = std::max(before, m_histogram.before[k]);
    if (m_histogram.after[k] <= after) continue;
    after = m_histogram.after[k];
    tallest = m_histogram.edges[k] + width / 2;
  }
  // Clipping piles many examples onto C: that one bar would flatten all the others, so it is cut
  // and says its count.
  const bool cut = !m_logCounts && before > 0 && after > 3 * before;
  const double top =
      1.14 * std::max(1.0, static_cast<double>(cut ? 2 * before : std::max(before, after)));
  m_cutText->setVisible(cut);
  m_cutText->setText(tr("↑ %1 ").arg(after));
  const bool atLeft = tallest - m_plot->xAxis->range().lower < 0.15 * m_plot->xAxis->range().size();
  m_cutText->position->setCoords(tallest + (atLeft ? width : -width / 2), 0.12);
  m_cutText->setPositionAlignment((atLeft ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  return top;
}

void NormsPanel::drawMarks() {
  drawThreshold();
  m_marks->showQuantiles(m_histogram, m_allQuantiles,
                         m_handle->isHidden() ? notANumber : m_handle->value());
  const bool suggests = m_whatIf && m_whatIf->record() == record() && m_whatIf->hasBatch() &&
                        (tensor() < 0 || m_whatIf->rules().grouping.count() == 1);
  m_marks->showSuggestions(m_histogram, suggests ? m_whatIf->suggestedBound() : notANumber,
                           suggests ? m_whatIf->suggestedExact() : notANumber);
}

void NormsPanel::drawThreshold() {
  const NormHistogram& h = m_histogram;
  // Before phase Clip: where the settings will put it.
  const bool ahead = !h.clipped && m_whatIf && m_whatIf->hasBatch() &&
                     m_whatIf->record() == record() && !m_whatIf->record()->clip;
  const bool none = record()->clip ? record()->clip->strategy == "none"
                                   : ahead && m_whatIf->rules().strategyName == "none";
  const bool shown = !none && (ahead || (h.clipped && !h.thresholds.empty()));
  m_handle->setShown(shown);
  if (!shown) return;
  const double c = ahead ? tried().threshold : h.thresholds.front();
  const auto groups = isTrying() || ahead ? m_whatIf->triedRules().thresholds.size()
                                          : record()->clip->groups.size();
  // With several groups no one norm is held to C: it is the sensitivity of the whole, √ΣC_k².
  const bool whole = groups > 1 && tensor() < 0;
  const QString name = whole ? tr("√ΣC² %1") : groups > 1 ? tr("C_k %1") : tr("C %1");
  m_handle->setMapping([this](double x) { return m_histogram.value(x); },
                       [this](double value) { return m_histogram.position(value); });
  m_handle->setReversible(isTrying());
  m_handle->setValue(c, name.arg(shortNumber(c, 3)), whole);
}

void NormsPanel::recolour() {
  const Theme& t = Theme::current();
  m_before->setBrush(t.before);
  m_after->setBrush(t.after);
  m_outline->setPen(QPen(t.dark ? QColor("#c3cad6") : QColor("#4a5364"), 1));
  m_selected->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssTriangle, QPen(t.ink, 1), QBrush(t.good), 9));
  m_cutText->setColor(t.after);
  m_cutText->setFont(font());
  QColor veil = t.panel;
  veil.setAlpha(210);
  m_cutText->setBrush(veil);
  m_marks->recolour();
  m_handle->recolour();
}

void NormsPanel::showSelection() {
  QVector<double> keys, values;
  if (record()->has(Phase::Norms) && !m_histogram.edges.empty()) {
    const double width = m_histogram.edges[1] - m_histogram.edges[0];
    for (const auto& example : m_histogram.examples) {
      if (!selection()->contains(example.example)) continue;
      const double at = m_histogram.position(example.before);
      keys << (std::isfinite(at) ? at : m_histogram.edges.front() - 2.5 * width);
      values << (m_logCounts ? 0.75 : 0);
    }
  }
  m_selected->setData(keys, values);
  m_plot->queueReplot();
}

void NormsPanel::selectBarAt(double x, bool add) {
  const double width = m_histogram.edges[1] - m_histogram.edges[0];
  const double bin = std::floor((x - m_histogram.edges.front()) / width);
  const double low = m_histogram.edges.front() + bin * width;
  selectBetween(low, low + width, add);
}

void NormsPanel::selectBetween(double low, double high, bool add) {
  std::vector<Index> examples;
  for (const auto& example : m_histogram.examples) {
    double at = m_histogram.position(example.before);
    if (!std::isfinite(at))
      at = m_histogram.edges.front() - 2.5 * (m_histogram.edges[1] - m_histogram.edges[0]);
    if (at >= low && at <= high) examples.push_back(example.example);
  }
  if (add)
    selection()->add(std::move(examples));
  else
    selection()->selectMany(std::move(examples));
}

QString NormsPanel::hoverText(QPointF at) const {
  if (m_histogram.edges.empty()) return {};
  const double width = m_histogram.edges[1] - m_histogram.edges[0];
  const auto bin = static_cast<Index>(std::floor((at.x() - m_histogram.edges.front()) / width));
  if (bin < 0 || bin >= m_histogram.bins()) return {};
  const auto k = static_cast<std::size_t>(bin);
  QString text = tr("norm %1 – %2\nbefore: %3 examples")
                     .arg(shortNumber(m_histogram.value(m_histogram.edges[k])),
                          shortNumber(m_histogram.value(m_histogram.edges[k + 1])))
                     .arg(m_histogram.before[k]);
  if (m_histogram.clipped) text += tr("\nafter: %1 examples").arg(m_histogram.after[k]);
  return text + tr("\nn_i = √(Σ_p ‖∂L_i/∂θ_p‖²); Abadi et al. 2016, arXiv:1607.00133");
}

void NormsPanel::addActions(QMenu& menu) {
  QAction* logX = menu.addAction(tr("Logarithmic norms"));
  logX->setCheckable(true);
  logX->setChecked(m_histogram.logarithmic);
  connect(logX, &QAction::toggled, this, [this](bool on) {
    m_logarithmic = on ? 1 : 0;
    if (record()) showRecord();
    m_plot->fit();
  });
  QAction* logY = menu.addAction(tr("Logarithmic counts"));
  logY->setCheckable(true);
  logY->setChecked(m_logCounts);
  connect(logY, &QAction::toggled, this, [this](bool on) {
    m_logCounts = on;
    if (record()) showRecord();
    m_plot->fit();
  });
  QAction* quantiles = menu.addAction(tr("Quantile marks (5, 25, 50, 75, 95 %)"));
  quantiles->setCheckable(true);
  quantiles->setChecked(m_allQuantiles);
  connect(quantiles, &QAction::toggled, this, [this](bool on) {
    m_allQuantiles = on;
    if (record()) setRecord(record());
  });
  menu.addAction(tr("Fit (Home)"), m_plot, &Plot::fit);
  if (m_whatIf) addWhatIfActions(menu, m_whatIf);
}

QString NormsPanel::csv() const {
  std::string text = "bin_low,bin_high,before,after\n";
  const auto row = [&](double low, double high, Index before, Index after) {
    appendNumber(text, low);
    text += ',';
    appendNumber(text, high);
    text += ',' + std::to_string(before) + ',' + (m_histogram.clipped ? std::to_string(after) : "");
    text += '\n';
  };
  if (m_histogram.zeroBefore + m_histogram.zeroAfter > 0)
    row(0, 0, m_histogram.zeroBefore, m_histogram.zeroAfter);
  for (std::size_t k = 0; k + 1 < m_histogram.edges.size(); ++k)
    row(m_histogram.value(m_histogram.edges[k]), m_histogram.value(m_histogram.edges[k + 1]),
        m_histogram.before[k], m_histogram.after[k]);
  return QString::fromStdString(text);
}

}  // namespace clipscope
