// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/phase_sentence.h"

#include <QCoreApplication>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/window/epsilon_text.h"
#include "ui/window/step_notes.h"

namespace clipscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("PhaseSentence", text); }

QString clipSentence(const StepRecord& r) {
  const ClipPart& clip = *r.clip;
  if (r.batchSize() == 0) return tr("Phase Clip: the batch is empty, so the clipped sum is 0.");
  if (clip.strategy == "none")
    return tr("Phase Clip: nothing is clipped, so no noise makes this private.");
  if (!std::isnan(clip.aboveOneFraction))
    return tr("Phase Clip: every gradient was brought near length C = %1; %2 of them were scaled "
              "up.")
        .arg(shortNumber(clip.maxGradNorm, 3), percent(clip.aboveOneFraction));
  const auto count = std::llround(clip.clippedFraction * static_cast<double>(r.batchSize()));
  const QString to = clip.groups.size() > 1 ? tr("the thresholds of %1 groups (√ΣC² = %2)")
                                                  .arg(clip.groups.size())
                                                  .arg(shortNumber(clip.maxGradNorm, 3))
                                            : tr("C = %1").arg(shortNumber(clip.maxGradNorm, 3));
  return tr("Phase Clip: %1 of %2 gradients scaled down to %3.")
      .arg(count)
      .arg(r.batchSize())
      .arg(to);
}

}  // namespace

QString phaseSentence(const StepRecord& r) {
  if (!r.completed) return tr("Space runs the next phase, N a whole step, F5 trains on.");
  switch (*r.completed) {
    case Phase::Sample:
      return tr("Phase Sample: %1 examples drawn, %2. Next: the forward pass.")
          .arg(r.batchSize())
          .arg(drawNote(*r.sample));
    case Phase::Forward:
      return tr("Phase Forward: mean loss %1 over %2 examples. Next: each example's own gradient.")
          .arg(shortNumber(r.forward->meanLoss))
          .arg(r.batchSize());
    case Phase::Backward:
      return tr("Phase Backward: %1 gradients, one an example, none of them formed yet. Next: "
                "their norms.")
          .arg(r.batchSize());
    case Phase::Norms:
      return tr("Phase Norms: median %1, largest %2. Next: clipping.")
          .arg(shortNumber(r.norms->q50, 3), shortNumber(r.norms->max, 3));
    case Phase::Clip:
      return clipSentence(r) +
             tr(" Next: noise on each of %1 coordinates.").arg(grouped(r.info->dimension));
    case Phase::Noise:
      return tr("Phase Noise: ‖z‖ = %1 against a signal of %2, SNR %3. Next: the update.")
          .arg(shortNumber(r.noise->realised, 3), shortNumber(r.clip->signal, 3),
               shortNumber(r.noise->snrRealised, 3));
    case Phase::Update:
      return tr("Phase Update: the weights moved by %1 of their length %2. Next: the account.")
          .arg(shortNumber(r.update->updateNorm, 3), shortNumber(r.update->parameterNorm, 3));
    case Phase::Account: {
      QString text = tr("Step %1 done: %2 so far.").arg(r.step).arg(epsilonText(*r.account));
      if (r.evaluation && !std::isnan(r.evaluation->accuracy))
        text += tr(" Test accuracy %1.").arg(percent(r.evaluation->accuracy));
      if (const QString note = thresholdNote(r); !note.isEmpty()) text += QLatin1Char(' ') + note;
      return text + tr(" Next: a new batch.");
    }
  }
  return {};
}

}  // namespace clipscope
