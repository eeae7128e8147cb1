// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/privacy_section.h"

#include <QComboBox>
#include <QLabel>
#include <cmath>

#include "engine/session/planned_spending.h"
#include "ui/panels/epsilon_plot.h"
#include "ui/plots/number_format.h"

namespace clipscope {

PrivacySection::PrivacySection(QWidget* parent)
    : DockSection(tr("Privacy"), parent),
      m_forward([this](double epsilon) {
        // Six digits: an ε that was typed is met to nine, and comes back as it was typed.
        const bool isShown = std::isfinite(epsilon) && epsilon > 0;
        m_target->setValue(isShown ? shortNumber(epsilon, 6).toDouble() : 0);
        m_target->setPlaceholderText(std::isnan(epsilon) ? tr("unknown")
                                     : epsilon > 0       ? QStringLiteral("∞")
                                                         : tr("nothing spent"));
      }),
      m_inverse([this](const Found& found) { take(found); }) {
  m_delta = addNumber(tr("δ"), tr("Usually below 1/N"), {0, 1, false, false},
                      [](Experiment& e, double v) { e.privacy.delta = v; });
  QStringList accountants, labels;
  for (const std::string& name : accountantNames()) {
    accountants << QString::fromStdString(name);
    labels << accountantLabel(name);
  }
  m_accountant = addCombo(
      tr("Accountant"),
      tr("RDP: Rényi accounting, an upper bound, on the orders of Opacus or on orders far beyond. "
         "PRV: the distribution of the privacy loss, an upper bound close to the truth. GDP: the "
         "central limit theorem, an approximation and not a bound"),
      accountants, labels,
      [](Experiment& e, const std::string& name) { e.privacy.accountant = name; });
  m_steps = addNumber(tr("Planned steps"),
                      tr("What the ε below is for; a headless run takes as many. The window goes "
                         "on until it is paused"),
                      {0, 1e9, true, true},
                      [](Experiment& e, double v) { e.run.steps = static_cast<Index>(v); });
  m_target = new NumberEdit({0, 1e6, false, false}, tr("ε of the plan"), this);
  m_target->setZeroText(QStringLiteral("∞"));
  addRow(tr("ε of the plan"), m_target,
         tr("What the planned steps will have spent at this σ. Type the ε that may be spent: σ "
            "becomes the least that keeps to it"));
  m_hint = addHint();
  m_hint->hide();
  connect(m_target, &NumberEdit::typed, this,
          [this](double epsilon) { findSigma(epsilon, false); });
  connect(m_target, &NumberEdit::edited, this,
          [this](double epsilon) { findSigma(epsilon, true); });
}

void PrivacySection::showSession(const Session& session) {
  m_examples = session.trainExamples;
  showEpsilonOf(experiment());
}

void PrivacySection::display(const Experiment& e) {
  m_delta->setValue(e.privacy.delta);
  select(m_accountant, QString::fromStdString(e.privacy.accountant));
  m_steps->setValue(static_cast<double>(e.run.steps));
  m_hint->hide();
  // A schedule has no one σ that could be found.
  const bool isFixed = e.schedules.noiseMultiplier.isConstant() && e.clipping.strategy != "none";
  m_target->setReadOnly(!isFixed);
  if (!isFixed) {
    m_hint->setText(e.clipping.strategy == "none"
                        ? tr("Without clipping there is no ε.")
                        : tr("σ follows a schedule: its ε is shown, and sets no σ."));
    m_hint->show();
  }
  showEpsilonOf(e);
}

void PrivacySection::showEpsilonOf(const Experiment& e) {
  if (m_examples == 0) return;
  m_forward.restart(
      [e, examples = m_examples](const std::stop_token&) { return plannedEpsilonOf(e, examples); });
}

void PrivacySection::tryNoiseMultiplier(double sigma) {
  Experiment tried = experiment();
  tried.noise.noiseMultiplier = sigma;
  showEpsilonOf(tried);
}

void PrivacySection::findSigma(double epsilon, bool isMeant) {
  if (m_examples == 0 || !(epsilon > 0) || m_target->isReadOnly()) return;
  m_inverse.restart(
      [e = experiment(), examples = m_examples, epsilon, isMeant](const std::stop_token&) {
        return Found{epsilon, plannedSigma(e, examples, epsilon), isMeant};
      });
}

void PrivacySection::take(const Found& found) {
  if (std::isnan(found.sigma)) {
    m_target->setProblem(
        tr("No σ brings these steps down to ε %1 with %2; ask for more, or choose another "
           "accountant")
            .arg(shortNumber(found.epsilon, 4), m_accountant->currentText()));
    return;
  }
  m_target->setProblem(QString());
  if (!found.isMeant) {
    m_hint->setText(tr("σ %1 keeps to it").arg(shortNumber(found.sigma, 5)));
    m_hint->show();
    emit noiseMultiplierFound(found.sigma);
    return;
  }
  m_hint->hide();
  // Eight digits, rounded up: what the field shows is what is used, and keeps to the ε.
  const double step = std::pow(10.0, std::floor(std::log10(found.sigma)) - 7);
  const double sigma = QString::number(std::ceil(found.sigma / step) * step, 'g', 8).toDouble();
  change(m_target, [sigma](Experiment& e) { e.noise.noiseMultiplier = sigma; });
}

}  // namespace clipscope
