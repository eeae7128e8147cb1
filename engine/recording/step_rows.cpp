// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/step_rows.h"

#include <cmath>

#include "engine/error.h"
#include "engine/recording/blob.h"
#include "engine/recording/recording_schema.h"
#include "engine/recording/row_access.h"
#include "engine/recording/step_columns.h"

namespace clipscope {

namespace {

void bindNumber(SQLite::Statement& statement, int at, double value) {
  std::isnan(value) ? statement.bind(at) : statement.bind(at, value);
}

void bindPlace(SQLite::Statement& statement, int at, int branch, Index step) {
  statement.bind(at, branch);
  statement.bind(at + 1, static_cast<std::int64_t>(step));
}

std::string updateEvaluation() {
  std::string sql = "UPDATE steps SET ";
  for (const NumberColumn& column : evaluationColumns())
    sql += (sql.ends_with(' ') ? "" : ", ") + std::string(column.name) + " = ?";
  return sql + " WHERE branch = ? AND step = ?";
}

/// Numbers and texts of the row into the draft; its batch size is one that a step can have.
void readScalars(const Row& row, StepDraft& draft) {
  int at = 0;
  for (const NumberColumn& column : numberColumns()) column.set(draft, row.number(at++));
  for (const NumberColumn& column : evaluationColumns()) column.set(draft, row.number(at++));
  for (const TextColumn& column : textColumns()) column.set(draft, row.text(at++));
  if (draft.batchSize < 0 || draft.batchSize > draft.info->datasetSize)
    throw FileError("it has a batch of " + std::to_string(draft.batchSize) + " examples");
  draft.rows = draft.batchSize;
  if (draft.clip->worstExample < -1 || draft.clip->worstExample >= draft.batchSize)
    throw FileError("its largest contribution is of no example");
}

/// Gives the rows of a statement back, also where one was refused: it is used again for the next
/// step.
class RowsOf {
 public:
  explicit RowsOf(SQLite::Statement& statement) : m_statement(statement) {}
  ~RowsOf() { m_statement.tryReset(); }
  RowsOf(const RowsOf&) = delete;
  RowsOf& operator=(const RowsOf&) = delete;

 private:
  SQLite::Statement& m_statement;
};

/// Runs `read`; what it throws says which step it was.
template <class Read>
void ofStep(int branch, Index step, Read&& read) {
  try {
    read();
  } catch (const FileError& error) {
    throw FileError("step " + std::to_string(step) + " of branch " + std::to_string(branch) +
                    " cannot be read: " + error.what() + "; it is damaged");
  }
}

Index extremeStep(SQLite::Database& database, const char* sql, int branch) {
  SQLite::Statement query(database, sql);
  query.bind(1, branch);
  if (!query.executeStep() || query.isColumnNull(0)) return 0;
  return Row(query).whole(0, 1, Index{1} << 48);
}

}  // namespace

StepWriter::StepWriter(SQLite::Database& database)
    : m_database(database),
      m_step(database, insertStep()),
      m_details(database, insertDetails()),
      m_batch(database, insertBatch()),
      m_evaluation(database, updateEvaluation()) {}

Index StepWriter::write(int branch, const StepRecord& record, bool examples) {
  writeGroups(branch, record);
  bindPlace(m_step, 1, branch, record.step);
  int at = 2;
  for (const NumberColumn& column : numberColumns()) bindNumber(m_step, ++at, column.value(record));
  for (const NumberColumn& column : evaluationColumns())
    bindNumber(m_step, ++at, column.value(record));
  for (const TextColumn& column : textColumns()) m_step.bind(++at, column.value(record));
  m_step.exec();
  m_step.reset();
  writeBlobs(m_details, branch, record, detailColumns());
  return examples ? writeBlobs(m_batch, branch, record, batchColumns()) : 0;
}

Index StepWriter::writeBlobs(SQLite::Statement& insert, int branch, const StepRecord& record,
                             std::span<const BlobColumn> columns) {
  // One after another in one buffer, which must not move once it is bound.
  m_bytes.clear();
  std::vector<std::size_t> ends;
  for (const BlobColumn& column : columns) {
    column.append(record, m_bytes);
    ends.push_back(m_bytes.size());
  }
  bindPlace(insert, 1, branch, record.step);
  std::size_t from = 0;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    insert.bindNoCopy(static_cast<int>(k) + 3, m_bytes.data() + from,
                      static_cast<int>(ends[k] - from));
    from = ends[k];
  }
  insert.exec();
  insert.reset();
  return static_cast<Index>(m_bytes.size());
}

void StepWriter::writeGroups(int branch, const StepRecord& record) {
  std::vector<std::string> names;
  for (const GroupResult& group : record.clip->groups) names.push_back(group.name);
  std::vector<std::string>& written = m_groups[branch];
  if (names == written) return;
  SQLite::Statement remove(m_database,
                           "DELETE FROM group_names WHERE branch = ? AND first_step = ?");
  bindPlace(remove, 1, branch, record.step);
  remove.exec();
  SQLite::Statement insert(m_database,
                           "INSERT INTO group_names (branch, first_step, group_index, name) "
                           "VALUES (?, ?, ?, ?)");
  for (std::size_t k = 0; k < names.size(); ++k) {
    bindPlace(insert, 1, branch, record.step);
    insert.bind(3, static_cast<std::int64_t>(k));
    insert.bind(4, names[k]);
    insert.exec();
    insert.reset();
  }
  written = std::move(names);
}

void StepWriter::forget() {
  m_groups.clear();
  for (SQLite::Statement* statement : {&m_step, &m_details, &m_batch, &m_evaluation})
    statement->tryReset();
}

void StepWriter::writeEvaluation(int branch, Index step, const EvaluationPart& evaluation) {
  StepRecord record;
  record.evaluation = std::make_shared<EvaluationPart>(evaluation);
  int at = 0;
  for (const NumberColumn& column : evaluationColumns())
    bindNumber(m_evaluation, ++at, column.value(record));
  bindPlace(m_evaluation, at + 1, branch, step);
  m_evaluation.exec();
  m_evaluation.reset();
}

StepReader::StepReader(SQLite::Database& database, std::shared_ptr<const RunInfo> info)
    : m_database(database),
      m_info(std::move(info)),
      m_scalars(database, selectScalars() +
                              ", step FROM steps WHERE branch = ? AND step > ? AND "
                              "step <= ? ORDER BY step"),
      m_one(database, selectScalars() + "FROM steps WHERE branch = ? AND step = ?"),
      m_details(database, selectDetails() + "FROM details WHERE branch = ? AND step = ?"),
      m_batch(database, selectBatch() + "FROM batches WHERE branch = ? AND step = ?"),
      m_groups(database,
               "SELECT group_index, name FROM group_names WHERE branch = ?1 AND first_step = "
               "(SELECT max(first_step) FROM group_names WHERE branch = ?1 AND first_step <= ?2) "
               "ORDER BY group_index") {
  if (!m_info->library) return;
  m_library.emplace(database,
                    "SELECT physical, reduced_signal, reduced_tensor_signal FROM library_steps "
                    "WHERE branch = ? AND step = ?");
  m_rows.emplace(database, "SELECT length(examples) FROM batches WHERE branch = ? AND step = ?");
}

void StepReader::readSummaries(int branch, Index after, Index last,
                               std::vector<StepSummary>& summaries) {
  const RowsOf rows(m_scalars);
  bindPlace(m_scalars, 1, branch, after);
  m_scalars.bind(3, static_cast<std::int64_t>(last));
  StepDraft draft(m_info);
  const int stepColumn =
      static_cast<int>(numberColumns().size() + evaluationColumns().size() + textColumns().size());
  Index step = after;
  while (m_scalars.executeStep()) {
    const Row row(m_scalars);
    ++step;
    ofStep(branch, step, [&] {
      if (row.whole(stepColumn, 1, last) != step) throw FileError("it is missing");
      readScalars(row, draft);
    });
    draft.step = step;
    summaries.push_back(summaryOf(*draft.record()));
    summaries.back().batchSize = draft.batchSize;
  }
  if (step != last) ofStep(branch, step + 1, [] { throw FileError("it is missing"); });
}

std::shared_ptr<const StepRecord> StepReader::read(int branch, Index step) {
  // All of it of one commit.
  SQLite::Transaction look(m_database);
  StepDraft draft(m_info);
  draft.step = step;
  ofStep(branch, step, [&] {
    readNumbers(branch, step, draft);
    readGroups(branch, step, draft);
    if (m_library) readLibrary(branch, step, draft);
    if (m_rows) findRows(branch, step, draft);
    if (!readBlobs(m_details, branch, step, draft, detailColumns()))
      throw FileError("its details are missing");
    const bool tables = readBlobs(m_batch, branch, step, draft, batchColumns());
    if (draft.clip->worstExample >= draft.rows && tables)
      throw FileError("its largest contribution is of no example");
    draft.finish(tables);
  });
  return draft.record();
}

void StepReader::readNumbers(int branch, Index step, StepDraft& draft) {
  const RowsOf rows(m_one);
  bindPlace(m_one, 1, branch, step);
  if (!m_one.executeStep()) throw FileError("it is missing");
  readScalars(Row(m_one), draft);
}

void StepReader::readGroups(int branch, Index step, StepDraft& draft) {
  const RowsOf rows(m_groups);
  bindPlace(m_groups, 1, branch, step);
  while (m_groups.executeStep()) {
    const Row row(m_groups);
    const auto due = static_cast<Index>(draft.clip->groups.size());
    row.whole(0, due, due);
    // A group has a tensor of its own.
    if (draft.clip->groups.size() == m_info->tensors.size())
      throw FileError("it has more groups than tensors");
    draft.clip->groups.emplace_back().name = row.text(1);
  }
  if (draft.clip->groups.empty()) throw FileError("the names of its groups are missing");
}

void StepReader::readLibrary(int branch, Index step, StepDraft& draft) {
  const RowsOf rows(*m_library);
  bindPlace(*m_library, 1, branch, step);
  if (!m_library->executeStep()) throw FileError("what its library did is missing");
  const Row row(*m_library);
  draft.library = std::make_shared<LibraryPart>();
  LibraryPart& part = *draft.library;
  const std::span<const char> sizes = row.blob(0);
  const std::span<const char> reduced = row.blob(2);
  if (sizes.size() % sizeof(std::int32_t) != 0 ||
      (!reduced.empty() && reduced.size() != m_info->tensors.size() * sizeof(double)))
    throw FileError("what its library did has another size than it should");
  readBlob<std::int32_t>(sizes, part.physicalBatches);
  for (const Index size : part.physicalBatches)
    if (size < 0) throw FileError("it has a physical batch of " + std::to_string(size));
  part.reducedSignal = row.number(1);
  readBlob<double>(reduced, part.reducedTensorSignal);
}

/// A recorder may leave examples of a batch out: the tables say how many there are.
void StepReader::findRows(int branch, Index step, StepDraft& draft) {
  const RowsOf rows(*m_rows);
  bindPlace(*m_rows, 1, branch, step);
  if (!m_rows->executeStep()) return;
  const Index bytes = Row(*m_rows).whole(0, 0, Index{1} << 40);
  const Index count = bytes / static_cast<Index>(sizeof(std::int32_t));
  if (count > draft.batchSize)
    throw FileError("it has tables of " + std::to_string(count) + " examples, of " +
                    std::to_string(draft.batchSize) + " drawn");
  draft.rows = count;
}

bool StepReader::readBlobs(SQLite::Statement& query, int branch, Index step, StepDraft& draft,
                           std::span<const BlobColumn> columns) {
  const RowsOf rows(query);
  bindPlace(query, 1, branch, step);
  if (!query.executeStep()) return false;
  const Row row(query);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const BlobColumn& column = columns[k];
    const std::span<const char> bytes = row.blob(static_cast<int>(k));
    const std::size_t due = blobValues(draft, column.extent) * column.valueBytes;
    const bool none = bytes.empty() && column.extent == BlobExtent::Adaptive;
    if (bytes.size() != due && !none)
      throw FileError("its " + std::string(column.name) + " have " + std::to_string(bytes.size()) +
                      " bytes, not " + std::to_string(due));
    column.set(draft, bytes);
  }
  return true;
}

Index newestStep(SQLite::Database& database, int branch) {
  return extremeStep(database, "SELECT max(step) FROM steps WHERE branch = ?", branch);
}

Index firstStep(SQLite::Database& database, int branch) {
  return extremeStep(database, "SELECT min(step) FROM steps WHERE branch = ?", branch);
}

}  // namespace clipscope
