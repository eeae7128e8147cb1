// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sqlite3.h>

#include <QtGlobal>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace clipscope::test {

/// A plain connection to a database, with nothing of the product's.
class PlainSqlite {
 public:
  explicit PlainSqlite(const std::filesystem::path& path, int flags = SQLITE_OPEN_READONLY) {
    if (sqlite3_open_v2(path.c_str(), &m_handle, flags, nullptr) != SQLITE_OK)
      qFatal("cannot open %s", path.c_str());
  }
  ~PlainSqlite() { sqlite3_close(m_handle); }
  PlainSqlite(const PlainSqlite&) = delete;
  PlainSqlite& operator=(const PlainSqlite&) = delete;

  /// One value as a number (NaN for NULL and for no row), as text or as bytes.
  double number(const std::string& sql) {
    double value = std::nan("");
    query(sql, [&](sqlite3_stmt* row) {
      if (sqlite3_column_type(row, 0) != SQLITE_NULL) value = sqlite3_column_double(row, 0);
    });
    return value;
  }
  std::string bytes(const std::string& sql) {
    std::string value;
    query(sql, [&](sqlite3_stmt* row) {
      value.assign(static_cast<const char*>(sqlite3_column_blob(row, 0)),
                   static_cast<std::size_t>(sqlite3_column_bytes(row, 0)));
    });
    return value;
  }
  void run(const std::string& sql) {
    if (sqlite3_exec(m_handle, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      qFatal("%s: %s", sql.c_str(), sqlite3_errmsg(m_handle));
  }

 private:
  template <class Read>
  void query(const std::string& sql, Read&& read) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(m_handle, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      qFatal("%s: %s", sql.c_str(), sqlite3_errmsg(m_handle));
    if (sqlite3_step(statement) == SQLITE_ROW) read(statement);
    sqlite3_finalize(statement);
  }
  sqlite3* m_handle = nullptr;
};

template <class T>
std::vector<T> unpack(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

}  // namespace clipscope::test
