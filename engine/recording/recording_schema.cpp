// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_schema.h"

#include "engine/recording/step_columns.h"

namespace clipscope {

namespace {

template <class Columns>
void declare(std::string& sql, const Columns& columns, const char* type) {
  for (const auto& column : columns) sql += ", " + std::string(column.name) + type;
}

}  // namespace

std::string recordingSchema() {
  std::string sql =
      "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
      "CREATE TABLE tensors (tensor INTEGER PRIMARY KEY, name TEXT NOT NULL, layer TEXT NOT NULL,"
      " size INTEGER NOT NULL, shape TEXT NOT NULL);"
      "CREATE TABLE classes (class INTEGER PRIMARY KEY, name TEXT NOT NULL);"
      "CREATE TABLE settings (first_step INTEGER PRIMARY KEY, experiment TEXT NOT NULL);"
      "CREATE TABLE group_names (first_step INTEGER NOT NULL, group_index INTEGER NOT NULL,"
      " name TEXT NOT NULL, PRIMARY KEY (first_step, group_index)) WITHOUT ROWID;"
      "CREATE TABLE steps (step INTEGER PRIMARY KEY";
  declare(sql, numberColumns(), " REAL");
  declare(sql, textColumns(), " TEXT");
  declare(sql, blobColumns(), " BLOB");
  return sql + ");";
}

std::string insertStep() {
  std::string sql = "INSERT INTO steps (step", marks = "?";
  const auto name = [&](const auto& columns) {
    for (const auto& column : columns) {
      sql += ", " + std::string(column.name);
      marks += ", ?";
    }
  };
  name(numberColumns());
  name(textColumns());
  name(blobColumns());
  return sql + ") VALUES (" + marks + ")";
}

}  // namespace clipscope
