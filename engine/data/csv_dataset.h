// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/data/dataset_loader.h"

namespace clipscope {

/// Rows of numbers and a label column from a CSV file. A text label, or whole numbers with at most
/// 100 different values, gives classes (sorted; numbers by value); other numbers a regression; the
/// setting csvTask decides otherwise. Throws FileError with line and column for a cell that is not
/// a finite number, a label column that does not exist, fewer than two rows or classes.
Dataset::Content readCsvDataset(const DataSettings& settings);

}  // namespace clipscope
