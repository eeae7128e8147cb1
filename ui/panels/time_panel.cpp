// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/time_panel.h"

#include <QEvent>
#include <QHeaderView>
#include <QLabel>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/formats/number_text.h"
#include "engine/interchange/csv_rows.h"
#include "ui/panels/paired_bars.h"
#include "ui/panels/time_table.h"
#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

QString milliseconds(double seconds) {
  return seconds >= 1 ? QObject::tr("%1 s").arg(shortNumber(seconds, 3))
                      : QObject::tr("%1 ms").arg(shortNumber(1e3 * seconds, 3));
}

double totalOf(const std::array<double, phaseCount>& seconds) {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

}  // namespace

TimePanel::TimePanel(Selection* selection, QWidget* parent) : Panel(tr("Time"), selection, parent) {
  m_legend = new QLabel(this);
  m_legend->setTextFormat(Qt::RichText);
  m_legend->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  body()->addWidget(m_legend);
  m_bars = new PairedBars(tr("Time of each phase"), this);
  body()->addWidget(m_bars);
  body()->addSpacing(8);
  m_table = new TimeTable(this);
  m_view = new QTableView(this);
  m_view->setObjectName(QStringLiteral("timeTable"));
  m_view->setAccessibleName(tr("Time of each layer"));
  m_view->setModel(m_table);
  m_view->setSelectionMode(QAbstractItemView::NoSelection);
  m_view->setFocusPolicy(Qt::ClickFocus);
  m_view->setShowGrid(false);
  m_view->setContextMenuPolicy(Qt::NoContextMenu);
  m_view->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  m_view->verticalHeader()->hide();
  m_view->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  m_view->verticalHeader()->setDefaultSectionSize(21);
  m_view->horizontalHeader()->setHighlightSections(false);
  m_view->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  body()->addWidget(m_view, 1);
  setEmptyText(tr("Opening…"));
}

void TimePanel::fillLegend() {
  const Theme& t = Theme::current();
  const auto swatch = [](const QColor& colour, const QString& text) {
    return QStringLiteral("<span style='color:%1'>■</span> %2&nbsp; ").arg(colour.name(), text);
  };
  m_legend->setText(swatch(t.after, tr("this step")) +
                    swatch(t.before, tr("median of the steps shown last (%1)").arg(m_last.size())));
}

void TimePanel::changeEvent(QEvent* event) {
  Panel::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) fillLegend();
}

void TimePanel::remember() {
  const StepRecord& r = *record();
  if (m_info != r.info) {
    m_last.clear();
    m_info = r.info;
    m_step = 0;
  }
  // A step that is looked at again is not another one.
  if (!r.has(Phase::Account) || r.step == m_step) return;
  m_step = r.step;
  m_last.push_back(r.seconds);
  if (m_last.size() > remembered) m_last.pop_front();
}

double TimePanel::median(Phase phase) const {
  if (m_last.empty()) return notANumber;
  std::vector<double> times;
  for (const auto& seconds : m_last) times.push_back(seconds[static_cast<std::size_t>(phase)]);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

void TimePanel::showRecord() {
  remember();
  const StepRecord& r = *record();
  if (!r.has(Phase::Sample)) {
    setEmptyText(tr("Run a step to see where its time goes."));
    setSummary(QString());
    return;
  }
  setEmptyText(QString());
  fillLegend();
  const double total = totalOf(r.seconds);
  std::vector<PairedBars::Row> rows;
  for (const Phase phase : allPhases) {
    const double seconds = r.seconds[static_cast<std::size_t>(phase)], usual = median(phase);
    // A recorder of another library times only what it stands around.
    const bool isTimed = r.has(phase) && (!r.info->library || seconds > 0);
    PairedBars::Row row;
    row.name = QString::fromUtf8(phaseName(phase).data());
    row.first = std::isnan(usual) ? 0 : 1e3 * usual;
    row.second = isTimed ? 1e3 * seconds : notANumber;
    row.number =
        isTimed ? tr("%1 · %2").arg(milliseconds(seconds), percent(total > 0 ? seconds / total : 0))
                : QStringLiteral("–");
    row.marked = r.completed == phase && phase != Phase::Account;
    row.tip = isTimed ? tr("%1 of this step (blue)").arg(percent(total > 0 ? seconds / total : 0))
                      : (r.has(phase) ? tr("not recorded") : tr("not reached"));
    if (isTimed && !std::isnan(usual))
      row.tip += tr("\nmedian of the last %1 steps shown (grey): %2")
                     .arg(m_last.size())
                     .arg(milliseconds(usual));
    rows.push_back(std::move(row));
  }
  m_bars->show(std::move(rows));
  m_table->show(record());
  QStringList parts{r.info->library
                        ? tr("%1 in the phases that were timed").arg(milliseconds(total))
                        : milliseconds(total)};
  if (!r.info->library && r.has(Phase::Account) && total > 0 && r.batchSize() > 0)
    parts << tr("%1 examples/s")
                 .arg(grouped(std::llround(static_cast<double>(r.batchSize()) / total)));
  if (r.joined) parts << tr("Forward to Clip in one pass");
  setSummary(parts.join(QStringLiteral(" · ")));
}

QString TimePanel::csv() const {
  std::string text("kind,name,forward_ms,backward_ms,norms_ms,sums_ms,total_ms,median_ms\n");
  if (!record()) return QString::fromStdString(text);
  const StepRecord& r = *record();
  const auto number = [&](double seconds) {
    text += ',';
    if (!std::isnan(seconds)) appendNumber(text, 1e3 * seconds);
  };
  for (const Phase phase : allPhases) {
    if (!r.has(phase)) break;
    text += "phase,";
    text += phaseName(phase);
    text += ",,,,";
    number(r.seconds[static_cast<std::size_t>(phase)]);
    number(median(phase));
    text += '\n';
  }
  if (r.times)
    for (std::size_t l = 0; l < r.times->layers.size(); ++l) {
      const TimesPart::Layer& layer = r.times->layers[l];
      text += "layer,";
      appendText(text, r.info->modelLayers[l]);
      for (const double seconds :
           {layer.forward, layer.backward, layer.norms, layer.sums, layer.total()})
        number(seconds);
      text += ",\n";
    }
  return QString::fromStdString(text);
}

}  // namespace clipscope
