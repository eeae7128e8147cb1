// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// A number on screen, explained.
struct Word {
  QString name;
  QString formula;  ///< rich text
  QString values;   ///< the formula with the numbers of the record; "" where it has none yet
  QString source;
};

/// The numbers in the head of a panel, by its file name ("clip_factors"); none for a panel without.
std::vector<Word> wordsOf(const QString& panel, const StepRecord& record);
/// The numbers of the status bar's batch line.
std::vector<Word> batchWords(const StepRecord& record);

/// As a tip: a paragraph each.
QString tipOf(const std::vector<Word>& words);

}  // namespace clipscope
