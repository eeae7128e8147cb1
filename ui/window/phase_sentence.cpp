// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/phase_sentence.h"

#include <QCoreApplication>
#include <cmath>

#include "engine/accounting/accountant.h"
#include "ui/plots/number_format.h"
#include "ui/window/epsilon_text.h"
#include "ui/window/step_notes.h"

namespace clipscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("PhaseSentence", text); }

/// "3 examples", "1 example".
QString examples(Index count) {
  return count == 1 ? tr("1 example") : tr("%1 examples").arg(grouped(count));
}

bool isAutomatic(const ClipPart& clip) { return !std::isnan(clip.aboveOneFraction); }

QString sampleSentence(const StepRecord& r) {
  if (r.drawn() == 0)
    return tr("Phase Sample: the batch is empty, none of %1 examples was drawn at q = %2. Next: "
              "the "
              "step goes on with a sum of 0, which noise covers all the same.")
        .arg(grouped(r.info->datasetSize), shortNumber(r.sample->sampleRate, 3));
  if (r.sample->scheme != SamplingScheme::Poisson)
    return tr("Phase Sample: %1 drawn, %2. Next: the forward pass.")
        .arg(examples(r.drawn()), drawNote(*r.sample));
  return tr("Phase Sample: %1 drawn, each with q = %2; %3 were expected, and the mean divides by "
            "those. Next: the forward pass.")
      .arg(examples(r.drawn()), shortNumber(r.sample->sampleRate, 3),
           shortNumber(r.sample->expectedBatchSize, 3));
}

QString forwardSentence(const StepRecord& r) {
  if (r.drawn() == 0) return tr("Phase Forward: no example, no loss. Next: no gradient either.");
  QString text = tr("Phase Forward: mean loss %1 over %2")
                     .arg(shortNumber(r.forward->meanLoss), examples(r.drawn()));
  if (!r.info->classNames.empty()) {
    Index right = 0;
    for (std::size_t i = 0; i < r.forward->predictions.size(); ++i)
      right += r.forward->predictions[i] == r.sample->labels[i];
    text += tr(", %1 of them predicted right").arg(right);
  }
  return text + tr(". Next: each example's own gradient.");
}

QString backwardSentence(const StepRecord& r) {
  if (r.drawn() == 0) return tr("Phase Backward: no example, no gradient. Next: no norm.");
  return tr("Phase Backward: %1, one an example and none averaged, in %2 coordinates. Next: their "
            "norms.")
      .arg(r.drawn() == 1 ? tr("1 gradient") : tr("%1 gradients").arg(grouped(r.drawn())),
           grouped(r.info->dimension));
}

QString normsSentence(const StepRecord& r) {
  if (r.drawn() == 0) return tr("Phase Norms: no example, no norm. Next: clipping of nothing.");
  const auto bad = static_cast<Index>(r.norms->nonFinite.size());
  if (bad == r.drawn())
    return tr("Phase Norms: no gradient is finite. Next: clipping leaves all of them out.");
  QString text = tr("Phase Norms: median ‖g‖ %1, largest %2")
                     .arg(shortNumber(r.norms->q50, 3), shortNumber(r.norms->max, 3));
  if (bad > 0) text += tr("; %1 not finite, to be left out").arg(examples(bad));
  return text + tr(". Next: clipping.");
}

/// Finite gradients that the rule "global" set to 0, in any group.
Index droppedByRule(const StepRecord& r) {
  const ClipFactors& factors = r.clip->factors;
  Index dropped = 0;
  for (Index i = 0; i < factors.examples(); ++i) {
    bool any = false;
    for (Index k = 0; k < factors.groups(); ++k) any = any || factors.factor(i, k) == 0;
    dropped += factors.finite(i) && any;
  }
  return dropped;
}

QString clipSentence(const StepRecord& r) {
  const ClipPart& clip = *r.clip;
  const bool several = clip.groups.size() > 1;
  const QString c = shortNumber(clip.maxGradNorm, 3);
  const auto bad = static_cast<Index>(r.norms->nonFinite.size());
  QString text;
  if (r.drawn() == 0) {
    text = tr("Phase Clip: the batch is empty, so the clipped sum is 0.");
  } else if (clip.strategy == "none") {
    text = tr("Phase Clip: nothing is clipped, so no noise makes this private.");
  } else if (isAutomatic(clip)) {
    text = tr("Phase Clip: every gradient was brought near length C = %1; %2 of them were scaled "
              "up.")
               .arg(c, percent(clip.aboveOneFraction));
    if (several)
      text = tr("Phase Clip: every gradient was brought near the lengths of %1 groups (√ΣC² = %2); "
                "%3 were scaled up in one of them.")
                 .arg(clip.groups.size())
                 .arg(c, percent(clip.aboveOneFraction));
  } else {
    const auto count = std::llround(clip.clippedFraction * static_cast<double>(r.drawn()));
    const QString to =
        several ? tr("the thresholds of %1 groups (√ΣC² = %2)").arg(clip.groups.size()).arg(c)
                : tr("C = %1").arg(c);
    text = clip.strategy == "global"
               ? tr("Phase Clip: %1 of %2 gradients too long and dropped, the others scaled by one "
                    "factor for %3.")
                     .arg(droppedByRule(r))
                     .arg(r.drawn())
                     .arg(to)
               : tr("Phase Clip: %1 of %2 gradients scaled down to %3.")
                     .arg(count)
                     .arg(r.drawn())
                     .arg(to);
  }
  if (bad > 0) text += tr(" %1 not finite, left out.").arg(examples(bad));
  double squares = 0;
  for (const GroupResult& group : clip.groups) squares += group.noiseStd * group.noiseStd;
  if (squares == 0) return text + tr(" Next: no noise, since σ = 0, and ε will be ∞.");
  if (several)
    return text + tr(" Next: noise on each of %1 coordinates, its std by group.")
                      .arg(grouped(r.info->dimension));
  return text + tr(" Next: noise, σC = %1 on each of %2 coordinates.")
                    .arg(shortNumber(clip.groups.front().noiseStd, 3), grouped(r.info->dimension));
}

QString noiseSentence(const StepRecord& r) {
  const double signal = r.clip->signal;
  if (r.noise->expected == 0)
    return tr("Phase Noise: σ = 0, so the clipped sum of length %1 stays as it is. Next: the "
              "update.")
        .arg(shortNumber(signal, 3));
  if (signal == 0)
    return tr("Phase Noise: ‖z‖ = %1 over no signal at all. Next: the update, by noise alone.")
        .arg(shortNumber(r.noise->realised, 3));
  return tr("Phase Noise: ‖z‖ = %1 against a signal of %2, SNR %3. Next: the update.")
      .arg(shortNumber(r.noise->realised, 3), shortNumber(signal, 3),
           shortNumber(r.noise->snrRealised, 3));
}

QString updateSentence(const StepRecord& r) {
  return tr("Phase Update: learning rate %1 moved the weights by %2 to a length of %3. Next: the "
            "account.")
      .arg(shortNumber(r.update->learningRate, 3), shortNumber(r.update->updateNorm, 3),
           shortNumber(r.update->parameterNorm, 3));
}

QString accountSentence(const StepRecord& r) {
  const bool isBound = accountantIsBound(r.account->accountant);
  QString text = (isBound ? tr("Step %1 done: ε %2 at δ %3 so far%4.")
                          : tr("Step %1 done: ε ≈ %2 at δ %3 so far%4, an approximation."))
                     .arg(r.step)
                     .arg(shortNumber(r.account->epsilon, 3), shortNumber(r.account->delta, 3),
                          r.account->simulated ? tr(" (simulated)") : QString());
  if (!r.account->isValid())
    text = tr("Step %1 done: %2.").arg(r.step).arg(epsilonText(*r.account));
  else if (std::isinf(r.account->epsilon))
    text = tr("Step %1 done: ε is ∞, nothing here is private.").arg(r.step);
  if (r.evaluation && !std::isnan(r.evaluation->accuracy))
    text += tr(" Test accuracy %1.").arg(percent(r.evaluation->accuracy));
  else if (r.evaluation && !std::isnan(r.evaluation->loss))
    text += tr(" Test loss %1.").arg(shortNumber(r.evaluation->loss));
  if (const QString note = thresholdNote(r); !note.isEmpty()) text += QLatin1Char(' ') + note;
  if (!r.info->library) return text + tr(" Next: a new batch.");
  return std::isnan(r.account->epsilon) ? tr("Step %1 done, without an accountant.").arg(r.step)
                                        : text;
}

}  // namespace

QString phaseSentence(const StepRecord& r) {
  if (!r.completed) return tr("Space runs the next phase, N a whole step, F5 trains on.");
  switch (*r.completed) {
    case Phase::Sample:
      return sampleSentence(r);
    case Phase::Forward:
      return forwardSentence(r);
    case Phase::Backward:
      return backwardSentence(r);
    case Phase::Norms:
      return normsSentence(r);
    case Phase::Clip:
      return clipSentence(r);
    case Phase::Noise:
      return noiseSentence(r);
    case Phase::Update:
      return updateSentence(r);
    case Phase::Account:
      return accountSentence(r);
  }
  return {};
}

}  // namespace clipscope
