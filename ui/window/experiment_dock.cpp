// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/experiment_dock.h"

#include <QButtonGroup>
#include <QCheckBox>
#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QVBoxLayout>
#include <algorithm>

#include "engine/accounting/accountant.h"
#include "engine/error.h"
#include "engine/model/presets.h"
#include "ui/panels/panel_header.h"
#include "ui/plots/number_format.h"
#include "ui/window/clip_slider.h"
#include "ui/window/number_edit.h"

namespace clipscope {

namespace {

QString fromView(std::string_view text) {
  return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

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

void select(QComboBox* combo, const QString& name) {
  const QSignalBlocker block(combo);
  combo->setCurrentIndex(combo->findData(name));
}

}  // namespace

ExperimentDock::ExperimentDock(QWidget* parent) : QDockWidget(tr("Experiment"), parent) {
  setObjectName(QStringLiteral("experimentDock"));
  setFeatures(QDockWidget::DockWidgetMovable | QDockWidget::DockWidgetFloatable |
              QDockWidget::DockWidgetClosable);
  auto* card = new QWidget(this);
  card->setObjectName(QStringLiteral("card"));
  card->setProperty("docked", true);
  card->setAttribute(Qt::WA_StyledBackground);
  auto* cardLayout = new QVBoxLayout(card);
  cardLayout->setContentsMargins(1, 2, 1, 6);
  auto* scroll = new QScrollArea(card);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  auto* content = new QWidget;
  m_body = new QVBoxLayout(content);
  m_body->setContentsMargins(11, 0, 11, 4);
  m_body->setSpacing(4);
  buildData();
  buildModel();
  buildClipping();
  buildRest();
  m_body->addStretch(1);
  scroll->setWidget(content);
  cardLayout->addWidget(scroll, 1);
  setWidget(card);
  auto* header = new PanelHeader(windowTitle(), this);
  header->setDocked(true);
  setTitleBarWidget(header);
  connect(header, &PanelHeader::menuRequested, this, [this](const QPoint& at) {
    QMenu menu(this);
    menu.addAction(isFloating() ? tr("Back into the window") : tr("Float"), this,
                   [this] { setFloating(!isFloating()); });
    menu.addAction(tr("Close"), this, &QDockWidget::close);
    menu.exec(at);
  });
  setMinimumWidth(306);
}

void ExperimentDock::section(const QString& title) {
  auto* label = new QLabel(title.toUpper(), this);
  label->setObjectName(QStringLiteral("section"));
  label->setContentsMargins(0, 7, 0, 1);
  m_body->addWidget(label);
  m_rows = new QGridLayout;
  m_rows->setHorizontalSpacing(8);
  m_rows->setVerticalSpacing(4);
  m_rows->setColumnStretch(0, 1);
  m_rows->setColumnMinimumWidth(1, 146);
  m_body->addLayout(m_rows);
}

QWidget* ExperimentDock::row(const QString& text, QWidget* field, const QString& tip) {
  auto* label = new QLabel(text, this);
  label->setBuddy(field);
  label->setToolTip(tip);
  field->setToolTip(tip);
  const int at = m_rows->rowCount();
  m_rows->addWidget(label, at, 0);
  m_rows->addWidget(field, at, 1);
  return label;
}

template <class Change>
void ExperimentDock::change(Change&& change) {
  if (m_showing) return;
  Experiment next = m_experiment;
  change(next);
  try {
    next.validate();
  } catch (const Error& error) {
    // One field is in range and the whole is not, as Nesterov without momentum: say it there.
    if (auto* field = qobject_cast<NumberEdit*>(sender()))
      field->setProblem(QString::fromUtf8(error.what()));
    else
      showExperiment(m_experiment);
    return;
  }
  emit edited(next);
}

template <class Set>
NumberEdit* ExperimentDock::numberRow(const QString& label, const QString& tip, double low,
                                      double high, bool lowIncluded, bool whole, Set set) {
  auto* field = new NumberEdit({low, high, lowIncluded, whole}, label, this);
  row(label, field, tip);
  connect(field, &NumberEdit::edited, this,
          [this, set](double value) { change([&](Experiment& e) { set(e, value); }); });
  return field;
}

template <class Set>
QComboBox* ExperimentDock::comboRow(const QString& label, const QString& tip,
                                    const QStringList& names, const QStringList& titles, Set set) {
  auto* combo = new QComboBox(this);
  combo->setAccessibleName(label);
  combo->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  for (qsizetype k = 0; k < names.size(); ++k) combo->addItem(titles[k], names[k]);
  row(label, combo, tip);
  connect(combo, &QComboBox::activated, this, [this, combo, set] {
    change([&](Experiment& e) { set(e, combo->currentData().toString().toStdString()); });
  });
  return combo;
}

void ExperimentDock::buildData() {
  section(tr("Data"));
  m_source = new QLabel(this);
  m_source->setTextInteractionFlags(Qt::TextSelectableByMouse);
  m_source->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  row(tr("Source"), m_source, tr("Open another with File ▸ Open, or drop a file on the window"));
  m_counts = new QLabel(this);
  row(tr("Train / test"), m_counts, tr("Examples trained on, and held out"));
  m_testShare =
      numberRow(tr("Test share"), tr("Share of the examples that is held out; a restart"), 0, 0.9,
                true, false, [](Experiment& e, double v) { e.data.testShare = v; });
  m_normalise = comboRow(
      tr("Normalise"),
      tr("How the values are scaled; a restart. Standardising uses the data's own mean and "
         "std, which is not private."),
      {QStringLiteral("default"), QStringLiteral("none"), QStringLiteral("standardise"),
       QStringLiteral("constants")},
      {tr("Public"), tr("As they are"), tr("Standardise"), tr("From the file")},
      [](Experiment& e, const std::string& name) {
        e.data.normalisation = parseNormalisationRule(name, "data.normalisation");
      });
  m_classes = new QLabel(this);
  m_classes->setObjectName(QStringLiteral("hint"));
  m_classes->setToolTip(tr("Of the smallest and of the largest class, training and test together"));
  m_body->addWidget(m_classes);
  auto* buttons = new QHBoxLayout;
  auto* open = new QPushButton(tr("Open data…"), this);
  open->setToolTip(tr("Another data set: IDX, CSV, or a folder with MNIST"));
  connect(open, &QPushButton::clicked, this, &ExperimentDock::openDataRequested);
  m_browse = new QPushButton(tr("Browse…"), this);
  m_browse->setToolTip(tr("Shows the examples with their labels"));
  connect(m_browse, &QPushButton::clicked, this, &ExperimentDock::browseDataRequested);
  buttons->addWidget(open, 1);
  buttons->addWidget(m_browse, 1);
  m_body->addLayout(buttons);
  m_privateNote = new QLabel(tr("Standardised with the data's own mean and std: private."), this);
  m_privateNote->setObjectName(QStringLiteral("hint"));
  m_privateNote->setWordWrap(true);
  m_privateNote->hide();
  m_body->addWidget(m_privateNote);
}

void ExperimentDock::buildModel() {
  section(tr("Model"));
  QStringList names, titles;
  for (const ModelPreset& preset : modelPresets()) {
    names << QString::fromStdString(preset.name);
    titles << QString::fromStdString(preset.title);
  }
  m_preset = comboRow(tr("Preset"), tr("The network; a restart"), names, titles,
                      [](Experiment& e, const std::string& name) {
                        e.model.preset = name;
                        e.model.spec = nullptr;
                      });
  m_modelTitle = new QLabel(this);
  m_modelTitle->setObjectName(QStringLiteral("hint"));
  m_body->addWidget(m_modelTitle);
  m_layers = new QGridLayout;
  m_layers->setHorizontalSpacing(10);
  m_layers->setVerticalSpacing(2);
  m_layers->setColumnStretch(0, 1);
  m_body->addLayout(m_layers);
  m_editModel = new QPushButton(tr("Edit…"), this);
  m_editModel->setAccessibleName(tr("Edit the model"));
  m_editModel->setToolTip(tr("Adds, removes and reorders layers"));
  connect(m_editModel, &QPushButton::clicked, this, &ExperimentDock::editModelRequested);
  m_body->addWidget(m_editModel);
}

void ExperimentDock::buildClipping() {
  section(tr("Clipping"));
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
  m_body->insertLayout(m_body->count() - 1, segments);
  connect(m_grouping, &QButtonGroup::idClicked, this, [this](int id) {
    if (static_cast<GroupingKind>(id) == GroupingKind::Custom) {
      // Nothing has changed before the groups are made.
      m_grouping->button(static_cast<int>(m_experiment.clipping.grouping))->setChecked(true);
      emit groupsRequested();
      return;
    }
    change([&](Experiment& e) { e.clipping.grouping = static_cast<GroupingKind>(id); });
  });
  QStringList names, titles;
  for (const std::string& name : strategyNames()) {
    names << QString::fromStdString(name);
    titles << fromView(makeStrategy(name, {})->title());
  }
  m_strategy = comboRow(tr("Strategy"), QString(), names, titles,
                        [](Experiment& e, const std::string& name) { e.clipping.strategy = name; });
  for (int k = 0; k < m_strategy->count(); ++k) {
    const auto strategy = makeStrategy(m_strategy->itemData(k).toString().toStdString(), {});
    m_strategy->setItemData(
        k, tr("f = %1\n%2").arg(fromView(strategy->formula()), fromView(strategy->source())),
        Qt::ToolTipRole);
  }
  m_maxGradNorm = numberRow(
      tr("Clipping norm C"), tr("max_grad_norm: the sensitivity of the clipped sum"), 1e-30, 1e30,
      true, false, [](Experiment& e, double v) { e.clipping.maxGradNorm = v; });
  m_rows->addWidget(m_slider = new ClipSlider(this), m_rows->rowCount(), 0, 1, 2);
  m_thresholds =
      comboRow(tr("Thresholds C_k"), tr("How C is shared out over the groups; Σ C_k² = C²"),
               {QStringLiteral("equal"), QStringLiteral("sqrt_dim"), QStringLiteral("median"),
                QStringLiteral("custom")},
               {tr("Equal, C/√K"), tr("∝ √d_k"), tr("∝ median norm"), tr("From the file")},
               [](Experiment& e, const std::string& name) {
                 e.clipping.thresholds = parseThresholdRule(name, "clipping.thresholds");
               });
  m_thresholdsLabel =
      qobject_cast<QLabel*>(m_rows->itemAtPosition(m_rows->rowCount() - 1, 0)->widget());
  m_constant = numberRow(tr("Constant κ"), tr("The strategy's constant"), 0, 1e30, true, false,
                         [](Experiment& e, double v) {
                           if (const auto* c = constantOf(e.clipping.strategy))
                             e.clipping.strategySettings.*(c->member) = v;
                         });
  m_constantLabel =
      qobject_cast<QLabel*>(m_rows->itemAtPosition(m_rows->rowCount() - 1, 0)->widget());
}

void ExperimentDock::buildRest() {
  section(tr("Noise"));
  m_sigma =
      numberRow(tr("Multiplier σ"),
                tr("noise_multiplier: noise std over sensitivity; 0 switches noise off and ε is ∞"),
                0, 1e6, true, false, [](Experiment& e, double v) { e.noise.noiseMultiplier = v; });
  m_allocation =
      comboRow(tr("Allocation"),
               tr("How the noise is shared out over the groups; all four have the privacy of σ"),
               {QStringLiteral("global"), QStringLiteral("equal_budget"),
                QStringLiteral("dimension_weighted"), QStringLiteral("least_power")},
               {tr("Global"), tr("Equal budget"), tr("Dimension"), tr("Least power")},
               [](Experiment& e, const std::string& name) {
                 e.noise.allocation = parseNoiseAllocation(name, "noise.allocation");
               });
  section(tr("Sampling (Poisson)"));
  m_batch = numberRow(tr("Expected batch B"),
                      tr("expected_batch_size = q·N: the constant denominator of the mean"), 0, 1e9,
                      false, false, [](Experiment& e, double v) {
                        e.sampling.expectedBatchSize = v;
                        e.sampling.sampleRate = 0;
                      });
  m_rate = numberRow(tr("Sample rate q"), tr("Probability with which each example is drawn"), 0, 1,
                     false, false, [](Experiment& e, double v) { e.sampling.sampleRate = v; });
  m_rate->setZeroText(tr("by B"));  // until the data says how many examples there are
  m_physical = numberRow(tr("Physical batch"),
                         tr("Upper bound of the block that goes through the model at once; 0: the "
                            "model's choice; a restart"),
                         0, 1e6, true, true, [](Experiment& e, double v) {
                           e.sampling.physicalBatchSize = static_cast<Index>(v);
                         });
  section(tr("Optimiser (SGD)"));
  m_learningRate = numberRow(tr("Learning rate"), QString(), 0, 1e6, true, false,
                             [](Experiment& e, double v) { e.optimizer.learningRate = v; });
  m_momentum = numberRow(tr("Momentum"), QString(), 0, 1, true, false,
                         [](Experiment& e, double v) { e.optimizer.momentum = v; });
  m_dampening = numberRow(tr("Dampening"), QString(), 0, 1, true, false,
                          [](Experiment& e, double v) { e.optimizer.dampening = v; });
  m_weightDecay = numberRow(tr("Weight decay"), tr("Enters after clipping and noise"), 0, 1e6, true,
                            false, [](Experiment& e, double v) { e.optimizer.weightDecay = v; });
  m_nesterov = new QCheckBox(tr("Nesterov"), this);
  m_nesterov->setToolTip(tr("Needs a momentum above 0 and a dampening of 0"));
  m_rows->addWidget(m_nesterov, m_rows->rowCount(), 1);
  connect(m_nesterov, &QCheckBox::clicked, this,
          [this](bool on) { change([&](Experiment& e) { e.optimizer.nesterov = on; }); });
  section(tr("Privacy"));
  m_delta = numberRow(tr("δ"), tr("Usually below 1/N"), 0, 1, false, false,
                      [](Experiment& e, double v) { e.privacy.delta = v; });
  QStringList accountants;
  for (const std::string& name : accountantNames()) accountants << QString::fromStdString(name);
  m_accountant =
      comboRow(tr("Accountant"), tr("Rényi accounting on the orders of Opacus: an upper bound"),
               accountants, {tr("RDP (Opacus)")},
               [](Experiment& e, const std::string& name) { e.privacy.accountant = name; });
  section(tr("Run"));
  m_seed =
      numberRow(tr("Seed"), tr("Of weights, sampling and noise; a restart"), 0, 9e15, true, true,
                [](Experiment& e, double v) { e.run.seed = static_cast<std::uint64_t>(v); });
  m_evaluate =
      numberRow(tr("Test every"), tr("Steps between test evaluations; 0: never"), 0, 1e9, true,
                true, [](Experiment& e, double v) { e.run.evaluateEvery = static_cast<Index>(v); });
}

void ExperimentDock::showConstants() {
  const StrategyConstant* constant = constantOf(m_experiment.clipping.strategy);
  m_constant->setVisible(constant);
  m_constantLabel->setVisible(constant);
  if (constant) {
    m_constantLabel->setText(QString::fromUtf8(constant->symbol));
    m_constant->setValue(m_experiment.clipping.strategySettings.*(constant->member));
  }
  const bool several = m_experiment.clipping.grouping != GroupingKind::Flat;
  m_thresholds->setVisible(several);
  m_thresholdsLabel->setVisible(several);
}

void ExperimentDock::showExperiment(const Experiment& experiment) {
  m_experiment = experiment;
  m_showing = true;
  const Experiment& e = m_experiment;
  m_testShare->setValue(e.data.testShare);
  select(m_normalise, fromView(normalisationRuleName(e.data.normalisation)));
  if (e.model.preset.empty() && m_preset->findData(QString()) < 0)
    m_preset->addItem(tr("Own layers"), QString());
  select(m_preset, QString::fromStdString(e.model.preset));
  m_grouping->button(static_cast<int>(e.clipping.grouping))->setChecked(true);
  select(m_strategy, QString::fromStdString(e.clipping.strategy));
  m_maxGradNorm->setValue(e.clipping.maxGradNorm);
  select(m_thresholds, fromView(thresholdRuleName(e.clipping.thresholds)));
  m_sigma->setValue(e.noise.noiseMultiplier);
  select(m_allocation, fromView(noiseAllocationName(e.noise.allocation)));
  const double n = static_cast<double>(m_trainExamples);
  const bool byRate = e.sampling.sampleRate > 0;
  m_batch->setValue(byRate && n > 0 ? e.sampling.sampleRate * n : e.sampling.expectedBatchSize);
  m_rate->setValue(byRate ? e.sampling.sampleRate : n > 0 ? e.sampling.expectedBatchSize / n : 0);
  m_physical->setValue(static_cast<double>(e.sampling.physicalBatchSize));
  m_learningRate->setValue(e.optimizer.learningRate);
  m_momentum->setValue(e.optimizer.momentum);
  m_dampening->setValue(e.optimizer.dampening);
  m_weightDecay->setValue(e.optimizer.weightDecay);
  m_nesterov->setChecked(e.optimizer.nesterov);
  m_delta->setValue(e.privacy.delta);
  select(m_accountant, QString::fromStdString(e.privacy.accountant));
  m_seed->setValue(static_cast<double>(e.run.seed));
  m_evaluate->setValue(static_cast<double>(e.run.evaluateEvery));
  showConstants();
  m_showing = false;
}

void ExperimentDock::showClasses(const Dataset& data) {
  if (!data.isClassification()) {
    m_classes->setText(tr("%1 target(s) an example").arg(data.outputs()));
    return;
  }
  std::vector<Index> counts(static_cast<std::size_t>(data.outputs()), 0);
  for (Index i = 0; i < data.size(); ++i) ++counts[static_cast<std::size_t>(data.label(i))];
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  m_classes->setText(
      tr("%1 classes, %2 to %3 each").arg(counts.size()).arg(grouped(*least), grouped(*most)));
}

void ExperimentDock::showSession(const Session& session) {
  showClasses(*session.data);
  m_trainExamples = session.trainExamples;
  m_source->setText(QString::fromStdString(session.data->name()));
  m_source->setToolTip(QString::fromStdString(session.data->source()));
  m_counts->setText(
      tr("%1 / %2").arg(grouped(session.trainExamples), grouped(session.testExamples)));
  m_privateNote->setVisible(session.data->normalisation().computedFromData);
  m_modelTitle->setText(tr("%1 parameters").arg(grouped(session.model->table().dimension())));
  m_physical->setZeroText(tr("auto, %1").arg(session.model->plan().rows));
  while (QLayoutItem* item = m_layers->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  int at = 0;
  for (const LayerDescription& layer : session.model->description()) {
    const auto cell = [&](const QString& text, int column) {
      auto* label = new QLabel(text, this);
      if (column > 0) label->setObjectName(QStringLiteral("hint"));
      label->setAlignment(column > 0 ? Qt::AlignRight | Qt::AlignVCenter
                                     : Qt::AlignLeft | Qt::AlignVCenter);
      label->setToolTip(QString::fromStdString(layer.name));
      m_layers->addWidget(label, at, column);
    };
    // Layers of a block stand under it, those beside its branch marked.
    cell(QString(2 * layer.depth, QChar(0x2007)) + (layer.shortcut ? tr("+ ") : QString()) +
             QString::fromStdString(layer.text) + (layer.reuse ? tr(" (again)") : QString()),
         0);
    cell(QString::fromStdString(layer.output.toString()), 1);
    // A block's parameters are its layers', which follow.
    const bool block = layer.kind == "residual";
    cell(layer.parameters > 0 && !block ? grouped(layer.parameters) : QString(), 2);
    ++at;
  }
}

}  // namespace clipscope
