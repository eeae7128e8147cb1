// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"
#include "ui/worker/background.h"

namespace clipscope {

/// δ, the accountant, and what the planned steps will have spent: σ and this ε set each other while
/// one types. An ε that was typed becomes the least σ that keeps to it.
class PrivacySection : public DockSection {
  Q_OBJECT

 public:
  explicit PrivacySection(QWidget* parent);

  void showSession(const Session& session) override;
  /// A σ that is being typed elsewhere: shows its ε.
  void tryNoiseMultiplier(double sigma);
  NumberEdit* target() const { return m_target; }

 signals:
  /// The σ of an ε that is being typed.
  void noiseMultiplierFound(double sigma);

 protected:
  void display(const Experiment& experiment) override;

 private:
  struct Found {
    double epsilon = 0, sigma = 0;
    bool isMeant = false;  ///< the ε was typed to the end
  };
  void showEpsilonOf(const Experiment& experiment);
  void findSigma(double epsilon, bool isMeant);
  void take(const Found& found);

  Index m_examples = 0;
  NumberEdit *m_delta, *m_steps, *m_target;
  QComboBox* m_accountant;
  QLabel* m_hint;
  Background<double> m_forward;
  Background<Found> m_inverse;
};

}  // namespace clipscope
