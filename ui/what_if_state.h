// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <memory>
#include <optional>

#include "engine/training/experiment.h"
#include "engine/training/what_if/what_if.h"

namespace clipscope {

/// What another clipping would do to the batch that is shown: the record's norms, its Gram matrices
/// once they are there, and the thresholds that are being tried while something is dragged. Panels
/// and the dock know this object and not each other, as with the Selection.
///
/// Tried thresholds stay until they are used, given up, or a record comes that was clipped with
/// them; they survive a step, so that the numbers from norms alone follow while it runs.
class WhatIfState : public QObject {
  Q_OBJECT

 public:
  using QObject::QObject;

  /// The settings as they stand (they hold from the next step): what is tried differs from these.
  void setExperiment(const Experiment& experiment);
  void setRecord(std::shared_ptr<const StepRecord> record);
  /// Matrices of the batch with these norms; of another batch they are dropped.
  void setGram(std::shared_ptr<const NormsPart> norms, std::shared_ptr<const BatchGram> gram);

  const Experiment& experiment() const { return m_experiment; }
  const std::shared_ptr<const StepRecord>& record() const { return m_record; }
  /// A batch with at least one example, whose norms are known.
  bool hasBatch() const { return m_whatIf && m_record && m_record->batchSize() > 0; }
  bool hasGram() const { return m_whatIf && m_whatIf->gram(); }
  /// Null before phase Norms.
  WhatIf* whatIf() const { return m_whatIf.get(); }

  /// The experiment's rules for this batch, and those with what is being tried. Only with a batch.
  const WhatIfRules& rules() const { return m_rules; }
  const WhatIfRules& triedRules() const { return m_tried ? *m_tried : m_rules; }
  /// Rules of other settings for this batch; thresholds after medians take this batch's.
  WhatIfRules rulesOf(const ClippingSettings& clipping, const NoiseSettings& noise) const;
  /// Numbers of triedRules(), computed once; all unknown without a batch.
  const WhatIfNumbers& numbers() const;
  /// The step's record as it would be with what is tried; null when nothing is.
  std::shared_ptr<const StepRecord> triedRecord() const;
  /// The budget over C in the proportions of triedRules(); null without a Gram matrix.
  std::shared_ptr<const ErrorBudget> budget() const;

  double maxGradNorm() const { return m_tried ? m_tried->maxGradNorm() : m_rules.maxGradNorm(); }
  bool isTrying() const { return m_tried.has_value(); }
  /// What is tried has become the setting, and waits for its step.
  bool isSet() const;
  /// The suggestions of methods.md: from norms alone, and through the Gram matrix; NaN for none.
  double suggestedBound() const;
  double suggestedExact() const;
  /// Norms between which a threshold is worth trying; a tenth of the smallest share up to three
  /// times the largest norm, and C itself.
  std::pair<double, double> span() const;

 public slots:
  void tryMaxGradNorm(double maxGradNorm);
  void tryThreshold(clipscope::Index group, double threshold);
  /// Back to the experiment's thresholds.
  void giveUp();
  /// What is tried becomes the experiment's setting: emits useRequested().
  void use();
  void useMaxGradNorm(double maxGradNorm);
  void useSettings(const clipscope::ClippingSettings& clipping,
                   const clipscope::NoiseSettings& noise);

 signals:
  /// Another batch, other matrices or other settings.
  void changed();
  /// What is tried has changed.
  void tried();
  void useRequested(const clipscope::Experiment& experiment);

 private:
  void renew();
  void setTried(std::optional<WhatIfRules> rules);
  /// The experiment's clipping settings with the thresholds of `rules`.
  ClippingSettings settingsFor(const WhatIfRules& rules) const;

  Experiment m_experiment;
  std::shared_ptr<const StepRecord> m_record;
  std::unique_ptr<WhatIf> m_whatIf;
  WhatIfRules m_rules;
  std::optional<WhatIfRules> m_tried;
  bool m_groupTried = false;  ///< one C_k was moved: the proportions are no rule's any more
  mutable std::optional<WhatIfNumbers> m_numbers;
  mutable std::optional<double> m_bound, m_exact;
};

}  // namespace clipscope
