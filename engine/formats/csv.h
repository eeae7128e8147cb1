// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace clipscope {

/// A CSV file as text: RFC 4180 quoting (through libcsv), a separator of its own, every row as long
/// as the first.
struct CsvTable {
  std::vector<std::string> header;  ///< empty where the file has none
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> lines;  ///< the line that each row begins on, from 1

  std::size_t columns() const { return rows.empty() ? header.size() : rows.front().size(); }
  /// "column 3" or "column 3 (radius)": for messages.
  std::string columnName(std::size_t column) const;
};

enum class CsvHeader { Automatic, Present, Absent };

/// Reads plain or .gz. Automatic takes the first row as a header when none of its cells is a number
/// and some cell below is; a header may name fewer columns than the rows have. Throws FileError
/// with the line: no rows, ragged rows, a quote that never closes, binary content, more than 2^18
/// columns or 2^26 cells.
CsvTable readCsv(const std::filesystem::path& path, CsvHeader header = CsvHeader::Automatic);

/// Without blanks at its ends.
std::string trimmed(const std::string& text);

/// A whole cell as a number ("." for the point, surrounding blanks allowed). False where it is
/// none.
bool parseNumber(const std::string& cell, double& value);

}  // namespace clipscope
