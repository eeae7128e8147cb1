// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/budget_panel.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QVBoxLayout>
#include <cmath>
#include <limits>

#include "engine/formats/number_text.h"
#include "ui/panels/empty_batch.h"
#include "ui/panels/what_if_readout.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/plots/threshold_handle.h"
#include "ui/theme.h"
#include "ui/what_if_state.h"

namespace clipscope {

namespace {

constexpr int points = 121;
/// Parts this far below the total's least say no more than that they are small.
constexpr double decadesBelow = 2.5;
enum MarkName : std::size_t { Median, Bound, Exact };

double logOf(double value) {
  return value > 0 ? std::log10(value) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

BudgetPanel::BudgetPanel(Selection* selection, WhatIfState* state, QWidget* parent)
    : Panel(tr("Error budget"), selection, parent), m_state(state) {
  auto* legend = new QLabel(this);
  legend->setTextFormat(Qt::RichText);
  legend->setWordWrap(true);
  legend->setToolTip(
      tr("Of the mean gradient (s + z)/B against Σg/B, squared: bias² ‖s − Σg‖²/B², noise "
         "Σ s_k² d_k/B², sampling (1 − q)/B² Σ ‖clipped g‖². One batch: its bias holds some of the "
         "sampling's variance too."));
  body()->addWidget(legend);
  m_plot = new Plot(tr("Error budget over the clipping norm C"), this);
  body()->addWidget(m_plot, 1);
  body()->addWidget(new WhatIfReadout(state, this));
  for (QCPGraph** graph : {&m_bias, &m_noise, &m_sampling, &m_total, &m_least}) {
    *graph = m_plot->addGraph();
    (*graph)->setAntialiased(true);
  }
  m_least->setLineStyle(QCPGraph::lsNone);
  for (int k = 0; k < 3; ++k) {
    Mark mark{new QCPItemStraightLine(m_plot), new QCPItemText(m_plot), 0};
    mark.text->position->setTypeX(QCPItemPosition::ptPlotCoords);
    mark.text->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
    mark.text->setClipToAxisRect(false);
    m_marks.push_back(mark);
  }
  m_handle = new ThresholdHandle(m_plot, tr("Clipping norm C"));
  m_handle->setMapping([](double x) { return std::pow(10.0, x); },
                       [](double c) { return std::log10(c); });
  m_plot->xAxis->setLabel(tr("clipping norm C"));
  m_plot->yAxis->setLabel(tr("squared error of the mean"));
  m_plot->xAxis->setTicker(QSharedPointer<PowerTicker>(new PowerTicker));
  m_plot->yAxis->setTicker(QSharedPointer<PowerTicker>(new PowerTicker));
  m_plot->setFit([this] {
    if (m_curve.empty()) return;
    m_plot->xAxis->setRange(std::log10(m_curve.front().maxGradNorm),
                            std::log10(m_curve.back().maxGradNorm));
    m_plot->yAxis->setRange(m_low, m_high);
  });
  m_plot->setRecolour([this, legend] {
    recolour();
    const Theme& t = Theme::current();
    const auto swatch = [](const QColor& colour, const QString& text) {
      return QStringLiteral("<span style='color:%1'>━</span>&nbsp;%2").arg(colour.name(), text);
    };
    legend->setText(swatch(t.ink, tr("total")) + QStringLiteral(" &nbsp; ") +
                    swatch(t.after, tr("bias²")) + QStringLiteral(" &nbsp; ") +
                    swatch(t.threshold, tr("noise")) + QStringLiteral(" &nbsp; ") +
                    swatch(t.category(0), tr("sampling")));
  });
  m_plot->setHoverText([this](QPointF at) { return hoverText(at); });
  recolour();
  QEvent change(QEvent::PaletteChange);
  QCoreApplication::sendEvent(m_plot, &change);

  connect(m_handle, &ThresholdHandle::moved, state, &WhatIfState::tryMaxGradNorm);
  connect(m_handle, &ThresholdHandle::accepted, state, &WhatIfState::use);
  connect(m_handle, &ThresholdHandle::reversed, state, &WhatIfState::giveUp);
  connect(m_plot, &Plot::clicked, this, [this](QPointF at, bool) {
    const QPointF pixel(m_plot->xAxis->coordToPixel(at.x()), m_plot->yAxis->coordToPixel(at.y()));
    for (const Mark& mark : m_marks)
      if (mark.text->visible() &&
          QRectF(mark.text->topLeft->pixelPosition(), mark.text->bottomRight->pixelPosition())
              .contains(pixel))
        m_state->tryMaxGradNorm(mark.value);
  });
  connect(state, &WhatIfState::tried, this, &BudgetPanel::showTried);
  connect(state, &WhatIfState::changed, this, [this] {
    if (record() && m_state->record() == record()) setRecord(record());
  });
  setEmptyText(tr("Opening…"));
}

void BudgetPanel::showRecord() {
  m_curve.clear();
  m_budget.reset();
  if (m_state->record() != record()) return;
  if (!record()->has(Phase::Norms)) {
    setEmptyText(tr("Run to Norms (Space) to weigh bias against noise over C."));
    setSummary(QString());
    return;
  }
  if (!m_state->hasBatch()) {
    setEmptyText(emptyBatchText(
        *record(), tr("This batch is empty: there is no bias to weigh against the noise.")));
    setSummary(QString());
    return;
  }
  if (!m_state->hasGram()) {
    setEmptyText(noGradientsText(
        *record(), tr("At a pause: the products of all pairs of gradients are computed first.")));
    setSummary(QString());
    return;
  }
  setEmptyText(QString());
  drawCurve();
  m_plot->refit();
}

void BudgetPanel::showTried() {
  if (!record() || m_state->record() != record() || m_curve.empty() || !isVisible()) {
    if (record() && m_state->record() == record()) setRecord(record());
    return;
  }
  // The curves change only where the proportions of the C_k do.
  drawCurve();
  m_plot->queueReplot();
}

void BudgetPanel::drawCurve() {
  m_budget = m_state->budget();
  const auto [low, high] = m_state->span();
  m_curve = m_budget->curve(low, high, points);
  QVector<double> keys, bias, noise, sampling, total;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const BudgetPoint& p : m_curve) {
    keys << std::log10(p.maxGradNorm);
    bias << logOf(p.biasSquared);
    noise << logOf(p.noiseVariance);
    sampling << logOf(p.samplingVariance);
    total << logOf(p.total);
    least = std::min(least, p.total);
    most = std::max(most, p.total);
  }
  m_low = (least > 0 ? std::log10(least) : 0) - decadesBelow;
  m_high = (most > 0 ? std::log10(most) : 1) + 0.3;
  // A curve that ends at 0 leaves the picture instead of ending in the middle of it.
  const auto ended = [&](QVector<double> values) {
    for (double& v : values)
      if (std::isnan(v)) v = m_low - 3;
    return values;
  };
  m_bias->setData(keys, ended(bias), true);
  m_noise->setData(keys, ended(noise), true);
  m_sampling->setData(keys, ended(sampling), true);
  m_total->setData(keys, ended(total), true);

  const double exact = m_budget->minimum();
  const bool hasLeast = std::isfinite(exact);
  m_least->setData(
      hasLeast ? QVector<double>{std::log10(exact)} : QVector<double>{},
      hasLeast ? QVector<double>{logOf(m_budget->at(exact).total)} : QVector<double>{});
  const double median = m_state->whatIf()->norms().q50;
  const double bound = m_state->suggestedBound();
  drawMark(Median, tr(" median norm %1 "), median, true);
  drawMark(Bound, tr(" bound %1 "), bound, m_state->rules().strategyName != "none");
  drawMark(Exact, tr(" exact %1 "), exact, true);
  placeMarkTexts();
  drawThreshold();

  QString summary;
  if (hasLeast)
    summary = tr("least at C = %1 · %2")
                  .arg(shortNumber(exact, 3))
                  .arg(tr("now %1 × the least")
                           .arg(shortNumber(m_budget->at(m_state->maxGradNorm()).total /
                                                m_budget->at(exact).total,
                                            3)));
  else
    summary = m_state->rules().sigma > 0 ? tr("no least point at any C")
                                         : tr("without noise there is nothing to trade");
  const auto& gram = m_state->whatIf()->gram();
  if (gram->isSubset())
    summary += tr(" · from %1 of %2 examples").arg(gram->size()).arg(gram->batchSize());
  setSummary(summary);
}

void BudgetPanel::drawMark(std::size_t which, const QString& text, double value, bool shown) {
  Mark& mark = m_marks[which];
  const double x = logOf(value);
  const double from = std::log10(m_curve.front().maxGradNorm);
  const double to = std::log10(m_curve.back().maxGradNorm);
  mark.value = value;
  const bool drawable = shown && std::isfinite(x) && x >= from && x <= to;
  mark.line->setVisible(drawable);
  mark.text->setVisible(drawable);
  if (!drawable) return;
  mark.line->point1->setCoords(x, 0);
  mark.line->point2->setCoords(x, 1);
  mark.text->setText(text.arg(shortNumber(value, 3)));
  mark.text->position->setCoords(x, 0.72 + 0.1 * static_cast<double>(which));
}

void BudgetPanel::placeMarkTexts() {
  const QRect rect = m_plot->axisRect()->rect();
  for (Mark& mark : m_marks) {
    if (!mark.text->visible()) continue;
    const double x = m_plot->xAxis->coordToPixel(mark.line->point1->key());
    const double wide = m_plot->fontMetrics().horizontalAdvance(mark.text->text()) + 2;
    // How far the next line is on either side; the text goes to the right where it fits, or where
    // it fits no worse.
    double left = x - rect.left(), right = rect.right() - x;
    for (const Mark& other : m_marks) {
      if (&other == &mark || !other.line->visible()) continue;
      const double away = m_plot->xAxis->coordToPixel(other.line->point1->key()) - x;
      if (away >= 0) right = std::min(right, away);
      if (away <= 0) left = std::min(left, -away);
    }
    const bool toTheRight = right >= wide || right >= left;
    mark.text->setPositionAlignment((toTheRight ? Qt::AlignLeft : Qt::AlignRight) |
                                    Qt::AlignVCenter);
  }
}

void BudgetPanel::drawThreshold() {
  const bool several = m_state->rules().thresholds.size() > 1;
  const double c = m_state->maxGradNorm();
  m_handle->setShown(m_state->rules().strategyName != "none");
  m_handle->setReversible(m_state->isTrying());
  m_handle->setValue(c, (several ? tr("√ΣC² %1") : tr("C %1")).arg(shortNumber(c, 3)), several);
}

void BudgetPanel::recolour() {
  const Theme& t = Theme::current();
  m_bias->setPen(QPen(t.after, 1.5));
  m_noise->setPen(QPen(t.threshold, 1.5));
  m_sampling->setPen(QPen(t.category(0), 1.5));
  m_total->setPen(QPen(t.ink, 2.5));
  m_least->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssDiamond, QPen(t.panel, 1), QBrush(t.good), 11));
  QColor veil = t.panel;
  veil.setAlpha(210);
  for (std::size_t k = 0; k < m_marks.size(); ++k) {
    const QColor colour = k == Median ? t.dim : t.good;
    m_marks[k].line->setPen(QPen(colour, 1, k == Median ? Qt::DashLine : Qt::DashDotLine));
    m_marks[k].text->setColor(colour);
    m_marks[k].text->setBrush(veil);
    m_marks[k].text->setFont(m_plot->font());
  }
  m_handle->recolour();
}

QString BudgetPanel::hoverText(QPointF at) const {
  if (!m_budget || m_curve.empty()) return {};
  const BudgetPoint p = m_budget->at(std::pow(10.0, at.x()));
  return tr("C %1\ntotal %2 = %3 + %4 + %5\nbias² ‖s − Σg‖²/B² %3\nnoise variance Σ s²d/B² %4\n"
            "sampling variance (1−q)/B² Σ ‖clipped g‖² %5\nof the mean gradient; "
            "DC-SGD, arXiv:2503.22988")
      .arg(shortNumber(p.maxGradNorm), shortNumber(p.total), shortNumber(p.biasSquared),
           shortNumber(p.noiseVariance), shortNumber(p.samplingVariance));
}

void BudgetPanel::addActions(QMenu& menu) {
  menu.addAction(tr("Fit (Home)"), m_plot, &Plot::fit);
  addWhatIfActions(menu, m_state);
}

QString BudgetPanel::csv() const {
  std::string text = "max_grad_norm,bias_squared,noise_variance,sampling_variance,error_budget\n";
  for (const BudgetPoint& p : m_curve) {
    appendNumber(text, p.maxGradNorm);
    for (const double value : {p.biasSquared, p.noiseVariance, p.samplingVariance, p.total}) {
      text += ',';
      appendNumber(text, value);
    }
    text += '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
