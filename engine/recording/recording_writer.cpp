// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_writer.h"

#include <cassert>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "engine/recording/checkpoint_rows.h"
#include "engine/recording/recording_place.h"
#include "engine/recording/run_rows.h"

namespace clipscope {

namespace {

constexpr auto commitEvery = std::chrono::milliseconds(100);
/// A transaction is closed by its size as well, so that the log stays small.
constexpr std::size_t commitItems = RecordingWriter::queueLength / 2;
/// SQLite holds no larger value.
constexpr Index largestValue = 1'000'000'000;

}  // namespace

/// The queue, and the thread that empties it. Whoever holds m_placeMutex may use the place: the
/// thread, or a caller that tries again, moves or closes.
class RecordingWriter::Thread {
 public:
  Thread(std::unique_ptr<RecordingPlace> place, RecordingLimits limits)
      : m_place(std::move(place)), m_limits(limits), m_saved(m_place->file().newest()) {
    m_worker = std::thread([this] { run(); });
  }

  ~Thread() {
    {
      const std::lock_guard lock(m_mutex);
      m_ending = true;
      m_work.notify_one();
    }
    m_worker.join();
  }

  using Write = RecordingFile::Write;
  /// `saved`: what is saved once a step is.
  void post(Write write, Saved saved = {}) {
    std::unique_lock lock(m_mutex);
    m_room.wait(lock, [&] { return m_queue.size() < queueLength || !m_failure.empty(); });
    m_queue.push_back({std::move(write), saved});
    if (!m_failure.empty()) throw FileError(m_failure);
    m_work.notify_one();
  }

  void postStep(int branch, std::shared_ptr<const StepRecord> record) {
    const Saved saved{branch, record->step};
    post([branch, record = std::move(record),
          limits = m_limits](RecordingFile& file) { file.writeStep(branch, *record, limits); },
         saved);
  }

  Saved saved() const {
    const std::lock_guard lock(m_mutex);
    return m_saved;
  }

  void check() {
    // Nothing waits here for a commit under way, which looks for itself.
    if (const std::unique_lock using_(m_placeMutex, std::try_to_lock); using_ && m_place) {
      try {
        m_place->file().verify();
      } catch (const FileError& error) {
        fail(error.what());
      }
    }
    {
      const std::lock_guard lock(m_mutex);
      if (m_failure.empty()) return;
    }
    withPlace([&] { m_place->file().verify(); });
  }

  void flush() {
    withPlace([] {});
  }

  void moveTo(const std::filesystem::path& path, bool keepOld) {
    const std::lock_guard using_(m_placeMutex);
    assert(m_place);
    try {
      m_place->moveTo(path, keepOld);
    } catch (const RecordingInUse&) {
      throw;
    } catch (const FileError& error) {
      throw FileError(path.string() + ": the recording cannot go there: " + error.what());
    }
  }

  void close() {
    withPlace([&] {
      m_place->close();
      m_place.reset();
    });
  }

  void discard() {
    const std::lock_guard using_(m_placeMutex);
    {
      const std::lock_guard lock(m_mutex);
      m_queue.clear();
    }
    m_writing.clear();
    if (m_place) m_place->discard();
    m_place.reset();
  }

 private:
  struct Item {
    Write write;
    Saved saved;
  };

  /// Writes what is pending, then does `work` with the place. Throws FileError where either fails.
  template <class Work>
  void withPlace(Work&& work) {
    const std::lock_guard using_(m_placeMutex);
    if (!m_place) return;
    writePending();
    throwFailure();
    try {
      work();
    } catch (const FileError& error) {
      fail(error.what());
      throwFailure();
    }
  }

  void throwFailure() {
    const std::lock_guard lock(m_mutex);
    if (!m_failure.empty()) throw FileError(m_failure);
  }

  void fail(const std::string& why) {
    const std::lock_guard lock(m_mutex);
    m_failure = m_place->file().path().string() + ": the recording cannot be written: " + why +
                (m_saved.step > 0 ? "; steps through " + std::to_string(m_saved.step) + " are saved"
                                  : std::string("; no step was saved"));
    m_room.notify_all();
  }

  /// Tries to write all that was handed over. The place is the caller's.
  void writePending() {
    if (!m_place) return;
    {
      const std::lock_guard lock(m_mutex);
      for (Item& item : m_queue) m_writing.push_back(std::move(item));
      m_queue.clear();
      m_room.notify_all();
    }
    try {
      while (!m_writing.empty()) writeSome();
    } catch (const std::exception& error) {
      fail(error.what());
      return;
    }
    const std::lock_guard lock(m_mutex);
    m_failure.clear();
  }

  /// A transaction, which ends where a segment is full.
  void writeSome() {
    const Index room = m_place->stepsLeft();
    std::vector<Write> writes;
    Index steps = 0;
    Saved last;
    for (const Item& item : m_writing) {
      const bool isStep = item.saved.step > 0;
      if (isStep && steps == room) break;
      writes.push_back(item.write);
      if (!isStep) continue;
      ++steps;
      last = item.saved;
    }
    if (writes.empty()) {
      m_place->nextSegment();
      return;
    }
    m_place->file().commit(writes);
    m_place->count(steps);
    m_writing.erase(m_writing.begin(),
                    m_writing.begin() + static_cast<std::ptrdiff_t>(writes.size()));
    const std::lock_guard lock(m_mutex);
    if (last.step > 0) m_saved = last;
  }

  void run() {
    for (;;) {
      {
        std::unique_lock lock(m_mutex);
        m_work.wait(lock, [&] { return m_ending || (!m_queue.empty() && m_failure.empty()); });
        // What comes within the time of a commit goes with it.
        if (!m_ending)
          m_work.wait_for(lock, commitEvery / 2,
                          [&] { return m_ending || m_queue.size() >= commitItems; });
        if (m_ending) return;
      }
      const std::lock_guard using_(m_placeMutex);
      writePending();
    }
  }

  std::mutex m_placeMutex;
  std::unique_ptr<RecordingPlace> m_place;  ///< null once closed
  RecordingLimits m_limits;
  std::deque<Item> m_writing;  ///< of the transaction under way, or of one that failed

  mutable std::mutex m_mutex;
  std::condition_variable m_work, m_room;
  std::deque<Item> m_queue;
  std::string m_failure;
  Saved m_saved;
  bool m_ending = false;
  std::thread m_worker;
};

namespace {

/// Runs `make`; what it throws says which file it was.
template <class Make>
auto ofFile(const std::filesystem::path& path, Make&& make) {
  try {
    return make();
  } catch (const RecordingInUse&) {
    throw;
  } catch (const FileError& error) {
    throw FileError(path.string() + ": " + error.what());
  }
}

}  // namespace

RecordingWriter::RecordingWriter(std::filesystem::path path,
                                 const std::map<std::string, std::string>& meta,
                                 const RunInfo& info, const Experiment& experiment,
                                 RecordingLimits limits)
    : m_path(std::move(path)) {
  m_thread = std::make_unique<Thread>(
      ofFile(m_path,
             [&] {
               return RecordingPlace::create(m_path, meta, info, experiment, limits.segmentSteps);
             }),
      limits);
}

RecordingWriter::RecordingWriter(std::filesystem::path path, std::unique_ptr<Thread> thread)
    : m_path(std::move(path)), m_thread(std::move(thread)) {}

std::unique_ptr<RecordingWriter> RecordingWriter::append(std::filesystem::path path,
                                                         RecordingLimits limits) {
  return ofFile(path, [&] {
    auto place = RecordingPlace::append(path, limits.segmentSteps);
    auto thread = std::make_unique<Thread>(std::move(place), limits);
    return std::unique_ptr<RecordingWriter>(new RecordingWriter(path, std::move(thread)));
  });
}

RecordingWriter::~RecordingWriter() {
  try {
    close();
  } catch (const std::exception&) {
  }
}

void RecordingWriter::add(int branch, std::shared_ptr<const StepRecord> record) {
  assert(record->has(Phase::Account));
  m_thread->postStep(branch, std::move(record));
}

void RecordingWriter::addEvaluation(int branch, Index step, const EvaluationPart& evaluation) {
  m_thread->post([branch, step, evaluation](RecordingFile& file) {
    file.steps().writeEvaluation(branch, step, evaluation);
  });
}

void RecordingWriter::addSettings(int branch, Index firstStep,
                                  std::shared_ptr<const Experiment> experiment) {
  m_thread->post([branch, firstStep, experiment = std::move(experiment)](RecordingFile& file) {
    writeSettings(file.database(), branch, firstStep, experimentText(*experiment));
  });
}

void RecordingWriter::addBranch(const Branch& branch) {
  m_thread->post([branch](RecordingFile& file) { writeBranch(file.database(), branch); });
}

void RecordingWriter::renameBranch(int branch, std::string name) {
  m_thread->post([branch, name = std::move(name)](RecordingFile& file) {
    writeBranchName(file.database(), branch, name);
  });
}

void RecordingWriter::removeBranches(std::vector<int> branches) {
  m_thread->post([branches = std::move(branches)](RecordingFile& file) {
    for (const int branch : branches) removeBranch(file.database(), branch);
  });
}

void RecordingWriter::setActiveBranch(int branch) {
  m_thread->post([branch](RecordingFile& file) {
    writeMeta(file.database(), "active_branch", std::to_string(branch));
  });
}

void RecordingWriter::addCheckpoint(int branch,
                                    std::shared_ptr<const TrainerCheckpoint> checkpoint) {
  if (checkpoint->bytes() > largestValue) return;
  m_thread->post([branch, checkpoint = std::move(checkpoint)](RecordingFile& file) {
    writeCheckpoint(file.database(), branch, *checkpoint);
  });
}

void RecordingWriter::removeCheckpoint(int branch, Index step) {
  m_thread->post(
      [branch, step](RecordingFile& file) { removeCheckpointRow(file.database(), branch, step); });
}

RecordingWriter::Saved RecordingWriter::saved() const { return m_thread->saved(); }
void RecordingWriter::check() { m_thread->check(); }
void RecordingWriter::flush() { m_thread->flush(); }

void RecordingWriter::moveTo(std::filesystem::path path, bool keepOld) {
  m_thread->moveTo(path, keepOld);
  m_path = std::move(path);
  flush();
}

void RecordingWriter::close() { m_thread->close(); }
void RecordingWriter::discard() { m_thread->discard(); }

}  // namespace clipscope
