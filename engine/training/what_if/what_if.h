// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <list>
#include <memory>
#include <vector>

#include "engine/clipping/clip_factors.h"
#include "engine/training/step_record.h"
#include "engine/training/what_if/batch_gram.h"
#include "engine/training/what_if/error_budget.h"
#include "engine/training/what_if/what_if_rules.h"

namespace clipscope {

/// The numbers of a clipped and noised sum, of the whole gradient, one group or one tensor. NaN
/// where a number needs the Gram matrix and there is none, or where it means nothing.
struct SumNumbers {
  double retainedNorm = notANumber;   ///< Σ ‖clipped g_i‖ / Σ n_i
  double signal = notANumber;         ///< ‖s‖
  double unclipped = notANumber;      ///< ‖Σ g_i‖
  double biasRatio = notANumber;      ///< ‖s − Σg‖/‖Σg‖
  double biasCosine = notANumber;     ///< cos(s, Σg)
  double biasScaleFree = notANumber;  ///< min_α ‖αs − Σg‖/‖Σg‖ = √(1 − cos²)
  double noiseExpected = 0;           ///< √Σ s_k² d_k
  double noiseRealised = notANumber;  ///< ‖z‖
  double snr = notANumber;            ///< ‖s‖ over expected noise; ∞ without noise
  double snrRealised = notANumber;    ///< ‖s‖ over realised noise
};

struct GroupNumbers : SumNumbers {
  double threshold = 0;                 ///< C_k
  double clippedFraction = notANumber;  ///< NaN for an automatic rule and an empty batch
  double noiseStd = 0;                  ///< s_k
};

/// methods.md "Diagnostics" of one batch under one set of rules.
struct WhatIfNumbers {
  ClipFactors factors;
  double maxGradNorm = 0;                ///< C
  double clippedFraction = notANumber;   ///< NaN for an automatic rule and an empty batch
  double aboveOneFraction = notANumber;  ///< of automatic rules
  SumNumbers total;
  std::vector<GroupNumbers> groups;
  std::vector<SumNumbers> tensors;  ///< signal and bias only when asked for
  double sensitivity = 0;           ///< ∞ for "none"
  double effectiveSigma = 0;
  double privateCosine = notANumber;  ///< cos(ĝ, ḡ)
  double randomCosine = notANumber;   ///< 1/√d: what a random direction would give, ±
  BudgetPoint budget;
  bool fromSubset = false;  ///< numbers of sums are estimates from gram()->size() examples
};

/// What another clipping or noise would do to a batch that was drawn: arithmetic on its norms and
/// Gram matrices, with no gradient, model or Trainer. One batch; several would be averaged.
///
/// Holds what settings have in common (the matrices of a grouping, the table of a budget) from call
/// to call; so one thread at a time. Without a Gram matrix what follows from norms is given and the
/// rest is NaN.
class WhatIf {
 public:
  enum class Detail { Groups, Tensors };

  WhatIf(std::shared_ptr<const RunInfo> info, std::shared_ptr<const NormsPart> norms,
         std::shared_ptr<const BatchGram> gram = nullptr);

  const std::shared_ptr<const BatchGram>& gram() const { return m_gram; }
  const NormsPart& norms() const { return *m_norms; }

  /// All numbers for one set of rules; for Detail::Tensors signal and bias by tensor as well, which
  /// read one matrix a tensor.
  WhatIfNumbers evaluate(const WhatIfRules& rules, Detail detail = Detail::Groups);
  /// The budget over C with the rules' C_k in proportion; null without a Gram matrix.
  std::shared_ptr<const ErrorBudget> budget(const WhatIfRules& rules);
  /// Median of n_ik by group over the batch's finite examples.
  std::vector<double> medians(const Grouping& grouping) const;

 private:
  /// The matrices of one grouping, and the tables of the last rule that asked.
  struct Groups {
    std::vector<Index> groupOf;
    std::vector<std::shared_ptr<const GroupGram>> grams;
    std::string strategy;
    StrategySettings settings;
    std::vector<std::shared_ptr<const BudgetTable>> tables;
  };
  Groups& groupsOf(const Grouping& grouping);
  void measureSums(const WhatIfRules& rules, Detail detail, WhatIfNumbers& out);
  void measureNoise(const WhatIfRules& rules, WhatIfNumbers& out) const;

  std::shared_ptr<const RunInfo> m_info;
  std::shared_ptr<const NormsPart> m_norms;
  std::shared_ptr<const BatchGram> m_gram;
  std::list<Groups> m_groups;  ///< the latest used first
  std::vector<std::shared_ptr<const GroupGram>> m_tensorGrams;
};

}  // namespace clipscope
