// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/step_notes.h"

#include <QCoreApplication>

#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("StepNotes", text); }

}  // namespace

QString drawNote(const SamplePart& sample) {
  switch (sample.scheme) {
    case SamplingScheme::Shuffled:
      return tr("shuffled, epoch %1").arg(sample.epoch + 1);
    case SamplingScheme::Fixed:
      return tr("the same each step");
    case SamplingScheme::Poisson:
      break;
  }
  return tr("each with q = %1").arg(shortNumber(sample.sampleRate, 3));
}

QString thresholdNote(const StepRecord& record) {
  if (!record.noise || record.noise->adaptive.empty()) return {};
  const auto& groups = record.noise->adaptive;
  if (groups.front().skipped)
    return tr("C stays at %1: an empty batch has no unclipped share.")
        .arg(shortNumber(record.clip->maxGradNorm, 3));
  const QString move = tr("C goes from %1 to %2")
                           .arg(shortNumber(record.clip->maxGradNorm, 3),
                                shortNumber(record.noise->nextMaxGradNorm, 3));
  if (groups.size() > 1) return tr("%1 over %2 groups.").arg(move).arg(groups.size());
  return tr("%1: noisy unclipped share %2.").arg(move, percent(groups.front().noisyFraction));
}

}  // namespace clipscope
