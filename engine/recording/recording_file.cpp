// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "engine/error.h"
#include "engine/recording/recording_database.h"
#include "engine/recording/run_rows.h"
#include "engine/recording/step_columns.h"

namespace clipscope {

namespace {

/// Runs `work`; SQLite's errors come out as ours.
template <class Work>
auto translated(Work&& work) {
  try {
    return work();
  } catch (const SQLite::Exception& exception) {
    throw FileError(reasonOf(exception));
  }
}

std::string systemReason() { return std::strerror(errno); }

void removeFiles(const std::filesystem::path& path) {
  std::error_code error;
  for (const char* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(path.string() + suffix, error);
}

/// Takes the name, so that no one else's file can be written over. Throws FileError.
void reserve(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    if (errno == EEXIST) throw FileError("exists already; name a new file for the recording");
    throw FileError("the recording cannot be made: " + systemReason() + "; choose another folder");
  }
  close(descriptor);
}

}  // namespace

RecordingFile::RecordingFile(std::filesystem::path path, std::unique_ptr<SQLite::Database> database)
    : m_path(std::move(path)),
      m_database(std::move(database)),
      m_steps(std::make_unique<StepWriter>(*m_database)) {
  struct stat status {};
  if (stat(m_path.c_str(), &status) != 0) throw FileError("cannot be found: " + systemReason());
  m_device = status.st_dev;
  m_inode = status.st_ino;
}

RecordingFile::~RecordingFile() = default;

std::unique_ptr<RecordingFile> RecordingFile::make(
    const std::filesystem::path& path, const std::function<void(SQLite::Database&)>& describe,
    const std::filesystem::path& like) {
  reserve(path);
  try {
    return translated([&] {
      return std::unique_ptr<RecordingFile>(
          new RecordingFile(path, createRecording(path, describe, like)));
    });
  } catch (...) {
    removeFiles(path);
    throw;
  }
}

std::unique_ptr<RecordingFile> RecordingFile::create(const std::filesystem::path& path,
                                                     const std::map<std::string, std::string>& meta,
                                                     const RunInfo& info,
                                                     const Experiment& experiment) {
  return make(path, [&](SQLite::Database& database) {
    for (const auto& [key, value] : meta) writeMeta(database, key, value);
    writeRunInfo(database, info);
    writeMeta(database, "active_branch", "0");
    writeBranch(database, BranchTree(std::make_shared<const Experiment>(experiment)).at(0));
  });
}

std::unique_ptr<RecordingFile> RecordingFile::createLike(const std::filesystem::path& path,
                                                         const std::filesystem::path& other) {
  // Refuses what is no recording, before it is part of a connection that writes.
  translated([&] { ReadConnection checked(other); });
  return make(path, copyDescription, other);
}

std::unique_ptr<RecordingFile> RecordingFile::append(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) throw FileError("there is no such file");
  return translated([&] {
    auto database = openRecordingForWriting(path);
    // Whether it can be written is known now, not at the first step.
    database->exec("BEGIN IMMEDIATE");
    database->exec("ROLLBACK");
    return std::unique_ptr<RecordingFile>(new RecordingFile(path, std::move(database)));
  });
}

bool RecordingFile::isAtItsPlace() const {
  struct stat status {};
  return stat(m_path.c_str(), &status) == 0 && status.st_dev == m_device &&
         status.st_ino == m_inode;
}

void RecordingFile::verify() const {
  std::error_code error;
  if (!std::filesystem::exists(m_path, error))
    throw FileError("the file was deleted while it was written; save the run in a new place");
  if (!isAtItsPlace())
    throw FileError("another file was put in its place; save the run in a new place");
  // The open file could still be written, but whoever made it read-only does not want that.
  if (euidaccess(m_path.c_str(), W_OK) != 0)
    throw FileError(
        "the file was made read-only; make it writable again, or save the run in a new place");
}

void RecordingFile::commit(std::span<const Write> writes) {
  verify();
  const Index batchBytes = m_batchBytes;
  try {
    m_database->exec("BEGIN IMMEDIATE");
    for (const Write& write : writes) write(*this);
    m_database->exec("COMMIT");
  } catch (const std::exception& exception) {
    m_steps->forget();
    m_batchBytes = batchBytes;
    // Some errors have rolled it back already.
    m_database->tryExec("ROLLBACK");
    if (const auto* ours = dynamic_cast<const SQLite::Exception*>(&exception))
      throw FileError(reasonOf(*ours));
    throw;
  }
  // What went into a file that is no longer there is not saved.
  verify();
}

std::unique_ptr<RecordingFile> RecordingFile::copyTo(const std::filesystem::path& path) {
  reserve(path);
  std::string temporary = path.string() + ".XXXXXX";
  const int descriptor = mkstemp(temporary.data());
  try {
    if (descriptor < 0) throw FileError("cannot be written: " + systemReason());
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(descriptor, 0666 & ~mask);
    ::close(descriptor);
    return translated([&] {
      {
        SQLite::Database copy(temporary, SQLite::OPEN_READWRITE);
        sqlite3_backup* backup =
            sqlite3_backup_init(copy.getHandle(), "main", m_database->getHandle(), "main");
        if (backup == nullptr) throw SQLite::Exception(copy.getHandle());
        sqlite3_backup_step(backup, -1);
        const int result = sqlite3_backup_finish(backup);
        if (result != SQLITE_OK) throw SQLite::Exception(copy.getHandle(), result);
      }
      if (::rename(temporary.c_str(), path.c_str()) != 0)
        throw FileError("cannot be put in place: " + systemReason());
      return std::unique_ptr<RecordingFile>(new RecordingFile(path, openRecordingForWriting(path)));
    });
  } catch (...) {
    removeFiles(temporary);
    removeFiles(path);
    throw;
  }
}

void RecordingFile::makeOneFile() {
  translated([&] {
    // A follower looks for a moment; one that stays is not waited for.
    constexpr int patienceMilliseconds = 300;
    m_database->setBusyTimeout(patienceMilliseconds);
    try {
      m_database->exec("PRAGMA wal_checkpoint(TRUNCATE)");
      m_database->exec("PRAGMA journal_mode = DELETE");
    } catch (const SQLite::Exception& exception) {
      // Someone reads it: the log, which is empty, stays.
      if (exception.getErrorCode() != SQLITE_BUSY && exception.getErrorCode() != SQLITE_LOCKED)
        throw;
    }
  });
}

void RecordingFile::rename(const std::filesystem::path& path) {
  reserve(path);
  if (::rename(m_path.c_str(), path.c_str()) != 0) {
    const std::string why = systemReason();
    removeFiles(path);
    throw FileError("cannot be put in place: " + why);
  }
  m_path = path;
}

void RecordingFile::discard(std::unique_ptr<RecordingFile> file) {
  const bool ours = file->isAtItsPlace();
  const std::filesystem::path path = file->path();
  file->m_steps.reset();
  file->m_database.reset();
  if (ours) removeFiles(path);
}

void RecordingFile::writeStep(int branch, const StepRecord& record, const RecordingLimits& limits) {
  if (limits.batchBytes > 0 && m_batchBytes < 0) m_batchBytes = storedBatchBytes();
  const Index bytes = m_steps->write(branch, record, limits.examples);
  if (limits.batchBytes <= 0) return;
  m_batchBytes += bytes;
  dropOldestBatches(limits.batchBytes);
}

Index RecordingFile::storedBatchBytes() {
  std::string sql = "SELECT total(0";
  for (const BlobColumn& column : batchColumns())
    sql += " + length(" + std::string(column.name) + ")";
  SQLite::Statement query(*m_database, sql + ") FROM batches");
  query.executeStep();
  return static_cast<Index>(query.getColumn(0).getDouble());
}

void RecordingFile::dropOldestBatches(Index limit) {
  std::string sql = "SELECT id, 0";
  for (const BlobColumn& column : batchColumns())
    sql += " + length(" + std::string(column.name) + ")";
  while (m_batchBytes > limit) {
    SQLite::Statement oldest(*m_database, sql + " FROM batches ORDER BY id LIMIT 1");
    if (!oldest.executeStep()) return;
    SQLite::Statement remove(*m_database, "DELETE FROM batches WHERE id = ?");
    remove.bind(1, oldest.getColumn(0).getInt64());
    m_batchBytes -= oldest.getColumn(1).getInt64();
    oldest.reset();
    remove.exec();
  }
}

std::map<std::string, std::string> RecordingFile::meta() {
  return translated([&] { return readMeta(*m_database); });
}

Index RecordingFile::stepCount() {
  return translated([&] {
    SQLite::Statement query(*m_database, "SELECT count(*) FROM details");
    query.executeStep();
    return query.getColumn(0).getInt64();
  });
}

RecordingWriter::Saved RecordingFile::newest() {
  return translated([&] {
    RecordingWriter::Saved newest;
    newest.branch = static_cast<int>(metaNumber(readMeta(*m_database), "active_branch"));
    newest.step = newestStep(*m_database, newest.branch);
    return newest;
  });
}

}  // namespace clipscope
