// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/empty_batch.h"

#include <QCoreApplication>
#include <cmath>

namespace clipscope {

bool hasNoTables(const StepRecord& record) {
  // An empty batch has no mean loss.
  return record.batchSize() == 0 && record.forward &&
         (record.drawn() > 0 || !std::isnan(record.forward->meanLoss));
}

QString emptyBatchText(const StepRecord& record, const QString& otherwise) {
  if (hasNoTables(record))
    return QCoreApplication::translate(
        "EmptyBatch",
        "The recording has no tables of examples for this step: they were dropped for room, left "
        "out by the recorder, or the run was in secure mode.");
  if (!otherwise.isEmpty()) return otherwise;
  return QCoreApplication::translate("EmptyBatch",
                                     "This batch is empty: Poisson sampling drew no example.");
}

QString noGradientsText(const StepRecord& record, const QString& otherwise) {
  if (!record.info->library) return otherwise;
  return QCoreApplication::translate(
      "EmptyBatch",
      "This needs the gradients themselves. They are where the run trains; the recording has their "
      "norms.");
}

}  // namespace clipscope
