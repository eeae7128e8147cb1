// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/training/experiment.h"
#include "engine/training/step_record.h"

namespace clipscope {

/// Custom clipping groups while they are being made: always every trainable tensor in exactly one
/// group (a shared one is one tensor, and counts once); what is not right yet, problem() says.
class GroupsDraft {
 public:
  struct Group {
    std::string name;
    std::vector<Index> tensors;  ///< trainable indices, ascending
    double threshold = 0;        ///< C_k, for ThresholdRule::Custom
  };
  enum class Start { Flat, PerLayer, PerParameter, WeightsAndBiases };

  /// From settings: their custom groups, as far as they fit the model (tensors that are in none of
  /// them come into a group "others"), or per layer where there are none.
  GroupsDraft(std::shared_ptr<const RunInfo> info, const ClippingSettings& settings);

  const std::vector<Group>& groups() const { return m_groups; }
  const RunInfo& info() const { return *m_info; }
  ThresholdRule rule() const { return m_settings.thresholds; }

  void startFrom(Start start);
  /// Into group `to`, from wherever they are.
  void move(const std::vector<Index>& tensors, std::size_t to);
  /// An empty group with a name that is free; its index.
  std::size_t add();
  void rename(std::size_t group, const std::string& name);
  /// Its tensors go into the group before it, or behind it. The last group stays.
  void remove(std::size_t group);
  void setRule(ThresholdRule rule) { m_settings.thresholds = rule; }
  void setThreshold(std::size_t group, double threshold);

  /// Why this cannot be used yet and what to do; "" when it can.
  std::string problem() const;
  Index dimension(std::size_t group) const;
  /// Median over the finite examples of the norm of these tensors together, √Σ_p n_ip²; NaN without
  /// norms.
  double medianNorm(const std::vector<Index>& tensors, const StepRecord& record) const;
  /// C_k by group as the rule gives them, with the record's medians; empty while there is a
  /// problem.
  std::vector<double> thresholds(const StepRecord& record) const;
  /// The settings with these groups in force.
  ClippingSettings settings() const;

 private:
  void shareOut();
  bool isNameTaken(const std::string& name) const;

  std::shared_ptr<const RunInfo> m_info;
  ClippingSettings m_settings;
  std::vector<Group> m_groups;
};

}  // namespace clipscope
