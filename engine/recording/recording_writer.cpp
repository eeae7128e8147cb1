// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_writer.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "engine/error.h"
#include "engine/recording/recording_schema.h"
#include "engine/recording/step_columns.h"

namespace clipscope {

namespace {

constexpr auto commitEvery = std::chrono::milliseconds(100);
/// A transaction is closed by its size as well, so that the log stays small.
constexpr std::size_t commitSteps = 64;

FileError failure(const std::filesystem::path& path, const std::string& why, Index saved) {
  return FileError(path.string() + ": the recording cannot be written: " + why + "; " +
                   (saved > 0 ? "steps through " + std::to_string(saved) + " are saved"
                              : std::string("no step was saved")));
}

void setMeta(SQLite::Database& database, const std::string& key, const std::string& value) {
  SQLite::Statement insert(database, "INSERT INTO meta (key, value) VALUES (?, ?)");
  insert.bind(1, key);
  insert.bind(2, value);
  insert.exec();
}

void describeRun(SQLite::Database& database, const RunInfo& info) {
  SQLite::Statement tensor(
      database, "INSERT INTO tensors (tensor, name, layer, size, shape) VALUES (?, ?, ?, ?, ?)");
  for (std::size_t t = 0; t < info.tensors.size(); ++t) {
    nlohmann::json shape = nlohmann::json::array();
    for (const Index extent : info.shapes[t].extents()) shape.push_back(extent);
    tensor.bind(1, static_cast<std::int64_t>(t));
    tensor.bind(2, info.tensors[t]);
    tensor.bind(3, info.layers[t]);
    tensor.bind(4, static_cast<std::int64_t>(info.sizes[t]));
    tensor.bind(5, shape.dump());
    tensor.exec();
    tensor.reset();
  }
  SQLite::Statement name(database, "INSERT INTO classes (class, name) VALUES (?, ?)");
  for (std::size_t c = 0; c < info.classNames.size(); ++c) {
    name.bind(1, static_cast<std::int64_t>(c));
    name.bind(2, info.classNames[c]);
    name.exec();
    name.reset();
  }
}

struct SettingsRow {
  Index firstStep;
  std::string json;
};

}  // namespace

/// Owns the database and the queue. Only the thread touches the database after the start.
class RecordingWriter::Thread {
 public:
  Thread(std::filesystem::path path, const std::map<std::string, std::string>& meta,
         const RunInfo& info, const Experiment& experiment)
      : m_path(std::move(path)), m_database(open(m_path)) {
    SQLite::Transaction transaction(m_database);
    m_database.exec(recordingSchema());
    for (const auto& [key, value] : meta) setMeta(m_database, key, value);
    describeRun(m_database, info);
    writeSettings({1, toJson(experiment).dump()});
    transaction.commit();
    m_insert.emplace(m_database, insertStep());
    m_worker = std::thread([this] { run(); });
  }

  ~Thread() {
    if (m_worker.joinable()) finish();
  }

  template <class Item>
  void post(Item item) {
    std::unique_lock lock(m_mutex);
    m_room.wait(lock, [&] { return m_queue.size() < queueLength || !m_failure.empty(); });
    if (!m_failure.empty()) throw clipscope::failure(m_path, m_failure, m_saved);
    m_queue.emplace_back(std::move(item));
    m_work.notify_one();
  }

  Index saved() const {
    const std::lock_guard lock(m_mutex);
    return m_saved;
  }

  void finish() {
    {
      const std::lock_guard lock(m_mutex);
      m_ending = true;
      m_work.notify_one();
    }
    m_worker.join();
  }

  void close() {
    if (!m_worker.joinable()) return;
    finish();
    if (!m_failure.empty()) throw clipscope::failure(m_path, m_failure, m_saved);
    try {
      m_insert.reset();
      m_database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      m_database.exec("PRAGMA journal_mode = DELETE");
    } catch (const SQLite::Exception& error) {
      // Someone reads it: the log goes when the last reader does.
      if (error.getErrorCode() == SQLITE_BUSY) return;
      throw clipscope::failure(m_path, error.what(), m_saved);
    }
  }

 private:
  using Record = std::shared_ptr<const StepRecord>;
  struct Item {
    explicit Item(Record r) : record(std::move(r)) {}
    explicit Item(SettingsRow s) : settings(std::move(s)) {}
    Record record;
    std::optional<SettingsRow> settings;
  };

  static SQLite::Database open(const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::exists(path, error))
      throw FileError(path.string() + ": exists already; name a new file for the recording");
    try {
      SQLite::Database database(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
      database.exec("PRAGMA application_id = " + std::to_string(recordingApplicationId));
      database.exec("PRAGMA user_version = " + std::to_string(recordingVersion));
      database.exec("PRAGMA journal_mode = WAL");
      // A killed program loses nothing of a commit; only a machine that loses power may.
      database.exec("PRAGMA synchronous = NORMAL");
      return database;
    } catch (const SQLite::Exception& exception) {
      throw FileError(path.string() + ": the recording cannot be made: " + exception.what());
    }
  }

  void writeSettings(const SettingsRow& row) {
    SQLite::Statement insert(m_database,
                             "INSERT OR REPLACE INTO settings (first_step, experiment) "
                             "VALUES (?, ?)");
    insert.bind(1, static_cast<std::int64_t>(row.firstStep));
    insert.bind(2, row.json);
    insert.exec();
  }

  void writeGroups(const StepRecord& record) {
    std::vector<std::string> names;
    for (const GroupResult& group : record.clip->groups) names.push_back(group.name);
    if (names == m_groups) return;
    m_groups = std::move(names);
    SQLite::Statement insert(
        m_database, "INSERT INTO group_names (first_step, group_index, name) VALUES (?, ?, ?)");
    for (std::size_t k = 0; k < m_groups.size(); ++k) {
      insert.bind(1, static_cast<std::int64_t>(record.step));
      insert.bind(2, static_cast<std::int64_t>(k));
      insert.bind(3, m_groups[k]);
      insert.exec();
      insert.reset();
    }
  }

  void writeStep(const StepRecord& record) {
    writeGroups(record);
    SQLite::Statement& insert = *m_insert;
    int at = 0;
    insert.bind(++at, static_cast<std::int64_t>(record.step));
    for (const NumberColumn& column : numberColumns()) {
      const double value = column.value(record);
      std::isnan(value) ? insert.bind(++at) : insert.bind(++at, value);
    }
    for (const TextColumn& column : textColumns()) insert.bind(++at, column.value(record));
    for (const BlobColumn& column : blobColumns()) {
      const std::string bytes = column.value(record);
      insert.bind(++at, bytes.data(), static_cast<int>(bytes.size()));
    }
    insert.exec();
    insert.reset();
  }

  void write(std::deque<Item>& items) {
    SQLite::Transaction transaction(m_database);
    Index last = 0;
    for (const Item& item : items) {
      if (item.settings) writeSettings(*item.settings);
      if (!item.record) continue;
      writeStep(*item.record);
      last = item.record->step;
    }
    transaction.commit();
    const std::lock_guard lock(m_mutex);
    if (last > 0) m_saved = last;
  }

  void run() {
    std::deque<Item> items;
    for (;;) {
      bool ending = false;
      {
        std::unique_lock lock(m_mutex);
        m_work.wait(lock, [&] { return m_ending || !m_queue.empty(); });
        // What comes within the time of a commit goes with it.
        if (!m_ending)
          m_work.wait_for(lock, commitEvery / 2,
                          [&] { return m_ending || m_queue.size() >= commitSteps / 2; });
        items.swap(m_queue);
        ending = m_ending;
        m_room.notify_all();
      }
      try {
        if (!items.empty()) write(items);
      } catch (const std::exception& error) {
        const std::lock_guard lock(m_mutex);
        m_failure = error.what();
        m_room.notify_all();
        return;
      }
      items.clear();
      const std::lock_guard lock(m_mutex);
      if (ending && m_queue.empty()) return;
    }
  }

  std::filesystem::path m_path;
  SQLite::Database m_database;
  std::optional<SQLite::Statement> m_insert;
  std::vector<std::string> m_groups;

  mutable std::mutex m_mutex;
  std::condition_variable m_work, m_room;
  std::deque<Item> m_queue;
  std::string m_failure;
  Index m_saved = 0;
  bool m_ending = false;
  std::thread m_worker;
};

RecordingWriter::RecordingWriter(std::filesystem::path path,
                                 const std::map<std::string, std::string>& meta,
                                 const RunInfo& info, const Experiment& experiment)
    : m_path(path) {
  try {
    m_thread = std::make_unique<Thread>(std::move(path), meta, info, experiment);
  } catch (const SQLite::Exception& error) {
    throw failure(m_path, error.what(), 0);
  }
}

RecordingWriter::~RecordingWriter() {
  try {
    close();
  } catch (const std::exception&) {
  }
}

void RecordingWriter::add(std::shared_ptr<const StepRecord> record) {
  m_thread->post(std::move(record));
}

void RecordingWriter::addSettings(Index firstStep, const Experiment& experiment) {
  m_thread->post(SettingsRow{firstStep, toJson(experiment).dump()});
}

Index RecordingWriter::savedThrough() const { return m_thread->saved(); }

void RecordingWriter::close() { m_thread->close(); }

}  // namespace clipscope
