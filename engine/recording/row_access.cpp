// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/row_access.h"

#include <limits>

#include "engine/error.h"

namespace clipscope {

std::string Row::place(int column) const {
  return std::string("the column ") + m_statement.getColumnName(column) + " ";
}

double Row::number(int column) const {
  const SQLite::Column value = m_statement.getColumn(column);
  if (value.isNull()) return std::numeric_limits<double>::quiet_NaN();
  if (!value.isFloat() && !value.isInteger())
    throw FileError(place(column) + "has no number where one is due");
  return value.getDouble();
}

Index Row::whole(int column, Index least, Index most) const {
  const SQLite::Column value = m_statement.getColumn(column);
  if (!value.isInteger()) throw FileError(place(column) + "has no whole number where one is due");
  const Index number = value.getInt64();
  if (number < least || number > most)
    throw FileError(place(column) + "has " + std::to_string(number) + ", out of its range");
  return number;
}

std::string Row::text(int column, std::size_t most) const {
  const SQLite::Column value = m_statement.getColumn(column);
  if (!value.isText()) throw FileError(place(column) + "has no text where one is due");
  std::string text = value.getString();
  if (text.size() > most) throw FileError(place(column) + "has a text that is too long");
  if (!isUtf8(text)) throw FileError(place(column) + "has a text that is not UTF-8");
  return text;
}

std::span<const char> Row::blob(int column) const {
  const SQLite::Column value = m_statement.getColumn(column);
  if (!value.isBlob()) throw FileError(place(column) + "has no bytes where they are due");
  const auto* bytes = static_cast<const char*>(value.getBlob());
  return {bytes, static_cast<std::size_t>(value.getBytes())};
}

bool isUtf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto lead = static_cast<unsigned char>(text[at++]);
    if (lead < 0x80) continue;
    const std::size_t more = lead >= 0xf0 && lead <= 0xf4  ? 3
                             : lead >= 0xe0 && lead < 0xf0 ? 2
                             : lead >= 0xc2 && lead < 0xe0 ? 1
                                                           : 0;
    if (more == 0 || text.size() - at < more) return false;
    unsigned code = lead & (0x3fu >> more);
    for (std::size_t k = 0; k < more; ++k) {
      const auto next = static_cast<unsigned char>(text[at++]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3fu);
    }
    // Longer than need be, a half of a pair, or beyond the last one.
    if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10ffff)) ||
        (code >= 0xd800 && code < 0xe000))
      return false;
  }
  return true;
}

}  // namespace clipscope
