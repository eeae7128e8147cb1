// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/error.h"
#include "ui/worker/example_view.h"
#include "ui/worker/training_worker.h"

namespace clipscope {

void TrainingWorker::lookAt(Index example, int runId, std::stop_token stop) {
  // A look that was overtaken by another command is not worth its time.
  if (m_session && !stop.stop_requested()) {
    try {
      const auto probe = probeShown(runId, stop);
      if (probe) {
        auto view = viewExample(*probe, *m_session->record(), example);
        if (view && !stop.stop_requested()) emit exampleViewed(runId, std::move(view));
      }
    } catch (const Cancelled&) {
      // Overtaken while the step was replayed.
    } catch (const std::bad_alloc&) {
      emit failed(runId, tr("There is not enough memory to form this example's gradient."));
    } catch (const std::exception& error) {
      emit failed(runId, QString::fromUtf8(error.what()));
    }
  }
  emit finished(runId);
}

}  // namespace clipscope
