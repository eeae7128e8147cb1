// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/fuzz/sql_edits.h"

#include <sqlite3.h>

#include <cstring>
#include <memory>
#include <stdexcept>

namespace clipscope::fuzz {

namespace {

constexpr int mostLength = 1 << 20, mostPages = 2000, mostOperations = 300'000;

/// Nothing outside of the database, and the same bytes every time.
int allowed(void*, int action, const char* what, const char* name, const char*, const char*) {
  const std::string_view given = what ? what : "", function = name ? name : "";
  switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
      return SQLITE_DENY;
    case SQLITE_PRAGMA:
      return given == "application_id" || given == "user_version" || given == "writable_schema" ||
                     given == "ignore_check_constraints"
                 ? SQLITE_OK
                 : SQLITE_DENY;
    case SQLITE_FUNCTION:
      return function == "random" || function == "randomblob" || function == "load_extension"
                 ? SQLITE_DENY
                 : SQLITE_OK;
    default:
      return SQLITE_OK;
  }
}

int stop(void*) { return 1; }

}  // namespace

bool isDatabase(std::string_view bytes) { return bytes.starts_with("SQLite format 3"); }

std::string edited(const std::string& database, std::string_view sql) {
  sqlite3* handle = nullptr;
  sqlite3_open(":memory:", &handle);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> connection(handle, sqlite3_close);
  const auto size = static_cast<sqlite3_int64>(database.size());
  auto* bytes = static_cast<unsigned char*>(sqlite3_malloc64(database.size()));
  std::memcpy(bytes, database.data(), database.size());
  if (sqlite3_deserialize(handle, "main", bytes, size, size,
                          SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) !=
      SQLITE_OK)
    throw std::runtime_error("the small recording cannot be opened");
  sqlite3_exec(handle, ("PRAGMA max_page_count = " + std::to_string(mostPages)).c_str(), nullptr,
               nullptr, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, mostLength);
  sqlite3_set_authorizer(handle, allowed, nullptr);
  while (!sql.empty()) {
    const std::string statement(sql.substr(0, sql.find('\n')));
    sql.remove_prefix(std::min(sql.size(), statement.size() + 1));
    // Counts from the start of each statement.
    sqlite3_progress_handler(handle, mostOperations, stop, nullptr);
    sqlite3_exec(handle, statement.c_str(), nullptr, nullptr, nullptr);
  }
  sqlite3_exec(handle, "COMMIT", nullptr, nullptr, nullptr);
  sqlite3_int64 result = 0;
  unsigned char* out = sqlite3_serialize(handle, "main", &result, 0);
  std::string changed(reinterpret_cast<const char*>(out), static_cast<std::size_t>(result));
  sqlite3_free(out);
  return changed;
}

}  // namespace clipscope::fuzz
