// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/controller.h"

namespace clipscope {

void Controller::connectWhatIf() {
  connect(this, &Controller::experimentChanged, &m_whatIf,
          [this] { m_whatIf.setExperiment(m_experiment); });
  connect(this, &Controller::sessionChanged, &m_whatIf, [this] { m_whatIf.setRecord(nullptr); });
  connect(this, &Controller::recordChanged, &m_whatIf, [this] { m_whatIf.setRecord(m_record); });
  connect(&m_whatIf, &WhatIfState::useRequested, this, &Controller::edit);
  connect(m_worker, &TrainingWorker::gramReady, this,
          [this](int runId, std::shared_ptr<const NormsPart> norms,
                 std::shared_ptr<const BatchGram> gram) {
            --m_preparing;
            if (runId >= m_runId && gram) m_whatIf.setGram(std::move(norms), std::move(gram));
          });
}

void Controller::prepareWhatIf() {
  if (m_pending > 0 || !m_record || !m_record->norms || m_record->batchSize() == 0) return;
  if (m_whatIf.record() == m_record && m_whatIf.hasGram()) return;
  ++m_preparing;
  m_gramStop = std::stop_source();
  QMetaObject::invokeMethod(
      m_worker,
      [worker = m_worker, runId = m_lastId, token = m_gramStop.get_token()] {
        worker->buildGram(runId, token);
      },
      Qt::QueuedConnection);
}

}  // namespace clipscope
