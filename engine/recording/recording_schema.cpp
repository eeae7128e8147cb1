// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_schema.h"

#include "engine/recording/step_columns.h"

namespace clipscope {

namespace {

template <class... Columns>
std::vector<std::string> namesOf(const Columns&... columns) {
  std::vector<std::string> names;
  const auto add = [&](const auto& of) {
    for (const auto& column : of) names.emplace_back(column.name);
  };
  (add(columns), ...);
  return names;
}

std::vector<std::string> scalarNames() {
  return namesOf(numberColumns(), evaluationColumns(), textColumns());
}

template <class Columns>
std::string declared(const Columns& columns, const char* type) {
  std::string sql;
  for (const auto& column : columns) sql += ", " + std::string(column.name) + type;
  return sql;
}

std::string insertInto(const char* table, const std::vector<std::string>& names) {
  std::string sql = std::string("INSERT OR REPLACE INTO ") + table + " (branch, step";
  for (const std::string& name : names) sql += ", " + name;
  sql += ") VALUES (?, ?";
  for (std::size_t k = 0; k < names.size(); ++k) sql += ", ?";
  return sql + ")";
}

std::string select(const std::vector<std::string>& names) {
  std::string sql = "SELECT ";
  for (std::size_t k = 0; k < names.size(); ++k) sql += (k == 0 ? "" : ", ") + names[k];
  return sql + " ";
}

std::string blobTable(const char* name, std::span<const BlobColumn> columns) {
  return "CREATE TABLE " + std::string(name) +
         " (id INTEGER PRIMARY KEY, branch INTEGER NOT NULL, step INTEGER NOT NULL" +
         declared(columns, " BLOB NOT NULL") + ")";
}

std::vector<SchemaObject> makeSchema() {
  return {
      {"meta", "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"},
      {"tensors",
       "CREATE TABLE tensors (tensor INTEGER PRIMARY KEY, name TEXT NOT NULL, layer TEXT NOT NULL,"
       " size INTEGER NOT NULL, shape TEXT NOT NULL)"},
      {"layers", "CREATE TABLE layers (layer INTEGER PRIMARY KEY, name TEXT NOT NULL)"},
      {"classes", "CREATE TABLE classes (class INTEGER PRIMARY KEY, name TEXT NOT NULL)"},
      {"branches",
       "CREATE TABLE branches (branch INTEGER PRIMARY KEY, parent INTEGER, fork_step INTEGER NOT "
       "NULL, name TEXT NOT NULL)"},
      {"settings",
       "CREATE TABLE settings (branch INTEGER NOT NULL, first_step INTEGER NOT NULL, experiment "
       "TEXT NOT NULL, PRIMARY KEY (branch, first_step)) WITHOUT ROWID"},
      {"group_names",
       "CREATE TABLE group_names (branch INTEGER NOT NULL, first_step INTEGER NOT NULL, "
       "group_index INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (branch, first_step, "
       "group_index)) WITHOUT ROWID"},
      // Narrow, so that every step's numbers are read in one go.
      {"steps", "CREATE TABLE steps (branch INTEGER NOT NULL, step INTEGER NOT NULL" +
                    declared(numberColumns(), " REAL") + declared(evaluationColumns(), " REAL") +
                    declared(textColumns(), " TEXT NOT NULL") +
                    ", PRIMARY KEY (branch, step)) WITHOUT ROWID"},
      {"details", blobTable("details", detailColumns())},
      {"details_by_step", "CREATE UNIQUE INDEX details_by_step ON details (branch, step)"},
      {"batches", blobTable("batches", batchColumns())},
      {"batches_by_step", "CREATE UNIQUE INDEX batches_by_step ON batches (branch, step)"},
      {"checkpoints",
       "CREATE TABLE checkpoints (id INTEGER PRIMARY KEY, branch INTEGER NOT NULL, step INTEGER "
       "NOT NULL, experiment TEXT NOT NULL, parameters BLOB NOT NULL, optimizer_steps INTEGER NOT "
       "NULL, optimizer_sizes BLOB NOT NULL, optimizer_buffers BLOB NOT NULL, accounted BLOB NOT "
       "NULL, medians BLOB NOT NULL, thresholds BLOB NOT NULL, shuffle_step INTEGER NOT NULL, "
       "shuffle_epoch INTEGER NOT NULL, epoch_sigma REAL, accounted_sampling TEXT NOT "
       "NULL, private_denominator INTEGER NOT NULL)"},
      {"checkpoints_by_step",
       "CREATE UNIQUE INDEX checkpoints_by_step ON checkpoints (branch, step)"},
      {"library_steps",
       "CREATE TABLE library_steps (branch INTEGER NOT NULL, step INTEGER NOT NULL, physical BLOB "
       "NOT NULL, reduced_signal REAL, reduced_tensor_signal BLOB NOT NULL, PRIMARY KEY (branch, "
       "step)) WITHOUT ROWID",
       3},
  };
}

}  // namespace

const std::vector<SchemaObject>& recordingSchema() {
  static const std::vector<SchemaObject> schema = makeSchema();
  return schema;
}

std::string insertStep() { return insertInto("steps", scalarNames()); }
std::string insertDetails() { return insertInto("details", namesOf(detailColumns())); }
std::string insertBatch() { return insertInto("batches", namesOf(batchColumns())); }
std::string selectScalars() { return select(scalarNames()); }
std::string selectDetails() { return select(namesOf(detailColumns())); }
std::string selectBatch() { return select(namesOf(batchColumns())); }

}  // namespace clipscope
