// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/dp_lint.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "engine/accounting/accountant.h"

namespace clipscope {

namespace {

using Severity = LintSeverity;

constexpr double dominantShare = 0.95;
constexpr double fewClipped = 0.01, manyClipped = 0.99;
constexpr double loudUpdate = 0.1;
constexpr Index leastRows = 8;  // shares of fewer examples say little

std::string shown(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string percent(double share) { return shown(100 * share) + " %"; }

std::string counted(Index count, const std::string& one, const std::string& several) {
  return std::to_string(count) + " " + (count == 1 ? one : several);
}

/// The checks of one step. Each fills in what its title promises.
class Lint {
 public:
  Lint(const Experiment& experiment, const StepRecord& record) : m_e(experiment), m_r(record) {}

  std::vector<LintFinding> run() {
    sampling();
    denominator();
    noiseScale();
    sensitivity();
    adaptiveCharge();
    countDenominator();
    thresholdEdge();
    noise();
    delta();
    epsilon();
    batchNorm();
    finite();
    deadTensors();
    dominantLayer();
    clippedShare();
    updateNoise();
    recorder();
    // What decides it is set where that library runs.
    if (m_r.info->library)
      for (LintFinding& finding : m_findings) finding.setting = {};
    return std::move(m_findings);
  }

 private:
  void begin(std::string_view check, std::string_view title, std::string_view setting = {}) {
    LintFinding& finding = m_findings.emplace_back();
    finding.check = check;
    finding.title = title;
    finding.setting = setting;
  }
  void say(Severity severity, std::string text, std::string remedy = {}) {
    LintFinding& finding = m_findings.back();
    finding.severity = severity;
    finding.text = std::move(text);
    finding.remedy = std::move(remedy);
  }
  void wait(const char* phase) {
    say(Severity::Unknown, std::string("Known after phase ") + phase + ".");
  }
  /// Of the tables of examples; false where the step has none, which is said.
  bool hasRows(Index least = 1) {
    if (m_r.norms->norms.examples() >= least) return true;
    const bool isEmpty = m_r.info->library
                             ? m_r.drawn() == 0
                             : m_r.batchSize() == 0 && std::isnan(m_r.forward->meanLoss);
    say(Severity::Unknown, isEmpty ? "The batch is empty."
                           : m_r.norms->norms.examples() == 0
                               ? "The recording has no norms of examples for this step."
                               : "Too few examples to say.");
    return false;
  }
  bool isUnclipped() const { return m_e.clipping.strategy == "none"; }

  void sampling() {
    begin("sampling", "Sampler and accountant", "sampling.scheme");
    if (!m_r.account) return wait("Account");
    if (m_r.info->library && m_r.sample->scheme != SamplingScheme::Poisson)
      return say(Severity::Error,
                 "Batches are " + std::string(samplingSchemeName(m_r.sample->scheme)) +
                     ", and the library's accountant takes them for Poisson samples: its ε does "
                     "not hold for them.",
                 "Have make_private draw Poisson batches (poisson_sampling=True).");
    switch (m_r.account->sampling) {
      case AccountedSampling::None:
      case AccountedSampling::Poisson:
        return say(Severity::Passed,
                   "Poisson batches, and accounted as such: each example with q = " +
                       shown(m_r.sample->sampleRate) + ".");
      case AccountedSampling::Mixed:
        return say(Severity::Warning,
                   "Batches were Poisson in some steps and of a fixed size in others: ε is about "
                   "neighbours with one example zeroed out, without amplification for the latter.",
                   "Keep to one kind of batches; Poisson is what most accountants assume.");
      case AccountedSampling::Shuffled:
      case AccountedSampling::Fixed:
        break;
    }
    say(Severity::Warning,
        "Batches have a fixed size (" + std::string(samplingSchemeName(m_r.sample->scheme)) +
            "): ε is that of full batches, without the amplification of Poisson sampling, and "
            "about neighbours with one example zeroed out. An ε from a Poisson accountant would "
            "not hold for them.",
        "Draw Poisson batches; with the same σ their ε is far smaller.");
  }

  void denominator() {
    begin("denominator", "Denominator of the mean", "sampling.expected_batch_size");
    if (!m_r.sample) return wait("Sample");
    const double b = m_r.sample->expectedBatchSize;
    if (const LibraryRun* library = m_r.info->library.get()) {
      if (!library->modelReduction.empty() &&
          library->modelReduction != library->optimizerReduction)
        return say(Severity::Error,
                   "The model scales its per-sample gradients for a loss that is a " +
                       library->modelReduction + ", the optimizer divides for a " +
                       library->optimizerReduction +
                       ": norms, C and the mean are of different scales.",
                   "Give both, and the loss itself, the same loss_reduction.");
      if (library->optimizerReduction == "sum")
        return say(Severity::Note,
                   "The noisy sum is not divided (loss_reduction is \"sum\"): the learning rate "
                   "acts on a sum over about " +
                       shown(b) + " examples.");
    }
    const bool isKnown = m_r.drawn() > 0 || !m_r.forward || std::isnan(m_r.forward->meanLoss);
    say(Severity::Passed,
        "The noisy sum" +
            (isKnown ? " of " + counted(m_r.drawn(), "example", "examples") : std::string()) +
            " is divided by the constant B = " + shown(b) + ", whatever the batch drawn.");
  }

  void noiseScale() {
    begin("noise_scale", "Scale of the noise", "noise.allocation");
    if (!m_r.noise) return wait("Noise");
    const double asked = m_r.sample->noiseMultiplier, got = m_r.noise->effectiveSigma;
    const double b = m_r.sample->expectedBatchSize;
    if (asked == 0) return say(Severity::Unknown, "There is no noise.");
    if (isUnclipped())
      return say(Severity::Error,
                 "Without clipping there is no sensitivity that noise of std " +
                     shown(m_r.noise->std) + " could be scaled to.",
                 "Choose a strategy that bounds gradients.");
    const std::string scale = "std " + shown(m_r.noise->std) + " on the sum, " +
                              shown(m_r.noise->std / b) + " on the mean";
    if (std::abs(got / asked - 1) <= 1e-6)
      return say(Severity::Passed, "For the sensitivity Δ = " + shown(m_r.clip->sensitivity) +
                                       " of this grouping the noise has σ = " + shown(asked) +
                                       ": " + scale + ".");
    say(Severity::Error,
        "σ = " + shown(asked) + " was asked for, and the noise is worth " + shown(got) +
            " for this grouping (" + scale + "); the accountant is charged " +
            shown(m_r.info->library ? asked : got) + ".",
        m_r.info->library
            ? "Have the module clip at the same C that the optimizer scales its noise to."
            : "Take an allocation of the noise that fits the thresholds of the groups.");
  }

  void sensitivity() {
    begin("sensitivity", "Largest contribution", "clipping.strategy");
    if (!m_r.clip) return wait("Clip");
    if (isUnclipped())
      return say(Severity::Error, "Nothing is clipped: one example can move the sum by any amount.",
                 "Choose a strategy that bounds gradients.");
    if (std::isnan(m_r.clip->worstContribution))
      return say(Severity::Unknown, "No gradient was checked.");
    const std::string text = "The longest clipped gradient checked has norm " +
                             shown(m_r.clip->worstContribution) + ", the noise is scaled to " +
                             shown(m_r.clip->sensitivity) + ".";
    m_r.clip->sensitivityExceeded
        ? say(Severity::Error, text, "The gradients are not bounded as they should be: report it.")
        : say(Severity::Passed, text);
  }

  void adaptiveCharge() {
    begin("adaptive_charge", "Charge for adaptive clipping", "clipping.adaptive.count_std");
    if (!m_e.clipping.adaptive.enabled) return say(Severity::Passed, "C does not adapt.");
    if (!m_r.sample) return wait("Sample");
    const double sigma = m_r.sample->noiseMultiplier, z = m_r.sample->gradientNoiseMultiplier;
    if (!m_r.noise) return wait("Noise");
    if (m_r.info->library)
      return say(Severity::Error,
                 "The gradients have noise for z = " + shown(z) +
                     ", the counts for the rest, σ = " + shown(sigma) +
                     " in all; the library hands its accountant z. The counts' cost is missing in "
                     "its ε.",
                 "Have ε computed for σ = " + shown(sigma) + ".");
    const std::string text = "The gradients have noise for z = " + shown(z) +
                             ", the counts for the rest; the accountant is charged " +
                             shown(m_r.noise->effectiveSigma) + ".";
    m_r.noise->effectiveSigma <= sigma*(1 + 1e-6)
        ? say(Severity::Passed, text)
        : say(Severity::Error, text, "Charge σ = " + shown(sigma) + ", which includes the counts.");
  }

  void countDenominator() {
    begin("count_denominator", "Denominator of the counts", "clipping.adaptive.denominator");
    const AdaptiveSettings& adaptive = m_e.clipping.adaptive;
    if (!adaptive.enabled) return say(Severity::Passed, "C does not adapt.");
    if (adaptive.denominator == CountDenominator::Expected)
      return say(Severity::Passed, "Counts are divided by the constant B.");
    say(Severity::Error,
        "Counts are divided by the size of the batch drawn, which is private: no ε holds.",
        "Divide them by the expected batch size.");
  }

  void thresholdEdge() {
    begin("threshold_edge", "Range of C", "clipping.adaptive.min_threshold");
    const AdaptiveSettings& adaptive = m_e.clipping.adaptive;
    if (!adaptive.enabled) return say(Severity::Passed, "C does not adapt.");
    if (!m_r.noise) return wait("Noise");
    for (std::size_t k = 0; k < m_r.noise->adaptive.size(); ++k) {
      const double after = m_r.noise->adaptive[k].after;
      const bool isLow = after <= adaptive.minThreshold * (1 + 1e-9);
      if (!isLow && after < adaptive.maxThreshold * (1 - 1e-9)) continue;
      return say(Severity::Warning,
                 "C of " + m_r.clip->groups[k].name + " is held at its " +
                     (isLow ? "least" : "greatest") + " value, " + shown(after) +
                     ": it no longer follows the norms.",
                 isLow ? "Lower the least C, or look at why the norms vanish."
                       : "Raise the greatest C, or look at why the norms grow.");
    }
    say(Severity::Passed, "C is inside its range.");
  }

  void noise() {
    begin("noise", "Noise", "noise.noise_multiplier");
    if (!m_r.sample) return wait("Sample");
    m_r.sample->noiseMultiplier > 0
        ? say(Severity::Passed, "σ = " + shown(m_r.sample->noiseMultiplier) + ".")
        : say(Severity::Error, "σ = 0: there is no privacy, ε is ∞.", "Choose σ above 0.");
  }

  void delta() {
    begin("delta", "δ against 1/N", "privacy.delta");
    const double delta = m_e.privacy.delta;
    const auto n = static_cast<double>(m_r.info->datasetSize);
    if (delta < 1 / n)
      return say(Severity::Passed, "δ = " + shown(delta) + " is below 1/N = " + shown(1 / n) + ".");
    say(Severity::Warning,
        "δ = " + shown(delta) + " is not below 1/N = " + shown(1 / n) +
            ": a mechanism that publishes a random example whole would meet it.",
        "Choose δ well below " + shown(1 / n) + ".");
  }

  void epsilon() {
    begin("epsilon", "Quoting ε", "privacy.accountant");
    if (!m_r.account) return wait("Account");
    const AccountPart& account = *m_r.account;
    if (!account.isValid())
      return say(Severity::Error, "No ε holds: " + std::string(account.invalidBecause) + ".",
                 "See the check that says so.");
    if (std::isnan(account.epsilon))
      return say(Severity::Unknown, "The recording has no ε: no privacy engine was given.");
    if (!(account.epsilon < INFINITY)) return say(Severity::Error, "ε is ∞.");
    const std::string value = "ε = " + shown(account.epsilon) + " at δ = " + shown(account.delta);
    if (!accountantIsBound(account.accountant))
      return say(Severity::Warning,
                 value + " is an approximation, usually too small, and no guarantee.",
                 "Quote a bound: \"prv\" or \"rdp\".");
    if (account.simulated)
      return say(Severity::Note,
                 value +
                     " is simulated: the run can be replayed from its seed, and its norms, "
                     "losses and this choice of settings were looked at.",
                 "Quote it for the settings only; a release needs fresh, secret noise (secure "
                 "mode) and settings that were fixed before.");
    say(Severity::Note,
        value +
            " is about the weights of this run alone. What is shown of it is private, and "
            "choosing settings from it is not in ε.",
        "Publish the weights only.");
  }

  void batchNorm() {
    begin("batch_norm", "Batch normalisation", "model");
    for (const std::string& layer : m_r.info->modelLayers) {
      std::string name = layer;
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (name.find("batchnorm") == std::string::npos &&
          name.find("batch_norm") == std::string::npos)
        continue;
      return say(Severity::Error,
                 "Layer " + layer +
                     " mixes the examples of a batch: an example's gradient "
                     "depends on the others, and clipping it bounds nothing.",
                 "Take a group norm or a layer norm.");
    }
    say(Severity::Passed, "No layer mixes the examples of a batch.");
  }

  void finite() {
    begin("finite", "NaN and ∞", "optimizer.learning_rate");
    if (!m_r.norms) return wait("Norms");
    if (!hasRows()) return;
    const auto bad = static_cast<Index>(m_r.norms->nonFinite.size());
    if (bad == 0) return say(Severity::Passed, "Every gradient is finite.");
    say(Severity::Error,
        counted(bad, "example has", "examples have") + " a gradient with a NaN or an infinity. " +
            (m_r.info->library
                 ? "The library sums them like any other: a NaN makes every weight one."
                 : "They are dropped from the sum here; a library that is not looked into sums "
                   "them, and every weight becomes NaN."),
        "Lower the learning rate, or look for values in the data that are not numbers.");
  }

  void deadTensors() {
    begin("dead_tensors", "Tensors without a gradient", "model");
    if (!m_r.norms) return wait("Norms");
    if (!hasRows()) return;
    std::string dead;
    Index count = 0;
    for (std::size_t t = 0; t < m_r.norms->tensorMax.size(); ++t) {
      if (m_r.norms->tensorMax[t] != 0 || (m_r.step == 1 && isFirstOfLora(m_r.info->tensors[t])))
        continue;
      if (++count <= 3) dead += (count > 1 ? ", " : "") + m_r.info->tensors[t];
    }
    if (count == 0) return say(Severity::Passed, "Every tensor gets a gradient.");
    if (count > 3) dead += " and " + std::to_string(count - 3) + " more";
    say(Severity::Warning,
        dead + (count == 1 ? " has" : " have") +
            " a gradient of 0 for every example of this batch: only noise moves " +
            (count == 1 ? "it." : "them."),
        "Freeze what cannot learn (its noise is lost to nobody), or mend what stops the gradient.");
  }

  /// B of a LoRA layer starts at 0, so that A has no gradient yet.
  static bool isFirstOfLora(std::string name) {
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name.find("lora_a") != std::string::npos;
  }

  void dominantLayer() {
    begin("dominant_layer", "Split of the norm over layers", "clipping.grouping");
    if (!m_r.norms) return wait("Norms");
    if (!hasRows(leastRows)) return;
    std::vector<std::pair<std::string, double>> layers;
    for (std::size_t t = 0; t < m_r.norms->tensorShare.size(); ++t) {
      if (layers.empty() || layers.back().first != m_r.info->layers[t])
        layers.emplace_back(m_r.info->layers[t], 0);
      layers.back().second += m_r.norms->tensorShare[t];
    }
    if (layers.size() < 2) return say(Severity::Passed, "There is one layer.");
    const auto& [name, share] = *std::ranges::max_element(
        layers, {}, [](const auto& l) { return std::isnan(l.second) ? -1 : l.second; });
    const std::string text = name + " has " + percent(share) + " of the squared norm";
    if (!(share > dominantShare)) return say(Severity::Passed, text + ", the most of any layer.");
    if (m_e.clipping.grouping != GroupingKind::Flat)
      return say(Severity::Passed, text + "; the other layers have thresholds of their own.");
    say(Severity::Warning,
        text +
            ": it alone decides the clip factor, and the others are scaled down with it while "
            "their noise is not.",
        "Try per-layer clipping, or normalise what feeds that layer.");
  }

  void clippedShare() {
    begin("clipped_share", "Share clipped", "clipping.max_grad_norm");
    if (!m_r.clip) return wait("Clip");
    if (!hasRows(leastRows)) return;
    if (std::isnan(m_r.clip->clippedFraction))
      return say(Severity::Passed, "An automatic rule scales every gradient.");
    const double share = m_r.clip->clippedFraction;
    const std::string text = percent(share) +
                             " of the batch is clipped at C = " + shown(m_r.clip->maxGradNorm) +
                             "; the median norm is " + shown(m_r.norms->q50) + ".";
    if (share > manyClipped)
      return say(Severity::Note, text + " Every gradient counts the same, as with normalising.",
                 "That may train well; then η and C only act together. A C near the median keeps "
                 "differences of length.");
    if (share < fewClipped)
      return say(Severity::Warning, text + " The noise is scaled to a length that no gradient has.",
                 "Lower C towards the median: as much less noise for the same ε.");
    say(Severity::Passed, text);
  }

  void updateNoise() {
    begin("update_noise", "Noise against the weights", "optimizer.learning_rate");
    if (!m_r.update) return wait("Update");
    if (std::isnan(m_r.update->updateNoise))
      return say(Severity::Unknown,
                 "The optimiser scales the noise weight by weight: no one figure says it.");
    const double noise =
        m_r.update->updateNoise * std::sqrt(static_cast<double>(m_r.info->dimension));
    const double share = m_r.update->parameterNorm > 0 ? noise / m_r.update->parameterNorm : 0;
    const std::string text = "The noise in the update has norm " + shown(noise) + ", " +
                             percent(share) + " of the weights'.";
    if (share <= loudUpdate) return say(Severity::Passed, text);
    say(Severity::Warning, text + " A few steps of it drown what was learned.",
        "Lower η or C, or raise B: the noise is ησC√d/B.");
  }

  /// What a recorder of another library found in the way; not of a run of this engine.
  void recorder() {
    const LibraryRun* library = m_r.info->library.get();
    if (!library) return;
    begin("recorder", "What the recorder saw");
    if (library->notes.empty())
      return say(Severity::Passed, "All that it looks for, in " + library->library + ".");
    std::string text;
    for (const std::string& note : library->notes) text += (text.empty() ? "" : "; ") + note;
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
    say(Severity::Warning, text + ".");
  }

  const Experiment& m_e;
  const StepRecord& m_r;
  std::vector<LintFinding> m_findings;
};

}  // namespace

std::string_view lintSeverityName(LintSeverity severity) {
  constexpr std::string_view names[] = {"unknown", "passed", "note", "warning", "error"};
  return names[static_cast<std::size_t>(severity)];
}

std::vector<LintFinding> dpLint(const Experiment& experiment, const StepRecord& record) {
  return Lint(experiment, record).run();
}

LintSeverity gravest(const std::vector<LintFinding>& findings) {
  LintSeverity most = LintSeverity::Unknown;
  for (const LintFinding& finding : findings) most = std::max(most, finding.severity);
  return most;
}

}  // namespace clipscope
