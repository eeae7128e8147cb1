// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFutureWatcher>
#include <QObject>
#include <QtConcurrentRun>
#include <functional>
#include <optional>
#include <stop_token>

#include "engine/error.h"

namespace clipscope {

/// Work beside training that belongs to a widget: one piece at a time, on a thread of the pool. A
/// piece that was asked for while one is under way comes after it, the newest alone; what it gave
/// is handed over on the widget's thread. The work must not touch widgets and may throw: then
/// nothing is handed over. Work that is under way when this goes is stopped and forgotten.
template <class Result>
class Background {
 public:
  using Work = std::function<Result(std::stop_token)>;
  using Take = std::function<void(const Result&)>;

  explicit Background(Take take) : m_take(std::move(take)) {
    QObject::connect(&m_watcher, &QFutureWatcherBase::finished, &m_watcher, [this] { finish(); });
  }
  ~Background() { m_stop.request_stop(); }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// After what is under way.
  void start(Work work) {
    m_next = std::move(work);
    if (!isRunning()) next();
  }
  /// Instead of what is under way.
  void restart(Work work) {
    m_stop.request_stop();
    start(std::move(work));
  }
  void cancel() {
    m_next.reset();
    m_stop.request_stop();
  }
  /// Waits for all that was asked for and hands it over.
  void finishNow() {
    while (m_running) {
      m_watcher.waitForFinished();
      finish();
    }
  }
  bool isRunning() const { return m_running; }

 private:
  void next() {
    m_stop = std::stop_source();
    m_running = true;
    m_watcher.setFuture(QtConcurrent::run(
        [work = std::move(*m_next), stop = m_stop.get_token()]() -> std::optional<Result> {
          try {
            return work(stop);
          } catch (const Error&) {
            return std::nullopt;
          }
        }));
    m_next.reset();
  }
  void finish() {
    if (!m_running || !m_watcher.isFinished()) return;  // handed over already
    const std::optional<Result> result = m_watcher.result();
    m_running = false;
    const bool isStopped = m_stop.stop_requested();
    if (m_next) next();
    if (result && !isStopped) m_take(*result);
  }

  Take m_take;
  QFutureWatcher<std::optional<Result>> m_watcher;
  std::stop_source m_stop;
  std::optional<Work> m_next;
  bool m_running = false;
};

}  // namespace clipscope
