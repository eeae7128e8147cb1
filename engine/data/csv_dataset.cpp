// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/csv_dataset.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/error.h"
#include "engine/formats/shortened.h"

namespace clipscope {

namespace {

constexpr std::size_t mostClasses = 100;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// A column by name (any case) or by number from 1; the count of columns when there is none.
std::size_t findColumn(const CsvTable& table, const std::string& wanted) {
  for (std::size_t c = 0; c < table.header.size(); ++c)
    if (lower(table.header[c]) == lower(wanted)) return c;
  double number = 0;
  if (parseNumber(wanted, number) && number >= 1 && number == std::floor(number) &&
      number <= static_cast<double>(table.columns()))
    return static_cast<std::size_t>(number) - 1;
  return table.columns();
}

std::size_t labelColumn(const CsvTable& table, const DataSettings& settings) {
  if (!settings.labelColumn.empty()) {
    const std::size_t column = findColumn(table, settings.labelColumn);
    if (column == table.columns())
      throw FileError(settings.path + ": has no column \"" + settings.labelColumn +
                      "\" for the label; name one of its " + std::to_string(table.columns()) +
                      " columns or give its number");
    return column;
  }
  for (const char* usual : {"label", "class", "target", "diagnosis", "y"}) {
    const std::size_t column = findColumn(table, usual);
    if (column < table.columns()) return column;
  }
  return table.columns() - 1;
}

double numberIn(const CsvTable& table, const std::string& path, std::size_t row,
                std::size_t column) {
  double value = 0;
  const std::string& cell = table.rows[row][column];
  const auto refuse = [&](const char* why) {
    throw FileError(path + ", line " + std::to_string(table.lines[row]) + ", " +
                    table.columnName(column) + ": \"" + shortened(cell, 40) + "\" " + why);
  };
  if (!parseNumber(cell, value)) refuse("is not a number; mend it, or leave the column out");
  if (!std::isfinite(value) || !std::isfinite(static_cast<float>(value)))
    refuse("is not a finite number; mend it or remove the row");
  return value;
}

/// Fills labels and class names, or targets.
void readTargets(const CsvTable& table, const DataSettings& settings, std::size_t column,
                 Dataset::Content& content) {
  bool numbers = true, whole = true;
  std::set<double> different;
  for (const auto& row : table.rows) {
    double value = 0;
    numbers = numbers && parseNumber(row[column], value) && std::isfinite(value);
    if (!numbers) break;
    whole = whole && value == std::floor(value);
    if (different.size() <= mostClasses) different.insert(value);
  }
  const bool classes = settings.csvTask == CsvTask::Classification ||
                       (settings.csvTask == CsvTask::Automatic &&
                        (!numbers || (whole && different.size() <= mostClasses)));
  if (!classes) {
    for (std::size_t r = 0; r < table.rows.size(); ++r)
      content.targets.push_back(static_cast<float>(numberIn(table, settings.path, r, column)));
    content.outputs = 1;
    return;
  }
  // Numbers in the order of their values, so that class 10 comes after class 9.
  const auto before = [numbers](const std::string& a, const std::string& b) {
    double x = 0, y = 0;
    if (numbers && parseNumber(a, x) && parseNumber(b, y) && x != y) return x < y;
    return a < b;
  };
  std::map<std::string, int, decltype(before)> ids(before);
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const std::string name = trimmed(table.rows[r][column]);
    if (name.empty())
      throw FileError(settings.path + ", line " + std::to_string(table.lines[r]) + ", " +
                      table.columnName(column) + ": the label is empty");
    ids.emplace(name, 0);
  }
  if (ids.size() < 2)
    throw FileError(settings.path + ", " + table.columnName(column) +
                    ": every row has the same label; choose another label column");
  if (ids.size() > 10 * mostClasses)
    throw FileError(settings.path + ", " + table.columnName(column) + ": has " +
                    std::to_string(ids.size()) + " different labels; choose another label column");
  int next = 0;
  for (auto& [name, id] : ids) {
    id = next++;
    content.classNames.push_back(name);
  }
  for (const auto& row : table.rows) content.labels.push_back(ids.at(trimmed(row[column])));
  content.outputs = next;
}

}  // namespace

Dataset::Content readCsvDataset(const DataSettings& settings) {
  const CsvTable table = readCsv(settings.path, settings.csvHeader);
  if (table.rows.size() < 2)
    throw FileError(settings.path + ": has one row of data; at least two are needed");
  const std::size_t label = labelColumn(table, settings);
  std::vector<std::size_t> features;
  std::set<std::size_t> ignored{label};
  for (const std::string& name : settings.ignoreColumns) ignored.insert(findColumn(table, name));
  for (std::size_t c = 0; c < table.columns(); ++c)
    if (ignored.count(c) == 0) features.push_back(c);
  if (features.empty()) throw FileError(settings.path + ": no column is left besides the label");

  Dataset::Content content;
  content.name = std::filesystem::path(settings.path).stem().string();
  content.source = settings.path;
  content.shape = Shape{static_cast<Index>(features.size())};
  for (const std::size_t c : features)
    content.featureNames.push_back(c < table.header.size() ? table.header[c]
                                                           : "column " + std::to_string(c + 1));
  content.rows.reserve(table.rows.size() * features.size());
  for (std::size_t r = 0; r < table.rows.size(); ++r)
    for (const std::size_t c : features)
      content.rows.push_back(static_cast<float>(numberIn(table, settings.path, r, c)));
  readTargets(table, settings, label, content);
  return content;
}

}  // namespace clipscope
