// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/noise_normal.h"

#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

QString fitInWords(double p) {
  if (std::isnan(p)) return {};
  if (p >= 0.01) return NoiseNormal::tr("✓ as N(0, 1)");
  if (p >= 1e-6) return NoiseNormal::tr("unusual, 1 in %1").arg(shortNumber(std::round(1 / p), 2));
  return NoiseNormal::tr("⚠ not N(0, 1)");
}

NoiseNormal::NoiseNormal(QWidget* parent) : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  m_plot = new Plot(tr("Noise in units of its std, over the normal density"), this);
  column->addWidget(m_plot, 1);
  m_nothing = new QLabel(this);
  m_nothing->setObjectName(QStringLiteral("empty"));
  m_nothing->setAlignment(Qt::AlignCenter);
  m_nothing->setWordWrap(true);
  m_nothing->hide();
  column->addWidget(m_nothing, 1);
  m_verdict = new QLabel(this);
  m_verdict->setObjectName(QStringLiteral("hint"));
  m_verdict->setAlignment(Qt::AlignRight);
  m_verdict->setWordWrap(true);
  m_verdict->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_verdict->setToolTip(
      tr("Pearson's χ² of the counts against the normal's; p is the probability of a χ² at least "
         "as large from N(0, 1)"));
  column->addWidget(m_verdict);
  m_plot->axisRect()->setMinimumMargins(QMargins(6, 8, 8, 4));
  m_bars = new QCPBars(m_plot->xAxis, m_plot->yAxis);
  m_bars->setPen(Qt::NoPen);
  m_bars->setAntialiased(false);
  m_bars->setWidth((NoiseHistogram::high - NoiseHistogram::low) / NoiseHistogram::bins);
  m_density = m_plot->addGraph();
  m_plot->xAxis->setLabel(tr("noise over its std, z/s"));
  m_plot->yAxis->setLabel(tr("coordinates"));
  m_plot->setFit([this] {
    Index most = 1;
    for (Index bin = 0; bin < NoiseHistogram::bins; ++bin)
      most = std::max(most, m_histogram.count(bin));
    m_plot->xAxis->setRange(NoiseHistogram::low, NoiseHistogram::high);
    m_plot->yAxis->setRange(0, 1.08 * static_cast<double>(most));
  });
  m_plot->setRecolour([this] { recolour(); });
  m_plot->setHoverText([this](QPointF at) {
    const double width = (NoiseHistogram::high - NoiseHistogram::low) / NoiseHistogram::bins;
    const auto bin = static_cast<Index>(std::floor((at.x() - NoiseHistogram::low) / width));
    if (bin < 0 || bin >= NoiseHistogram::bins || m_fit.expected.empty()) return QString();
    return tr("z/s from %1 to %2\n%3 coordinates, expected %4")
        .arg(shortNumber(NoiseHistogram::binLow(bin), 2),
             shortNumber(NoiseHistogram::binLow(bin + 1), 2))
        .arg(m_histogram.count(bin))
        .arg(shortNumber(m_fit.expected[static_cast<std::size_t>(bin)], 3));
  });
  recolour();
}

void NoiseNormal::show(const NoisePart& noise) {
  m_nothing->hide();
  m_plot->show();
  m_histogram = noise.histogram;
  m_fit = fitNoise(m_histogram);
  QVector<double> keys, counts, expected;
  const double half = m_bars->width() / 2;
  for (Index bin = 0; bin < NoiseHistogram::bins; ++bin) {
    keys << NoiseHistogram::binLow(bin) + half;
    counts << static_cast<double>(m_histogram.count(bin));
    expected << m_fit.expected[static_cast<std::size_t>(bin)];
  }
  m_bars->setData(keys, counts, true);
  m_density->setData(keys, expected, true);
  m_verdict->setText(verdict());
  m_plot->refit();
}

void NoiseNormal::showNothing(const QString& why) {
  m_plot->hide();
  m_nothing->setText(why);
  m_nothing->show();
  m_verdict->setText(QString());
}

QString NoiseNormal::verdict() const {
  if (m_fit.degrees == 0) return tr("too few coordinates to judge");
  return tr("χ² %1/%2, p = %3: %4")
      .arg(shortNumber(m_fit.chiSquared, 3))
      .arg(m_fit.degrees)
      .arg(shortNumber(m_fit.pValue, 2), fitInWords(m_fit.pValue));
}

void NoiseNormal::recolour() {
  const Theme& t = Theme::current();
  m_bars->setBrush(t.threshold);
  m_density->setPen(QPen(t.ink, 1));
}

}  // namespace clipscope
