// SPDX-License-Identifier: GPL-3.0-or-later
// What the worker does with recordings: opens and follows them, keeps one of every run, and goes
// from branch to branch.
#include <unistd.h>

#include <QDateTime>
#include <algorithm>
#include <utility>

#include "engine/interchange/recorded_run.h"
#include "ui/worker/guarded.h"
#include "ui/worker/training_worker.h"

namespace clipscope {

namespace {

/// What the tables of examples may take in the recording of a run that nobody named.
constexpr Index recoveryBatchBytes = Index{1} << 30;
/// A jump that would be replayed for longer shows what was recorded first.
constexpr double noticed = 0.25;

std::filesystem::path recoveryName(const std::filesystem::path& folder) {
  const std::string stamp =
      QDateTime::currentDateTime().toString(QStringLiteral("yyyyMMdd-HHmmss")).toStdString() + "-" +
      std::to_string(::getpid());
  std::filesystem::path name = folder / ("run-" + stamp + ".clipscope");
  for (int k = 2; std::filesystem::exists(name); ++k)
    name = folder / ("run-" + stamp + "-" + std::to_string(k) + ".clipscope");
  return name;
}

/// Of a run that trains in another library; "" for others, and for what is no recording.
QString whyOnlyRecords(const std::filesystem::path& file) {
  try {
    const auto library = RecordingReader(file).info()->library;
    if (!library) return {};
    return TrainingWorker::tr(
               "it trains in %1, where it was recorded. Its steps are shown as they "
               "come, whole; stepping and what-if need the model, which is there.")
        .arg(QString::fromStdString(library->library));
  } catch (const Error&) {
    return {};
  }
}

double secondsOf(const StepRecord& record) {
  double total = 0;
  for (const double seconds : record.seconds) total += seconds;
  return total;
}

}  // namespace

TrainingWorker::~TrainingWorker() { leaveRun(); }

void TrainingWorker::leaveRun() {
  try {
    if (m_session && m_session->recording()) {
      const bool isEmpty = m_session->position().knownPhase != Phase::Account &&
                           m_session->position().knownSteps <= 1;
      if (!m_isNamed && isEmpty)
        m_session->discardRecording();
      else
        m_session->closeRecording();
    }
  } catch (const std::exception& error) {
    emit failed(0, QString::fromUtf8(error.what()));
  }
  m_session.reset();
  m_view.reset();
  m_recordingFailed = false;
}

void TrainingWorker::take(std::unique_ptr<RunSession> session, std::unique_ptr<RecordingView> view,
                          bool isNamed) {
  leaveRun();
  m_session = std::move(session);
  m_view = std::move(view);
  m_lanes.clear();
  m_isNamed = isNamed;
  m_readOnlyBecause.clear();
  m_viewUnsent = false;
}

void TrainingWorker::startRecovery(int runId) {
  if (m_recovery.empty()) return;
  try {
    std::filesystem::create_directories(m_recovery);
    startRecording(*m_session, recoveryName(m_recovery), CLIPSCOPE_VERSION,
                   {.batchBytes = recoveryBatchBytes});
  } catch (const std::exception& error) {
    emit failed(runId, tr("This run is not recorded: %1").arg(QString::fromUtf8(error.what())));
  }
}

std::shared_ptr<Session> TrainingWorker::describe() const {
  auto session = std::make_shared<Session>();
  session->experiment = m_session->experiment();
  session->data = m_session->data().data;
  session->model = m_session->sharedModel();
  session->trainExamples = static_cast<Index>(m_session->data().train.size());
  session->testExamples = static_cast<Index>(m_session->data().test.size());
  session->test = m_session->data().test;
  return session;
}

std::shared_ptr<Session> TrainingWorker::describeView(const LoadedData* data,
                                                      const QString& why) const {
  auto session = std::make_shared<Session>();
  const RecordingReader& recording = m_view->recording();
  session->experiment = m_view->experiment();
  session->trainExamples = std::atoll(recording.meta("train_examples").c_str());
  session->testExamples = std::atoll(recording.meta("test_examples").c_str());
  session->readOnlyBecause = why;
  session->library = recording.info()->library;
  if (data && data->data->fingerprint() == recording.meta("data_fingerprint")) {
    session->data = data->data;
    session->test = data->test;
    session->model = makeModel(session->experiment, *data->data);
  }
  return session;
}

RecordingState TrainingWorker::recordingState() const {
  RecordingState state;
  if (m_view) {
    state.path = m_view->recording().path();
    state.isNamed = m_isNamed;
    state.isBeingWritten = m_view->recording().isBeingWritten();
    state.savedStep = m_view->position().knownSteps;
  } else if (const RecordingWriter* writer = m_session->recording()) {
    state.path = writer->path();
    state.isNamed = m_isNamed;
    state.hasFailed = m_recordingFailed;
    state.savedStep = m_session->savedThrough();
  }
  return state;
}

bool TrainingWorker::refuses(int runId) {
  if (m_view) emit failed(runId, tr("This recording is only looked at: %1").arg(m_readOnlyBecause));
  return !m_session;
}

void TrainingWorker::openRecording(const QString& path, int runId, std::stop_token stop) {
  guarded(runId, [&] {
    const std::filesystem::path file = path.toStdString();
    if (m_session && m_session->recording()) {
      std::error_code error;
      if (std::filesystem::equivalent(file, m_session->recording()->path(), error)) {
        emit failed(runId, tr("%1 is the recording of this run").arg(path));
        return;
      }
    }
    QString why = whyOnlyRecords(file);
    std::unique_ptr<RecordingWriter> writer;
    const bool trainsElsewhere = !why.isEmpty();
    try {
      const bool isRecovery = file.parent_path() == m_recovery;
      if (!trainsElsewhere)
        writer = RecordingWriter::append(file, {.batchBytes = isRecovery ? recoveryBatchBytes : 0});
    } catch (const RecordingInUse&) {
      why = tr("another window or program is writing it. New steps are shown as they come.");
    } catch (const FileError& error) {
      why = QString::fromUtf8(error.what());
    }
    // What cannot be read at all says so here.
    auto view = std::make_unique<RecordingView>(file);
    std::optional<LoadedData> data;
    try {
      if (!trainsElsewhere) data = loadDataset(view->recording().tree().settingsOf(0, 1)->data);
    } catch (const Error& error) {
      if (why.isEmpty())
        why = tr("its data cannot be read: %1").arg(QString::fromUtf8(error.what()));
    }
    if (stop.stop_requested()) throw Cancelled();
    const bool isNamed = file.parent_path() != m_recovery;
    if (why.isEmpty()) {
      try {
        const RecordingReader& recording = view->recording();
        auto session =
            std::make_unique<RunSession>(recording, recording.tree().settingsOf(0, 1)->data, *data);
        session->resume(std::move(writer), recording);
        const QString note = QString::fromStdString(whyNotBitEqual(recording));
        take(std::move(session), nullptr, isNamed);
        emit opened(runId, describe());
        send(runId, true);
        if (!note.isEmpty()) emit noted(runId, note);
        return;
      } catch (const Error& error) {
        why = QString::fromUtf8(error.what());
      }
    }
    writer.reset();
    take(nullptr, std::move(view), isNamed);
    m_readOnlyBecause = why;
    emit opened(runId, describeView(data ? &*data : nullptr, why));
    send(runId, true);
  });
}

std::shared_ptr<const BatchProbe> TrainingWorker::probeShown(int runId, std::stop_token stop) {
  const auto shown = m_session->record();
  auto probe = m_session->probe(stop);
  if (m_session->record() != shown) send(runId, true);
  return probe;
}

void TrainingWorker::goToBranch(int branch, Index step, int runId, std::stop_token stop) {
  guarded(runId, [&] {
    if (m_view) {
      m_view->goTo(branch, step);
    } else if (m_session) {
      const bool isShort =
          branch == m_session->branch() &&
          static_cast<double>(m_session->replayLength(step)) * secondsOf(*m_session->record()) <
              noticed;
      if (isShort || !m_session->recording()) {
        m_session->goTo(branch, step, Phase::Account, stop);
        m_session->doWhatIsDue(stop);  // where it was cut short the first time
      } else {
        m_session->show(branch, step, stop);
      }
      followWithLanes(stop);
    } else {
      return;
    }
    send(runId, true);
  });
}

void TrainingWorker::renameBranch(int branch, const QString& name, int runId) {
  guarded(runId, [&] {
    if (refuses(runId)) return;
    m_session->renameBranch(branch, name.toStdString());
    send(runId, true);
  });
}

void TrainingWorker::pruneBranch(int branch, int runId) {
  guarded(runId, [&] {
    if (refuses(runId)) return;
    m_session->pruneBranch(branch);
    send(runId, true);
  });
}

void TrainingWorker::saveRecordingAs(const QString& path, int runId) {
  guarded(runId, [&] {
    if (refuses(runId)) return;
    if (!m_session->recording()) {
      emit failed(runId, tr("This run is not recorded; a recording begins with its first step. "
                            "Reset starts one."));
      return;
    }
    // A name that was given before still has what it had.
    m_session->moveRecording(path.toStdString(), m_isNamed);
    m_isNamed = true;
    m_recordingFailed = false;
    emit recordingSaved(runId, path);
    send(runId, true);
  });
}

void TrainingWorker::giveUpRecording(int runId) {
  guarded(runId, [&] {
    if (!m_session) return;
    m_session->giveUpRecording();
    m_recordingFailed = false;
    send(runId, true);
  });
}

void TrainingWorker::follow(int runId) {
  try {
    if (m_view) {
      // Held back while the window draws what came before: the next look sends it.
      m_viewUnsent = m_view->poll() || m_viewUnsent;
      if (m_viewUnsent && send(runId, false)) m_viewUnsent = false;
    } else if (m_session) {
      m_session->checkRecording();
      m_recordingFailed = false;
    } else {
      return;
    }
  } catch (const RecordingFailed& error) {
    if (!std::exchange(m_recordingFailed, true))
      emit recordingFailed(runId, QString::fromUtf8(error.what()));
  } catch (const std::exception& error) {
    emit failed(runId, QString::fromUtf8(error.what()));
    return;
  }
  emit recordingReported(runId, recordingState());
}

}  // namespace clipscope
