// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/break_condition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "engine/error.h"
#include "engine/formats/number_text.h"

namespace clipscope {

namespace {

using R = const StepRecord&;

constexpr BreakQuantity quantities[] = {
    {"step", "Step", Phase::Sample, [](R r) { return static_cast<double>(r.step); }},
    {"batch_size", "Batch size", Phase::Sample,
     [](R r) { return static_cast<double>(r.batchSize()); }},
    {"loss", "Mean loss of the batch", Phase::Clip, [](R r) { return r.forward->meanLoss; }},
    {"norm_q05", "Norms, 5 % quantile", Phase::Clip, [](R r) { return r.norms->q05; }},
    {"norm_q25", "Norms, 25 % quantile", Phase::Clip, [](R r) { return r.norms->q25; }},
    {"norm_q50", "Norms, median", Phase::Clip, [](R r) { return r.norms->q50; }},
    {"norm_q75", "Norms, 75 % quantile", Phase::Clip, [](R r) { return r.norms->q75; }},
    {"norm_q95", "Norms, 95 % quantile", Phase::Clip, [](R r) { return r.norms->q95; }},
    {"norm_max", "Largest norm", Phase::Clip, [](R r) { return r.norms->max; }},
    {"clipped_fraction", "Clipped fraction", Phase::Clip,
     [](R r) { return r.clip->clippedFraction; }},
    {"max_grad_norm", "C", Phase::Clip, [](R r) { return r.clip->maxGradNorm; }},
    {"retained_norm", "Norm retained", Phase::Clip, [](R r) { return r.clip->retainedNorm; }},
    {"bias_ratio", "Bias of clipping", Phase::Clip, [](R r) { return r.clip->biasRatio; }},
    {"signal", "Norm of the clipped sum", Phase::Clip, [](R r) { return r.clip->signal; }},
    {"snr", "Signal against noise", Phase::Noise, [](R r) { return r.noise->snr; }},
    {"noise", "Norm of the noise", Phase::Noise, [](R r) { return r.noise->realised; }},
    {"update_norm", "Norm of the update", Phase::Update, [](R r) { return r.update->updateNorm; }},
    {"parameter_norm", "Norm of the weights", Phase::Update,
     [](R r) { return r.update->parameterNorm; }},
    {"epsilon", "ε", Phase::Account, [](R r) { return r.account->epsilon; }},
};

const BreakQuantity* quantityNamed(std::string_view name) {
  const auto found = std::ranges::find(quantities, name, &BreakQuantity::name);
  return found == std::end(quantities) ? nullptr : &*found;
}

constexpr std::string_view comparisonText(BreakComparison comparison) {
  constexpr std::string_view texts[] = {"<", "<=", ">", ">="};
  return texts[static_cast<std::size_t>(comparison)];
}

bool isTrue(double value, BreakComparison comparison, double limit) {
  switch (comparison) {
    case BreakComparison::Less:
      return value < limit;
    case BreakComparison::LessOrEqual:
      return value <= limit;
    case BreakComparison::Greater:
      return value > limit;
    case BreakComparison::GreaterOrEqual:
      return value >= limit;
  }
  return false;
}

std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

struct Word {
  std::string text;
  std::size_t at = 0;  ///< in the condition
};

/// Names, numbers and comparisons; a class name with spaces stands in quotes.
std::vector<Word> wordsOf(const std::string& text) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == ' ' || c == '\t') {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    if (c == '"') {
      end = text.find('"', at + 1);
      if (end == std::string::npos)
        throw SettingError("break condition \"" + text + "\": a quote is not closed");
      words.push_back({text.substr(at + 1, end - at - 1), at});
      at = end + 1;
      continue;
    }
    if (c == '<' || c == '>') {
      if (end < text.size() && text[end] == '=') ++end;
    } else {
      end = std::min(text.find_first_of(" \t<>\"", at), text.size());
    }
    words.push_back({text.substr(at, end - at), at});
    at = end;
  }
  return words;
}

class Parser {
 public:
  explicit Parser(const std::string& text) : m_text(text), m_words(wordsOf(text)) {}

  bool atEnd() const { return m_next == m_words.size(); }
  bool take(std::string_view word) {
    if (atEnd() || m_words[m_next].text != word) return false;
    ++m_next;
    return true;
  }
  std::string word(const char* what) {
    if (atEnd()) fail(what);
    return m_words[m_next++].text;
  }
  double number() {
    const std::string text = word("a number");
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || std::isnan(value))
      back("a number");
    return value;
  }
  Index whole(Index least, const char* what) {
    const std::string text = word(what);
    Index value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least) back(what);
    return value;
  }
  [[noreturn]] void back(const char* wanted) {
    --m_next;
    fail(wanted);
  }
  [[noreturn]] void fail(const std::string& wanted) const {
    const std::string where = atEnd() ? "at its end"
                                      : "at \"" + m_words[m_next].text + "\" (character " +
                                            std::to_string(m_words[m_next].at + 1) + ")";
    throw SettingError("break condition \"" + m_text + "\": " + where + " there should be " +
                       wanted);
  }

  BreakAtom atom() {
    if (take("nan")) return {BreakAtom::NotFinite{}};
    if (take("example")) return {BreakAtom::Example{whole(0, "the number of an example")}};
    if (take("class")) return {BreakAtom::Class{word("the name or number of a class")}};
    if (take("every")) {
      const Index steps = whole(1, "a number of steps");
      take("steps") || take("step");
      return {BreakAtom::Every{steps}};
    }
    if (take("phase")) {
      const std::string name = word("a phase");
      for (const Phase phase : allPhases)
        if (lower(std::string(phaseName(phase))) == lower(name)) return {BreakAtom::At{phase}};
      std::string names;
      for (const Phase phase : allPhases)
        names += (names.empty() ? "" : ", ") + lower(std::string(phaseName(phase)));
      --m_next;
      fail("one of the phases " + names);
    }
    const std::string name = word("a condition");
    const BreakQuantity* quantity = quantityNamed(name);
    if (!quantity) {
      std::string names;
      for (const BreakQuantity& one : quantities)
        names += (names.empty() ? "" : ", ") + std::string(one.name);
      --m_next;
      fail("nan, example, class, phase, every, or one of " + names);
    }
    const std::string sign = word("<, <=, > or >=");
    for (const BreakComparison comparison :
         {BreakComparison::Less, BreakComparison::LessOrEqual, BreakComparison::Greater,
          BreakComparison::GreaterOrEqual})
      if (sign == comparisonText(comparison))
        return {BreakAtom::Compare{quantity, comparison, number()}};
    back("<, <=, > or >=");
  }

 private:
  static std::string lower(std::string text) {
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
  }

  const std::string& m_text;
  std::vector<Word> m_words;
  std::size_t m_next = 0;
};

Phase phaseOf(const BreakAtom& atom) {
  if (const auto* compare = std::get_if<BreakAtom::Compare>(&atom.what))
    return compare->quantity->phase;
  if (const auto* at = std::get_if<BreakAtom::At>(&atom.what)) return at->phase;
  if (std::holds_alternative<BreakAtom::NotFinite>(atom.what)) return Phase::Clip;
  return Phase::Sample;
}

/// What a quantity needs is there a little earlier than it is looked at.
Phase earliestOf(const BreakAtom& atom) {
  if (const auto* compare = std::get_if<BreakAtom::Compare>(&atom.what)) {
    if (compare->quantity->name == "loss") return Phase::Forward;
    if (compare->quantity->name.starts_with("norm_")) return Phase::Norms;
  }
  if (std::holds_alternative<BreakAtom::NotFinite>(atom.what)) return Phase::Norms;
  return phaseOf(atom);
}

std::optional<std::string> holdsFor(const BreakAtom& atom, const StepRecord& r) {
  if (const auto* compare = std::get_if<BreakAtom::Compare>(&atom.what)) {
    const double value = compare->quantity->value(r);
    if (!isTrue(value, compare->comparison, compare->value)) return std::nullopt;
    return std::string(compare->quantity->name) + " " + shown(value) + " " +
           std::string(comparisonText(compare->comparison)) + " " + shown(compare->value);
  }
  if (const auto* example = std::get_if<BreakAtom::Example>(&atom.what)) {
    if (!std::ranges::binary_search(r.sample->examples, example->example)) return std::nullopt;
    return "example " + std::to_string(example->example) + " is drawn";
  }
  if (const auto* label = std::get_if<BreakAtom::Class>(&atom.what)) {
    const auto isOfIt = [&](int number) {
      if (number < 0) return false;
      const auto at = static_cast<std::size_t>(number);
      return std::to_string(number) == label->label ||
             (at < r.info->classNames.size() && r.info->classNames[at] == label->label);
    };
    const auto count = std::ranges::count_if(r.sample->labels, isOfIt);
    if (count == 0) return std::nullopt;
    return std::to_string(count) + " of class " + label->label + " drawn";
  }
  if (std::holds_alternative<BreakAtom::NotFinite>(atom.what)) {
    if (r.norms && !r.norms->nonFinite.empty())
      return std::to_string(r.norms->nonFinite.size()) + " gradients are not finite";
    if (r.forward && r.batchSize() > 0 && !std::isfinite(r.forward->meanLoss))
      return std::string("the loss is not finite");
    if (r.update && !std::isfinite(r.update->parameterNorm))
      return std::string("the weights are not finite");
    return std::nullopt;
  }
  if (const auto* every = std::get_if<BreakAtom::Every>(&atom.what)) {
    if (r.step % every->steps != 0) return std::nullopt;
    return "step " + std::to_string(r.step);
  }
  return "phase " + std::string(phaseName(std::get<BreakAtom::At>(atom.what).phase));
}

}  // namespace

std::span<const BreakQuantity> breakQuantities() { return quantities; }

BreakCondition::BreakCondition(std::string text) : m_text(std::move(text)) {
  Parser parser(m_text);
  do {
    Clause clause;
    bool namesAPhase = false;
    do {
      clause.atoms.push_back(parser.atom());
      namesAPhase = namesAPhase || std::holds_alternative<BreakAtom::At>(clause.atoms.back().what);
    } while (parser.take("and"));
    for (const BreakAtom& atom : clause.atoms)
      clause.phase = std::max(clause.phase, namesAPhase ? earliestOf(atom) : phaseOf(atom));
    m_clauses.push_back(std::move(clause));
  } while (parser.take("or"));
  if (!parser.atEnd()) parser.fail("\"and\", \"or\" or nothing");
  for (const Clause& clause : m_clauses) m_phases.push_back(clause.phase);
  std::ranges::sort(m_phases);
  m_phases.erase(std::unique(m_phases.begin(), m_phases.end()), m_phases.end());
}

std::optional<std::string> BreakCondition::holds(const StepRecord& record) const {
  if (!record.completed) return std::nullopt;
  for (const Clause& clause : m_clauses) {
    if (clause.phase != *record.completed) continue;
    std::string why;
    bool all = true;
    for (const BreakAtom& atom : clause.atoms) {
      const auto held = holdsFor(atom, record);
      all = all && held;
      if (held) why += (why.empty() ? "" : ", ") + *held;
    }
    if (all) return why;
  }
  return std::nullopt;
}

}  // namespace clipscope
