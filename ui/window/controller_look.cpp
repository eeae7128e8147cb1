// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/controller.h"

namespace clipscope {

void Controller::lookAt(Index example) {
  // While it runs the batch is gone before the answer comes; the panel asks again at the pause.
  if (!m_session || m_running || example < 0) return;
  m_lookStop.request_stop();
  m_gramStop.request_stop();
  m_lookStop = std::stop_source();
  ++m_pending;
  QMetaObject::invokeMethod(
      m_worker,
      [worker = m_worker, runId = m_lastId, token = m_lookStop.get_token(), example] {
        worker->lookAt(example, runId, token);
      },
      Qt::QueuedConnection);
}

}  // namespace clipscope
