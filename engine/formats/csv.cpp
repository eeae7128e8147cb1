// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/csv.h"

#include <csv.h>
#include <fast_float/fast_float.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/error.h"
#include "engine/formats/byte_source.h"

namespace clipscope {

namespace {

/// A table lies in memory as text, at many times the size of cells that hold next to nothing: a .gz
/// of a few kilobytes could hold billions of them.
constexpr std::size_t mostColumns = std::size_t{1} << 18, mostCells = std::size_t{1} << 26;

struct Reading {
  CsvTable table;
  std::vector<std::string> row;
  std::size_t cells = 0;
  std::size_t line = 1;
  std::size_t rowLine = 1;
  bool rowHasText = false;

  bool isFull() const { return cells > mostCells; }
};

void onCell(void* cell, std::size_t size, void* data) {
  auto& reading = *static_cast<Reading*>(data);
  ++reading.cells;
  if (reading.isFull() || reading.row.size() > mostColumns) return;
  reading.row.emplace_back(static_cast<const char*>(cell), size);
  reading.rowHasText = reading.rowHasText || size > 0;
}

void onRow(int, void* data) {
  auto& reading = *static_cast<Reading*>(data);
  // A blank line is no row.
  if (!reading.isFull() && (reading.rowHasText || reading.row.size() > 1)) {
    reading.table.rows.push_back(std::move(reading.row));
    reading.table.lines.push_back(reading.rowLine);
  }
  reading.row.clear();
  reading.rowHasText = false;
}

/// The separator that the first row uses most; what stands in quotation marks separates nothing.
char separatorOf(const std::string& text) {
  constexpr std::string_view candidates = ",;\t";
  std::array<std::size_t, candidates.size()> counts{};
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') break;
    if (const auto at = candidates.find(c); at != std::string_view::npos) ++counts[at];
  }
  const auto most = std::max_element(counts.begin(), counts.end());
  return candidates[static_cast<std::size_t>(most - counts.begin())];
}

/// Of libcsv, which has a buffer to give back.
struct Parser {
  csv_parser state;
  explicit Parser(char separator) {
    if (csv_init(&state, CSV_STRICT | CSV_STRICT_FINI) != 0) throw Error("CSV parser cannot start");
    csv_set_delim(&state, static_cast<unsigned char>(separator));
  }
  ~Parser() { csv_free(&state); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
};

bool isHeader(const std::vector<std::vector<std::string>>& rows) {
  double value = 0;
  const auto numeric = [&](const std::string& cell) { return parseNumber(cell, value); };
  if (std::any_of(rows[0].begin(), rows[0].end(), numeric)) return false;
  return rows.size() > 1 && std::any_of(rows[1].begin(), rows[1].end(), numeric);
}

}  // namespace

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string CsvTable::columnName(std::size_t column) const {
  std::string name = "column " + std::to_string(column + 1);
  if (column < header.size() && header[column] != name) name += " (" + header[column] + ")";
  return name;
}

bool parseNumber(const std::string& cell, double& value) {
  const char* first = cell.data();
  const char* last = first + cell.size();
  while (first < last && (*first == ' ' || *first == '\t')) ++first;
  while (first < last && (last[-1] == ' ' || last[-1] == '\t')) --last;
  if (first < last && *first == '+') ++first;
  const auto result = fast_float::from_chars(first, last, value);
  return result.ec == std::errc() && result.ptr == last && first < last;
}

CsvTable readCsv(const std::filesystem::path& path, CsvHeader header) {
  std::string text = readText(path);
  const std::string name = path.string();
  if (text.rfind("\xEF\xBB\xBF", 0) == 0) text.erase(0, 3);
  if (text.find('\0') != std::string::npos)
    throw FileError(name + ": holds a zero byte, so it is not a CSV file");

  Reading reading;
  const auto fail = [&](std::size_t line, const std::string& why) {
    throw FileError(name + ", line " + std::to_string(line) + ": " + why);
  };
  Parser parser(separatorOf(text));
  // Line by line, so that a row knows the line that it began on.
  for (std::size_t start = 0; start < text.size(); ++reading.line) {
    const std::size_t feed = text.find('\n', start);
    const std::size_t end = feed == std::string::npos ? text.size() : feed + 1;
    if (reading.row.empty()) reading.rowLine = reading.line;
    const std::size_t size = end - start;
    if (csv_parse(&parser.state, text.data() + start, size, onCell, onRow, &reading) != size)
      fail(reading.line, "a quotation mark stands where none may be");
    if (reading.isFull())
      fail(reading.line, "is where it passes " + std::to_string(mostCells) + " cells, too many");
    start = end;
  }
  if (csv_fini(&parser.state, onCell, onRow, &reading) != 0)
    fail(reading.rowLine, "a quotation mark is opened and never closed");

  CsvTable table = std::move(reading.table);
  if (table.rows.empty()) throw FileError(name + ": has no rows");
  // Some files name only their first columns in the header; a first row without a number that is
  // shorter than the rest is such a header, not a ragged row.
  std::size_t columns = table.rows.front().size();
  const bool shortHeader = header != CsvHeader::Absent && table.rows.size() > 1 &&
                           table.rows[1].size() > columns && isHeader(table.rows);
  if (shortHeader) {
    columns = table.rows[1].size();
    for (std::size_t c = table.rows.front().size(); c < columns; ++c)
      table.rows.front().push_back("column " + std::to_string(c + 1));
  }
  if (columns > mostColumns)
    throw FileError(name + ": has more than " + std::to_string(mostColumns) + " columns");
  for (std::size_t r = 0; r < table.rows.size(); ++r)
    if (table.rows[r].size() != columns)
      throw FileError(name + ", line " + std::to_string(table.lines[r]) + ": has " +
                      std::to_string(table.rows[r].size()) + " cells where the first row has " +
                      std::to_string(columns) + "; mend or remove that line");
  if (header == CsvHeader::Present || (header == CsvHeader::Automatic && isHeader(table.rows))) {
    table.header = std::move(table.rows.front());
    for (std::string& title : table.header) title = trimmed(title);
    table.rows.erase(table.rows.begin());
    table.lines.erase(table.lines.begin());
  }
  if (table.rows.empty()) throw FileError(name + ": has a header and no rows below it");
  return table;
}

}  // namespace clipscope
