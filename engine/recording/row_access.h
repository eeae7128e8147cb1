// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <span>
#include <string>
#include <string_view>

#include "engine/tensor/shape.h"

namespace clipscope {

/// The row that a statement has fetched, read with suspicion: a value of another type or beyond its
/// bounds is a FileError.
class Row {
 public:
  explicit Row(const SQLite::Statement& statement) : m_statement(statement) {}

  /// NaN for NULL.
  double number(int column) const;
  Index whole(int column, Index least, Index most) const;
  bool isNull(int column) const { return m_statement.isColumnNull(column); }
  /// UTF-8 of at most `most` bytes.
  std::string text(int column, std::size_t most = longestName) const;
  /// Until the next step of the statement.
  std::span<const char> blob(int column) const;

  static constexpr std::size_t longestName = 10000;

 private:
  std::string place(int column) const;
  const SQLite::Statement& m_statement;
};

bool isUtf8(std::string_view text);

}  // namespace clipscope
