// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/epsilon_plot.h"

#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

QVector<double> part(const std::vector<double>& values, std::size_t from, std::size_t to) {
  QVector<double> found;
  for (std::size_t k = from; k < to; ++k)
    found << (std::isfinite(values[k]) ? values[k] : std::nan(""));
  return found;
}

}  // namespace

QString accountantLabel(const std::string& name) {
  if (name == "rdp-opacus") return EpsilonPlot::tr("RDP (Opacus)");
  if (name == "rdp") return EpsilonPlot::tr("RDP");
  if (name == "prv") return EpsilonPlot::tr("PRV");
  if (name == "gdp") return EpsilonPlot::tr("GDP (approximation)");
  return QString::fromStdString(name);
}

EpsilonPlot::EpsilonPlot(Axis axis, QWidget* parent) : QWidget(parent), m_axis(axis) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(2);
  m_legend = new QLabel(this);
  m_legend->setTextFormat(Qt::RichText);
  m_legend->setWordWrap(true);
  m_legend->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  column->addWidget(m_legend);
  m_plot = new Plot(
      axis == Axis::Steps ? tr("ε over the steps, by accountant") : tr("ε over δ, by accountant"),
      this);
  column->addWidget(m_plot, 1);
  for (std::size_t k = 0; k < accountantNames().size(); ++k) {
    Line line{m_plot->addGraph(), m_plot->addGraph(), m_plot->addGraph()};
    line.done->setAntialiased(true);
    line.planned->setAntialiased(true);
    line.lower->setAntialiased(false);
    m_lines.push_back(line);
  }
  m_mark = new QCPItemStraightLine(m_plot);
  m_markText = new QCPItemText(m_plot);
  m_markText->position->setTypeX(QCPItemPosition::ptPlotCoords);
  m_markText->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
  m_markText->setClipToAxisRect(false);
  m_plot->yAxis->setLabel(tr("ε"));
  if (axis == Axis::Steps) {
    m_plot->xAxis->setLabel(tr("steps"));
  } else {
    m_plot->xAxis->setLabel(tr("δ"));
    m_plot->xAxis->setTicker(QSharedPointer<PowerTicker>(new PowerTicker));
  }
  m_plot->setFit([this] {
    if (m_positions.empty()) return;
    double most = 0;
    for (const EpsilonCurve& curve : m_curves)
      for (const double value : curve.epsilon)
        if (std::isfinite(value) && curve.isBound) most = std::max(most, value);
    const auto [low, high] = std::ranges::minmax(m_positions);
    m_plot->xAxis->setRange(m_axis == Axis::Steps ? 0 : low, high > low ? high : low + 1);
    m_plot->yAxis->setRange(0, most > 0 ? 1.08 * most : 1);
  });
  m_plot->setRecolour([this] { recolour(); });
  m_plot->setHoverText([this](QPointF at) { return hoverText(at); });
  recolour();
}

void EpsilonPlot::show(const EpsilonOverSteps& curves, Index step) {
  std::vector<double> positions;
  for (const Index at : curves.steps) positions.push_back(static_cast<double>(at));
  setCurves(std::move(positions), curves.curves, curves.done);
  setMark(static_cast<double>(step), tr(" step %1 ").arg(step));
}

void EpsilonPlot::show(const EpsilonOverDelta& curves, double delta) {
  m_deltas = curves.deltas;
  std::vector<double> positions;
  for (const double at : curves.deltas) positions.push_back(std::log10(at));
  setCurves(std::move(positions), curves.curves, curves.deltas.size());
  setMark(std::log10(delta), tr(" δ %1 ").arg(shortNumber(delta, 3)));
}

void EpsilonPlot::setCurves(std::vector<double> positions, const std::vector<EpsilonCurve>& curves,
                            std::size_t done) {
  m_positions = std::move(positions);
  m_curves = curves;
  m_done = done;
  const std::size_t last = m_positions.size();
  const std::size_t joint = done > 0 ? done - 1 : 0;  // both lines have the point they meet at
  for (std::size_t k = 0; k < m_lines.size(); ++k) {
    const EpsilonCurve& curve = m_curves[k];
    const Line& line = m_lines[k];
    line.done->setData(part(m_positions, 0, done), part(curve.epsilon, 0, done));
    line.planned->setData(part(m_positions, joint, last), part(curve.epsilon, joint, last));
    if (curve.lower.empty())
      line.lower->data()->clear();
    else
      line.lower->setData(part(m_positions, 0, last), part(curve.lower, 0, last));
  }
  m_plot->refit();
  m_plot->queueReplot();
}

void EpsilonPlot::setMark(double position, const QString& text) {
  m_mark->point1->setCoords(position, 0);
  m_mark->point2->setCoords(position, 1);
  const auto [low, high] = std::ranges::minmax(m_positions);
  const bool isLeft = position > 0.5 * (low + high);
  m_markText->setPositionAlignment((isLeft ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignTop);
  m_markText->position->setCoords(position, 0.02);
  m_markText->setText(text);
}

void EpsilonPlot::recolour() {
  const Theme& t = Theme::current();
  QString legend;
  for (std::size_t k = 0; k < m_lines.size(); ++k) {
    const std::string& name = accountantNames()[k];
    const bool isBound = accountantIsBound(name);
    const QColor colour = t.category(static_cast<int>(k));
    const Line& line = m_lines[k];
    // The two of RDP often lie on one another: the one with more orders is drawn thinner, on top.
    const double width = name == "rdp-opacus" ? 3.5 : 1.8;
    line.done->setPen(QPen(colour, width, isBound ? Qt::SolidLine : Qt::DashLine));
    QColor faint = colour;
    faint.setAlpha(150);
    line.planned->setPen(QPen(faint, width, Qt::DotLine));
    line.lower->setPen(Qt::NoPen);
    if (name == "prv") {
      QColor band = colour;
      band.setAlpha(60);
      // Between the lower end and both parts of the upper one.
      line.done->setBrush(band);
      line.done->setChannelFillGraph(line.lower);
      line.planned->setBrush(band);
      line.planned->setChannelFillGraph(line.lower);
    }
    legend += QStringLiteral("<span style='color:%1'>%2</span>&nbsp;%3 &nbsp; ")
                  .arg(colour.name(), isBound ? QStringLiteral("━") : QStringLiteral("╍"),
                       accountantLabel(name));
  }
  m_legend->setText(legend);
  m_mark->setPen(QPen(t.dim, 1, Qt::DashLine));
  m_markText->setColor(t.dim);
  m_markText->setFont(m_plot->font());
}

QString EpsilonPlot::hoverText(QPointF at) const {
  if (m_positions.empty()) return {};
  const auto nearest = std::ranges::min_element(
      m_positions, {}, [&](double position) { return std::abs(position - at.x()); });
  const auto k = static_cast<std::size_t>(nearest - m_positions.begin());
  QString text = m_axis == Axis::Steps
                     ? (k < m_done ? tr("after step %1") : tr("planned: after step %1"))
                           .arg(static_cast<qint64>(*nearest))
                     : tr("δ %1").arg(shortNumber(std::pow(10.0, *nearest), 3));
  for (const EpsilonCurve& curve : m_curves) {
    text +=
        QStringLiteral("\n%1  ε %2%3")
            .arg(accountantLabel(curve.accountant),
                 curve.isBound ? QString() : QStringLiteral("≈ "), shortNumber(curve.epsilon[k]));
    if (!curve.lower.empty()) text += tr(", at least %1").arg(shortNumber(curve.lower[k]));
  }
  return text + tr("\nRDP: arXiv:1702.07476, 1908.10530; PRV: 2106.02848; GDP: 1911.11607");
}

}  // namespace clipscope
