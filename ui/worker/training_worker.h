// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <atomic>
#include <chrono>
#include <memory>
#include <stop_token>

#include "engine/training/trainer.h"
#include "ui/attachments.h"

namespace clipscope {

struct ExampleView;

/// What the window needs to know of a run besides its records; immutable.
struct Session {
  Experiment experiment;
  std::shared_ptr<const Dataset> data;
  std::shared_ptr<const Model> model;
  Index trainExamples = 0, testExamples = 0;
  std::vector<Index> test;  ///< the examples held out
};

/// Owns the Trainer and lives on the one thread that enters its parallel regions. The window calls
/// the slots as queued calls and gets results as queued signals. Every command carries a stop
/// token, which the window may pull at any time, and the number of the run it is for: results of an
/// older run are dropped by the receiver.
///
/// While running, at most one record is under way to the window, which says with recordShown() that
/// it drew one, and how long that took. Records come no faster than a person can see them, and
/// slower where drawing takes long: the window then costs training about a sixth of its time.
class TrainingWorker : public QObject {
  Q_OBJECT

 public:
  using QObject::QObject;

  /// Loads the data, builds the model; on failure the previous run stays.
  void open(const Experiment& experiment, int runId, std::stop_token stop);
  void advanceTo(Phase phase, int runId, std::stop_token stop);
  /// Steps until it is stopped.
  void run(int runId, std::stop_token stop);
  void apply(const Experiment& experiment, int runId);
  void reset(int runId);
  /// Writes the current step, finished, as a run folder.
  void exportRun(const QString& folder, const Attachments& attachments, int runId);
  /// Forms one example's gradient and output at the parameters of the step that is shown.
  void lookAt(Index example, int runId, std::stop_token stop);

  /// Called from the window's thread.
  void recordShown(double seconds) {
    m_drawingSeconds.store(seconds, std::memory_order_relaxed);
    m_recordUnderWay.store(false, std::memory_order_release);
  }

 signals:
  void opened(int runId, std::shared_ptr<const Session> session);
  void recordReady(int runId, std::shared_ptr<const StepRecord> record);
  /// A command is over, whether done, stopped or failed.
  void finished(int runId);
  void failed(int runId, const QString& message);
  void exported(int runId, const QString& folder);
  void exampleViewed(int runId, std::shared_ptr<const ExampleView> view);

 private:
  void send(int runId, bool always);
  template <class Body>
  void guarded(int runId, Body&& body);

  std::unique_ptr<Trainer> m_trainer;
  std::atomic<bool> m_recordUnderWay{false};
  std::atomic<double> m_drawingSeconds{0};
  std::chrono::steady_clock::time_point m_lastSent;
};

}  // namespace clipscope
