// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "engine/data/dataset_loader.h"
#include "engine/formats/csv.h"
#include "tests/fuzz/gz.h"
#include "tests/fuzz/loaded_data.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/properties.h"

using namespace clipscope;
using namespace clipscope::fuzz;

/// An input is a file, plain or .gz: read as a table with and without a header, written and read
/// again, and loaded as a data set.

namespace {

std::string quoted(const std::vector<std::vector<std::string>>& rows, char separator) {
  std::string text;
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) {
      text += '"';
      for (const char letter : row[c]) text.append(letter == '"' ? 2 : 1, letter);
      text += '"';
      text += c + 1 < row.size() ? separator : '\n';
    }
  return text;
}

void checkTable(const CsvTable& table, CsvHeader header) {
  expect(!table.rows.empty() && table.lines.size() == table.rows.size(), "each row has its line");
  expect(std::is_sorted(table.lines.begin(), table.lines.end()) && table.lines.front() >= 1,
         "lines count up from 1");
  for (const auto& row : table.rows)
    expect(row.size() == table.columns() && !row.empty(), "every row is as long as the first");
  expect(table.header.empty() || table.header.size() == table.columns(), "a title a column");
  if (header == CsvHeader::Absent) expect(table.header.empty(), "no header where there is none");
  for (std::size_t c = 0; c < table.columns(); ++c) table.columnName(c);
}

void checkReadsBack(const CsvTable& table, bool gz) {
  const std::string text = quoted(table.rows, ';');
  const MemoryFile file(gz ? packed(text) : text);
  expect(readCsv(file.path(), CsvHeader::Absent).rows == table.rows,
         "a table in quotation marks reads back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const MemoryFile file(bytes);
  for (const CsvHeader header : {CsvHeader::Automatic, CsvHeader::Present, CsvHeader::Absent}) {
    CsvTable table;
    if (!accepts<FileError>([&] { table = readCsv(file.path(), header); })) continue;
    checkTable(table, header);
    if (header == CsvHeader::Absent) checkReadsBack(table, isGz(bytes));
  }

  DataSettings settings;
  settings.source = DataSource::Csv;
  settings.path = file.path();
  const auto load = [&] {
    LoadedData loaded;
    if (accepts<FileError>([&] { loaded = loadDataset(settings); }))
      checkLoaded(loaded, settings.normalisation == NormalisationRule::Standardise);
  };
  load();
  settings.normalisation = NormalisationRule::Standardise;
  settings.csvTask = CsvTask::Classification;
  settings.labelColumn = std::string(1, '1');
  load();
  settings.csvTask = CsvTask::Regression;
  settings.csvHeader = CsvHeader::Absent;
  settings.ignoreColumns = {"3", "id"};
  load();
  return 0;
}
