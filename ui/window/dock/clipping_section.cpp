// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/clipping_section.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>

#include "ui/panels/clip_slider.h"
#include "ui/window/dock/schedule_rows.h"

namespace clipscope {

namespace {

/// The constant that a strategy has, if any: its symbol, and where it is kept.
struct StrategyConstant {
  const char* symbol;
  double StrategySettings::*member;
};

const StrategyConstant* constantOf(const std::string& strategy) {
  static const std::pair<const char*, StrategyConstant> constants[] = {
      {"threshold", {"Constant κ", &StrategySettings::clipConstant}},
      {"auto_s", {"Constant γ", &StrategySettings::gamma}},
      {"normalised", {"Constant r", &StrategySettings::r}},
      {"psac", {"Constant r", &StrategySettings::psacR}},
      {"global", {"Bound Z (0: C)", &StrategySettings::globalBound}}};
  for (const auto& [name, constant] : constants)
    if (strategy == name) return &constant;
  return nullptr;
}

}  // namespace

ClippingSection::ClippingSection(QWidget* parent) : DockSection(tr("Clipping"), parent) {
  addGroupings();
  QStringList names, titles;
  for (const std::string& name : strategyNames()) {
    names << QString::fromStdString(name);
    titles << fromView(makeStrategy(name, {})->title());
  }
  m_strategy = addCombo(
      tr("Strategy"), tr("How a norm becomes a clip factor; each entry has its formula"), names,
      titles, [](Experiment& e, const std::string& name) { e.clipping.strategy = name; });
  for (int k = 0; k < m_strategy->count(); ++k) {
    const auto strategy = makeStrategy(m_strategy->itemData(k).toString().toStdString(), {});
    m_strategy->setItemData(
        k, tr("f = %1\n%2").arg(fromView(strategy->formula()), fromView(strategy->source())),
        Qt::ToolTipRole);
  }
  m_maxGradNorm = addNumber(
      tr("Clipping norm C"), tr("max_grad_norm: the sensitivity of the clipped sum"),
      {1e-30, 1e30, true, false}, [](Experiment& e, double v) { e.clipping.maxGradNorm = v; });
  addWide(m_slider = new ClipSlider(ClipSlider::Release::Sets, this));
  m_schedule = new ScheduleRows(this, tr("C"), 1e-30, &ScheduleSettings::maxGradNorm);
  m_thresholds =
      addCombo(tr("Thresholds C_k"), tr("How C is shared out over the groups; Σ C_k² = C²"),
               {QStringLiteral("equal"), QStringLiteral("sqrt_dim"), QStringLiteral("median"),
                QStringLiteral("custom")},
               {tr("Equal, C/√K"), tr("∝ √d_k"), tr("∝ median norm"), tr("Each its own")},
               [](Experiment& e, const std::string& name) {
                 e.clipping.thresholds = parseThresholdRule(name, "clipping.thresholds");
               });
  m_constant = addNumber(tr("Constant κ"), tr("The strategy's constant"), {0, 1e30, true, false},
                         [](Experiment& e, double v) {
                           if (const auto* c = constantOf(e.clipping.strategy))
                             e.clipping.strategySettings.*(c->member) = v;
                         });
}

void ClippingSection::addGroupings() {
  auto* segments = new QHBoxLayout;
  segments->setSpacing(0);
  m_grouping = new QButtonGroup(this);
  const std::pair<const char*, const char*> groupings[] = {
      {"Flat", "One norm over every trainable parameter (Abadi et al.; the default of Opacus)"},
      {"Layer", "A norm and a threshold for each layer, its weight and bias together"},
      {"Param",
       "A norm and a threshold for each tensor, weight and bias apart "
       "(what Opacus calls per_layer)"},
      {"Custom", "Groups of one's own: opens an editor in which tensors are dragged into groups"}};
  for (int k = 0; k < 4; ++k) {
    auto* button = new QPushButton(tr(groupings[k].first), this);
    button->setToolTip(QString::fromUtf8(groupings[k].second));
    button->setCheckable(true);
    button->setProperty("segment", true);
    m_grouping->addButton(button, k);
    segments->addWidget(button, 1);
  }
  addWide(segments);
  connect(m_grouping, &QButtonGroup::idClicked, this, [this](int id) {
    if (static_cast<GroupingKind>(id) == GroupingKind::Custom) {
      // Nothing has changed before the groups are made.
      m_grouping->button(static_cast<int>(experiment().clipping.grouping))->setChecked(true);
      emit groupsRequested();
      return;
    }
    change(m_grouping->button(id),
           [&](Experiment& e) { e.clipping.grouping = static_cast<GroupingKind>(id); });
  });
}

void ClippingSection::display(const Experiment& e) {
  m_grouping->button(static_cast<int>(e.clipping.grouping))->setChecked(true);
  select(m_strategy, QString::fromStdString(e.clipping.strategy));
  const bool adapts = e.clipping.adaptive.enabled;
  labelOf(m_maxGradNorm)->setText(adapts ? tr("First norm C") : tr("Clipping norm C"));
  m_maxGradNorm->setValue(e.clipping.maxGradNorm);
  m_schedule->display(e);
  m_schedule->setAvailable(!adapts, tr("The adaptive threshold moves C already"));
  select(m_thresholds, fromView(thresholdRuleName(e.clipping.thresholds)));
  setRowVisible(m_thresholds, e.clipping.grouping != GroupingKind::Flat);
  const StrategyConstant* constant = constantOf(e.clipping.strategy);
  setRowVisible(m_constant, constant);
  if (!constant) return;
  labelOf(m_constant)->setText(QString::fromUtf8(constant->symbol));
  m_constant->setValue(e.clipping.strategySettings.*(constant->member));
}

}  // namespace clipscope
