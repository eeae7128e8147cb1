// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/training/step_record.h"
#include "engine/training/step_summary.h"

namespace clipscope {

/// Writes steps. Throws SQLite::Exception.
class StepWriter {
 public:
  explicit StepWriter(SQLite::Database& database);

  /// A whole step, with its tables of examples or without. Returns the bytes of those.
  Index write(int branch, const StepRecord& record, bool examples = true);
  void writeEvaluation(int branch, Index step, const EvaluationPart& evaluation);
  /// After a transaction that failed: names that it takes for written may not be.
  void forget();

 private:
  void writeGroups(int branch, const StepRecord& record);
  Index writeBlobs(SQLite::Statement& insert, int branch, const StepRecord& record,
                   std::span<const struct BlobColumn> columns);

  SQLite::Database& m_database;
  SQLite::Statement m_step, m_details, m_batch, m_evaluation;
  std::map<int, std::vector<std::string>> m_groups;  ///< last written, by branch
  std::string m_bytes;
};

/// Reads steps. Throws SQLite::Exception, and FileError, without the path, where a step is damaged.
class StepReader {
 public:
  StepReader(SQLite::Database& database, std::shared_ptr<const RunInfo> info);

  /// Scalars of the steps after `after` up to `last`, appended: all of them, without a gap.
  void readSummaries(int branch, Index after, Index last, std::vector<StepSummary>& summaries);
  /// A step that `branch` owns. Throws FileError where it is not there.
  std::shared_ptr<const StepRecord> read(int branch, Index step);

 private:
  bool readBlobs(SQLite::Statement& query, int branch, Index step, struct StepDraft& draft,
                 std::span<const struct BlobColumn> columns);
  void readNumbers(int branch, Index step, struct StepDraft& draft);
  void readGroups(int branch, Index step, StepDraft& draft);
  void readLibrary(int branch, Index step, StepDraft& draft);
  void findRows(int branch, Index step, StepDraft& draft);

  SQLite::Database& m_database;
  std::shared_ptr<const RunInfo> m_info;
  SQLite::Statement m_scalars, m_one, m_details, m_batch, m_groups;
  std::optional<SQLite::Statement> m_library, m_rows;  ///< of a run of another library
};

/// The newest step that is there of `branch`, and the first; 0 for none.
Index newestStep(SQLite::Database& database, int branch);
Index firstStep(SQLite::Database& database, int branch);

}  // namespace clipscope
