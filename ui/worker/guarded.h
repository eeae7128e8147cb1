// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <new>

#include "engine/error.h"
#include "ui/worker/training_worker.h"

namespace clipscope {

/// Does the work of a command: whatever it throws becomes a signal, and finished() follows.
template <class Body>
void TrainingWorker::guarded(int runId, Body&& body) {
  try {
    body();
  } catch (const Cancelled&) {
    // A stop is an answer, not a failure; phases that were complete are shown below.
    if (m_session) send(runId, true);
  } catch (const std::bad_alloc&) {
    emit failed(runId,
                tr("There is not enough memory for this; lower the batch size or the model."));
  } catch (const RecordingFailed& error) {
    // The step is done and shown; the run stands until the file can be written.
    m_recordingFailed = true;
    send(runId, true);
    emit recordingFailed(runId, QString::fromUtf8(error.what()));
  } catch (const std::exception& error) {
    emit failed(runId, QString::fromUtf8(error.what()));
  }
  emit finished(runId);
}

}  // namespace clipscope
