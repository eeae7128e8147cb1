// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/optimizer_section.h"

#include <QCheckBox>
#include <QComboBox>

#include "ui/window/dock/schedule_rows.h"

namespace clipscope {

OptimizerSection::OptimizerSection(QWidget* parent) : DockSection(tr("Optimiser"), parent) {
  const auto set = [](double OptimizerSettings::*member) {
    return [member](Experiment& e, double v) { e.optimizer.*member = v; };
  };
  const auto check = [](bool OptimizerSettings::*member) {
    return [member](Experiment& e, bool on) { e.optimizer.*member = on; };
  };
  const NumberEdit::Range fromZero{0, 1e6, true, false}, share{0, 1, true, false},
      eps{1e-30, 1e6, true, false};
  using O = OptimizerSettings;
  m_kind =
      addCombo(tr("Kind"),
               tr("The update rule, with PyTorch's semantics; it keeps its memory while its kind "
                  "stays"),
               {QStringLiteral("sgd"), QStringLiteral("adam"), QStringLiteral("adamw"),
                QStringLiteral("rmsprop"), QStringLiteral("adagrad")},
               {tr("SGD"), tr("Adam"), tr("AdamW"), tr("RMSprop"), tr("Adagrad")},
               [](Experiment& e, const std::string& name) { e.optimizer.kind = name; });
  m_learningRate = addNumber(tr("Learning rate η"),
                             tr("Step size; Adam and its kin want less "
                                "than SGD, about 0.001 to 0.01"),
                             fromZero, set(&O::learningRate));
  m_schedule = new ScheduleRows(this, tr("η"), 0, &ScheduleSettings::learningRate);
  m_momentum = addNumber(tr("Momentum"), tr("Share of the last update that goes on"), share,
                         set(&O::momentum));
  m_dampening = addNumber(tr("Dampening"), tr("v ← μv + (1 − τ)g; 0 for Nesterov"), share,
                          set(&O::dampening));
  m_beta1 = addNumber(tr("β₁"), tr("Memory of the mean, below 1"), share, set(&O::beta1));
  m_beta2 = addNumber(tr("β₂"), tr("Memory of the square, below 1"), share, set(&O::beta2));
  m_alpha = addNumber(tr("α"), tr("Memory of the square, below 1"), share, set(&O::alpha));
  m_eps = addNumber(tr("eps"), tr("Added to the root of the square"), eps, set(&O::eps));
  m_adagradEps =
      addNumber(tr("eps"), tr("Added to the root of the sum of squares"), eps, set(&O::adagradEps));
  m_rateDecay = addNumber(tr("Rate decay"), tr("η/(1 + (t − 1)·decay)"), fromZero,
                          set(&O::learningRateDecay));
  m_accumulator = addNumber(tr("Initial sum"), tr("Where the sum of squares starts"), fromZero,
                            set(&O::initialAccumulator));
  m_weightDecay = addNumber(tr("Weight decay"), tr("Enters after clipping and noise"), fromZero,
                            set(&O::weightDecay));
  m_nesterov = addCheck(tr("Nesterov"), tr("Needs a momentum above 0 and a dampening of 0"),
                        check(&O::nesterov));
  m_amsgrad =
      addCheck(tr("AMSGrad"), tr("Divides by the largest square so far"), check(&O::amsgrad));
  m_centered = addCheck(tr("Centred"), tr("Subtracts the squared mean from the mean square"),
                        check(&O::centered));
}

void OptimizerSection::display(const Experiment& e) {
  const OptimizerSettings& o = e.optimizer;
  const bool sgd = o.kind == "sgd", rms = o.kind == "rmsprop", adagrad = o.kind == "adagrad",
             adam = o.kind == "adam" || o.kind == "adamw";
  select(m_kind, QString::fromStdString(o.kind));
  m_learningRate->setValue(o.learningRate);
  m_schedule->display(e);
  const auto show = [&](NumberEdit* field, double value, bool visible) {
    field->setValue(value);
    setRowVisible(field, visible);
  };
  show(m_momentum, o.momentum, sgd || rms);
  show(m_dampening, o.dampening, sgd);
  show(m_beta1, o.beta1, adam);
  show(m_beta2, o.beta2, adam);
  show(m_alpha, o.alpha, rms);
  show(m_eps, o.eps, adam || rms);
  show(m_adagradEps, o.adagradEps, adagrad);
  show(m_rateDecay, o.learningRateDecay, adagrad);
  show(m_accumulator, o.initialAccumulator, adagrad);
  m_weightDecay->setValue(o.weightDecay);
  m_nesterov->setChecked(o.nesterov);
  m_nesterov->setVisible(sgd);
  m_amsgrad->setChecked(o.amsgrad);
  m_amsgrad->setVisible(adam);
  m_centered->setChecked(o.centered);
  m_centered->setVisible(rms);
}

}  // namespace clipscope
