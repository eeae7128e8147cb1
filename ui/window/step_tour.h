// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QString>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/training/step_record.h"

namespace clipscope {

/// A phase of a step as it is told: what it does, its formula with the numbers of this batch, what
/// became of it, and pictures.
struct TourPage {
  Phase phase;
  QString told;     ///< what the phase is for
  QString formula;  ///< with the values of this batch; rich text
  QString result;   ///< the phase's sentence; empty where it has not been
  std::vector<QImage> pictures;
};

/// The pages of a record, one a phase, without the pictures that panels draw.
std::vector<TourPage> stepTour(const StepRecord& record);

/// Some examples of the batch side by side; null for a table or an empty batch.
QImage batchPicture(const StepRecord& record, const Dataset& data, int width);
/// How the losses of the batch are spread.
QImage lossPicture(const StepRecord& record, int width);

}  // namespace clipscope
