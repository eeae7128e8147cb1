// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// A number of a step that a run can stop on, and the phase that it is known after.
struct BreakQuantity {
  std::string_view name;   ///< in conditions, as methods.md and files have it: "clipped_fraction"
  std::string_view title;  ///< on screen
  Phase phase;
  double (*value)(const StepRecord&);  ///< NaN where the step has none
};

/// All of them: step, batch_size; loss; norm_q05 … norm_q95, norm_max; clipped_fraction,
/// max_grad_norm, retained_norm, bias_ratio, signal; snr, noise; update_norm, parameter_norm;
/// epsilon.
std::span<const BreakQuantity> breakQuantities();

enum class BreakComparison { Less, LessOrEqual, Greater, GreaterOrEqual };

/// One condition of a clause.
struct BreakAtom {
  struct Compare {
    const BreakQuantity* quantity = nullptr;
    BreakComparison comparison = BreakComparison::Greater;
    double value = 0;
  };
  struct Example {
    Index example = 0;  ///< a dataset index, drawn by the step
  };
  struct Class {
    std::string label;  ///< a class name or number, of an example drawn
  };
  struct NotFinite {};  ///< a loss, a gradient or a weight that is NaN or infinite
  struct At {
    Phase phase;
  };
  struct Every {
    Index steps = 1;  ///< the steps whose number is a multiple
  };
  std::variant<Compare, Example, Class, NotFinite, At, Every> what;
};

/// When a run stops: clauses of which one must hold, each of atoms that all must.
///
///   condition = clause { "or" clause };  clause = atom { "and" atom };
///   atom = QUANTITY ("<" | "<=" | ">" | ">=") NUMBER | "example" INDEX | "class" NAME | "nan" |
///          "phase" NAME | "every" N ("step" | "steps")?
///
/// as in `clipped_fraction > 0.9 and step >= 10 or nan`. A clause is looked at in the first phase
/// after which all its atoms are known; `phase` makes it that phase or a later one. Loss and norms
/// are looked at after Clip, so that a run keeps its joined pass, unless the clause names a phase.
class BreakCondition {
 public:
  /// Throws SettingError: what it does not understand, where, and what may stand there.
  explicit BreakCondition(std::string text);

  const std::string& text() const { return m_text; }
  /// The phases after which it wants to be looked at, ascending.
  const std::vector<Phase>& phases() const { return m_phases; }
  /// Whether a clause that is due after the record's last phase holds; what held, in words with
  /// the numbers: "clipped_fraction 0.934 > 0.9".
  std::optional<std::string> holds(const StepRecord& record) const;

 private:
  struct Clause {
    Phase phase = Phase::Sample;
    std::vector<BreakAtom> atoms;
  };
  std::string m_text;
  std::vector<Clause> m_clauses;
  std::vector<Phase> m_phases;
};

}  // namespace clipscope
