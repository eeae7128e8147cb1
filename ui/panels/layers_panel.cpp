// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/layers_panel.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "engine/interchange/csv_rows.h"
#include "ui/panels/empty_batch.h"
#include "ui/panels/layers_map.h"
#include "ui/plots/number_format.h"

namespace clipscope {

LayersPanel::LayersPanel(Selection* selection, QWidget* parent)
    : Panel(tr("Layers"), selection, parent) {
  auto* head = new QHBoxLayout;
  head->setSpacing(2);
  const auto choice = [&](QButtonGroup* group, const QString& text, const QString& tip,
                          bool checked) {
    auto* button = new QToolButton(this);
    button->setText(text);
    button->setToolTip(tip);
    button->setCheckable(true);
    button->setChecked(checked);
    group->addButton(button);
    head->addWidget(button);
    return button;
  };
  auto* quantity = new QButtonGroup(this);
  auto* share = choice(quantity, tr("share"), tr("Share of ‖g‖² that lies in the tensor"), true);
  auto* norm =
      choice(quantity, tr("norm"), tr("Norm of the tensor's gradient, logarithmic"), false);
  head->addSpacing(12);
  auto* stage = new QButtonGroup(this);
  auto* before = choice(stage, tr("before"), tr("Before clipping"), true);
  m_after = choice(stage, tr("after"), tr("After clipping"), false);
  head->addStretch(1);
  body()->addLayout(head);
  m_map = new LayersMap(selection, this);
  body()->addWidget(m_map, 1);
  connect(share, &QToolButton::clicked, this,
          [this] { m_map->setQuantity(LayersMap::Quantity::Share); });
  connect(norm, &QToolButton::clicked, this,
          [this] { m_map->setQuantity(LayersMap::Quantity::Norm); });
  connect(before, &QToolButton::clicked, this, [this] { m_map->setAfterClipping(false); });
  connect(m_after, &QToolButton::clicked, this, [this] { m_map->setAfterClipping(true); });
  setEmptyText(tr("Opening…"));
}

void LayersPanel::showRecord() {
  if (!record()->has(Phase::Norms)) {
    setEmptyText(tr("Run to Norms (Space) to see how each norm splits over the layers."));
    setSummary(QString());
    return;
  }
  if (record()->batchSize() == 0) {
    setEmptyText(emptyBatchText(*record()));
    setSummary(QString());
    return;
  }
  setEmptyText(QString());
  m_after->setEnabled(record()->has(Phase::Clip));
  m_after->setToolTip(record()->has(Phase::Clip) ? tr("After clipping")
                                                 : tr("After clipping: run to Clip first"));
  m_map->setRecord(record());
  const auto& shares = record()->norms->tensorShare;
  const auto largest = std::max_element(shares.begin(), shares.end(), [](double a, double b) {
    return (std::isnan(a) ? -1 : a) < (std::isnan(b) ? -1 : b);
  });
  if (largest != shares.end() && std::isfinite(*largest)) {
    const auto at = static_cast<std::size_t>(largest - shares.begin());
    setSummary(tr("share of ‖g‖² by tensor · %1 has %2")
                   .arg(QString::fromStdString(record()->info->tensors[at]), percent(*largest)));
  } else {
    setSummary(tr("every gradient is zero"));
  }
}

void LayersPanel::showSelection() {}  // the map listens itself

QString LayersPanel::csv() const {
  std::string text(exampleLayersHeader());
  if (record() && record()->has(Phase::Clip)) appendExampleLayerRows(text, *record());
  return QString::fromStdString(text);
}

}  // namespace clipscope
