// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/noise_panel.h"

#include <QButtonGroup>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>
#include <cmath>

#include "engine/formats/number_text.h"
#include "engine/interchange/csv_rows.h"
#include "ui/panels/noise_bars.h"
#include "ui/panels/noise_check.h"
#include "ui/panels/noise_normal.h"
#include "ui/plots/number_format.h"
#include "ui/selection.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
constexpr int roomForBoth = 640;  // pixels; narrower panels show one picture at a time
}

NoisePanel::NoisePanel(Selection* selection, QWidget* parent)
    : Panel(tr("Noise"), selection, parent) {
  auto* head = new QHBoxLayout;
  head->setSpacing(2);
  m_legend = new QLabel(this);
  m_legend->setTextFormat(Qt::RichText);
  m_legend->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  head->addWidget(m_legend, 1);
  auto* group = new QButtonGroup(this);
  const auto button = [&](const QString& text, const QString& tip) {
    auto* b = new QToolButton(this);
    b->setText(text);
    b->setToolTip(tip);
    b->setCheckable(true);
    group->addButton(b);
    head->addWidget(b);
    connect(b, &QToolButton::clicked, this, &NoisePanel::arrange);
    return b;
  };
  m_byTensor = button(tr("tensors"), tr("Signal and noise by tensor"));
  m_byDraw = button(tr("z/s"), tr("The drawn noise over the normal density"));
  m_byTensor->setChecked(true);
  body()->addLayout(head);
  auto* pictures = new QHBoxLayout;
  pictures->setSpacing(14);
  m_bars = new NoiseBars(this);
  connect(m_bars, &NoiseBars::tensorClicked, selection,
          [selection](const std::string& name, bool add) {
            if (add)
              selection->toggleTensor(name);
            else if (selection->tensors() == std::vector{name})
              selection->clearTensors();
            else
              selection->selectTensor(name);
          });
  m_normal = new NoiseNormal(this);
  pictures->addWidget(m_bars, 3);
  pictures->addWidget(m_normal, 2);
  body()->addLayout(pictures, 1);
  m_check = new NoiseCheck(this);
  body()->addWidget(m_check);
  fillLegend();
  arrange();
  setEmptyText(tr("Opening…"));
}

void NoisePanel::fillLegend() {
  const Theme& t = Theme::current();
  const auto swatch = [](const QColor& colour, const QString& mark, const QString& text) {
    return QStringLiteral("<span style='color:%1'>%2</span> %3&nbsp; ")
        .arg(colour.name(), mark, text);
  };
  m_legend->setText(swatch(t.after, QStringLiteral("■"), tr("signal ‖s‖")) +
                    swatch(t.threshold, QStringLiteral("■"), tr("noise ‖z‖")) +
                    swatch(t.ink, QStringLiteral("┃"), tr("expected")));
}

void NoisePanel::arrange() {
  const bool both = width() >= roomForBoth;
  m_byTensor->setVisible(!both);
  m_byDraw->setVisible(!both);
  m_bars->setVisible(both || m_byTensor->isChecked());
  m_normal->setVisible(both || m_byDraw->isChecked());
}

void NoisePanel::resizeEvent(QResizeEvent* event) {
  Panel::resizeEvent(event);
  arrange();
}

void NoisePanel::changeEvent(QEvent* event) {
  Panel::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) fillLegend();
}

void NoisePanel::showSelection() {
  // Noise belongs to no example, and to tensors.
  m_bars->light(selection()->tensors());
}

void NoisePanel::showRecord() {
  if (!record()->has(Phase::Clip)) {
    setEmptyText(tr("Run to Noise to see the signal beside the noise that covers it."));
    setSummary(QString());
    return;
  }
  setEmptyText(QString());
  m_table = makeNoiseTable(*record());
  m_bars->show(m_table);
  const NoiseTable::Row& total = m_table.rows.front();
  QStringList parts;
  if (m_table.silent) {
    parts << tr("σ = 0: no noise");
    m_normal->showNothing(tr("σ = 0: no noise is drawn, and ε is ∞."));
  } else {
    parts << (m_table.grouped ? tr("s = %1 (rms)") : tr("σC = %1")).arg(shortNumber(total.std, 3));
    if (m_table.drawn)
      m_normal->show(*record()->noise);
    else
      m_normal->showNothing(tr("Run to Noise (Space) to draw it: z/s over the normal density."));
  }
  parts << tr("SNR %1").arg(shortNumber(total.snr, 3));
  if (!m_table.drawn && !m_table.silent) parts << tr("noise not drawn yet");
  setSummary(parts.join(QStringLiteral(" · ")));
  m_check->show(record());
}

QString NoisePanel::csv() const {
  std::string text(
      "parameter,group,size,signal,noise_std,noise_expected,noise_realised,snr,snr_realised\n");
  if (!record() || !record()->has(Phase::Clip)) return QString::fromStdString(text);
  const NoiseTable table = makeNoiseTable(*record());
  for (const NoiseTable::Row& row : table.rows) {
    appendText(text, row.name.empty() ? "total" : row.name);
    text += ',';
    appendText(text, row.group);
    text += ',' + std::to_string(row.size);
    for (const double value :
         {row.signal, row.std, row.expected, row.realised, row.snr, row.snrRealised}) {
      text += ',';
      if (!std::isnan(value)) appendNumber(text, value);
    }
    text += '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
