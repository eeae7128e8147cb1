// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "engine/recording/recording_schema.h"
#include "tests/fuzz/properties.h"
#include "tests/fuzz/sql_edits.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using Random = std::mt19937;

struct Table {
  std::string name, stepColumn;  ///< no step column: ""
  std::vector<std::string> columns;
};

/// The tables as their CREATE has them: a name is the first word behind "(" or ",".
std::vector<Table> tablesOf() {
  std::vector<Table> tables;
  for (const auto& object : clipscope::recordingSchema()) {
    if (!object.sql.starts_with("CREATE TABLE")) continue;
    Table table{object.name, {}, {}};
    int depth = 0;
    for (std::size_t at = 0; at < object.sql.size(); ++at) {
      const char c = object.sql[at];
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if ((c != '(' && c != ',') || depth != 1) continue;
      const std::size_t from = object.sql.find_first_not_of(' ', at + 1);
      const std::string name = object.sql.substr(from, object.sql.find(' ', from) - from);
      if (name == "PRIMARY") continue;
      table.columns.push_back(name);
      if (name == "step" || name == "first_step") table.stepColumn = name;
    }
    tables.push_back(std::move(table));
  }
  return tables;
}

template <class List>
const auto& oneOf(const List& list, Random& random) {
  return list[random() % list.size()];
}

std::string number(Random& random) {
  static const std::array values{"0",
                                 "1",
                                 "2",
                                 "3",
                                 "4",
                                 "5",
                                 "-1",
                                 "-2",
                                 "6",
                                 "7",
                                 "13",
                                 "40",
                                 "65536",
                                 "2147483647",
                                 "-2147483648",
                                 "4294967296",
                                 "9007199254740993",
                                 "281474976710656",
                                 "9223372036854775807",
                                 "-9223372036854775808",
                                 "0.5",
                                 "-0.5",
                                 "1e-300",
                                 "1e300",
                                 "1e999",
                                 "-1e999",
                                 "5e-324",
                                 "16777216"};
  return oneOf(values, random);
}

/// Bytes of little-endian numbers at which code tends to turn.
std::string hex(Random& random) {
  static const std::array pieces{
      "00000000",         "01000000",         "02000000",         "ffffffff",
      "ffffff7f",         "00000080",         "0000c07f",         "0000807f",
      "000080ff",         "0000803f",         "ffff7f7f",         "000000000000f87f",
      "000000000000f07f", "000000000000f0ff", "000000000000f03f", "000000000000f0bf",
      "ffffffffffffef7f", "ffffffffffffff7f", "0000000000000080", "00"};
  std::string text;
  for (std::size_t k = 0; k <= random() % 4; ++k) text += oneOf(pieces, random);
  return "x'" + text + "'";
}

std::string value(const std::string& column, Random& random) {
  switch (random() % 9) {
    case 0:
      return "NULL";
    case 1:
    case 2:
      return number(random);
    case 3:
      return hex(random);
    case 4:
      return "zeroblob(" + std::to_string(random() % 300) + ")";
    case 5: {
      static const std::array texts{"''",     "'x'",     "'poisson'",
                                    "'none'", "'[1]'",   "'{}'",
                                    "'[[[['", "'1e999'", "CAST(x'80ff' AS TEXT)"};
      return oneOf(texts, random);
    }
    case 6:
      return "substr(" + column + ", 1, length(" + column + ") - " +
             std::to_string(1 + random() % 9) + ")";
    case 7:
      return "CAST(" + column + " || " + hex(random) + " AS BLOB)";
    default: {
      // Some bytes in the middle.
      const std::size_t at = random() % 20 * 4;
      const std::string bytes = hex(random);
      return "CAST(substr(" + column + ", 1, " + std::to_string(at) + ") || " + bytes +
             " || substr(" + column + ", " + std::to_string(at + (bytes.size() - 3) / 2 + 1) +
             ") AS BLOB)";
    }
  }
}

std::string where(const Table& table, Random& random) {
  if (random() % 2 == 0) return {};
  const std::string& column = table.stepColumn.empty() ? table.columns[0] : table.stepColumn;
  return " WHERE " + column + " = " + std::to_string(random() % 7);
}

/// A change to a setting inside the JSON of a recorded experiment.
std::string changedSetting(Random& random) {
  static const std::array paths{"$.clipping.max_grad_norm",
                                "$.clipping.grouping",
                                "$.optimizer.kind",
                                "$.optimizer.beta2",
                                "$.noise.noise_multiplier",
                                "$.sampling.expected_batch_size",
                                "$.sampling.scheme",
                                "$.clipping.strategy",
                                "$.run.seed",
                                "$.model.spec",
                                "$.clipping.adaptive",
                                "$.run.evaluate_every"};
  static const std::array words{"'flat'",  "'param'", "'sgd'",    "'adagrad'",  "'shuffled'",
                                "'fixed'", "'none'",  "'auto_s'", "json('{}')", "json('[]')"};
  const std::string to = random() % 2 == 0 ? number(random) : std::string(oneOf(words, random));
  return "UPDATE " + std::string(random() % 2 == 0 ? "settings" : "checkpoints") +
         " SET experiment = json_set(experiment, '" + oneOf(paths, random) + "', " + to + ")";
}

std::string statement(Random& random) {
  static const std::vector<Table> tables = tablesOf();
  const Table& table = oneOf(tables, random);
  const std::string& column = oneOf(table.columns, random);
  switch (random() % 16) {
    case 0:
      return "DELETE FROM " + table.name + where(table, random);
    case 1:
    case 2: {
      // A row once more, with another value in it.
      std::string names, values;
      for (const std::string& name : table.columns) {
        names += (names.empty() ? "" : ", ") + name;
        values += (values.empty() ? "" : ", ") + (name == column ? value(name, random) : name);
      }
      return "INSERT OR REPLACE INTO " + table.name + " (" + names + ") SELECT " + values +
             " FROM " + table.name + where(table, random) + " LIMIT 1";
    }
    case 3:
      return "PRAGMA user_version = " + std::to_string(random() % 4);
    case 4: {
      static const std::array extra{
          "CREATE VIEW v AS SELECT 1",
          "CREATE TABLE t (a)",
          "DROP INDEX batches_by_step",
          "CREATE TRIGGER g AFTER INSERT ON meta BEGIN DELETE FROM meta; END",
          "ALTER TABLE steps ADD COLUMN more DEFAULT (1)",
          "DROP TABLE batches",
          "PRAGMA writable_schema = ON",
          "UPDATE sqlite_master SET sql = replace(sql, 'REAL', '')",
          "UPDATE sqlite_master SET rootpage = 2 WHERE name = 'details'",
          "INSERT INTO branches VALUES (2, 1, 3, 'third')",
          "INSERT INTO settings SELECT 2, 4, experiment FROM settings LIMIT 1"};
      return oneOf(extra, random);
    }
    case 5:
    case 6:
      return changedSetting(random);
    default:
      return "UPDATE OR REPLACE " + table.name + " SET " + column + " = " + value(column, random) +
             where(table, random);
  }
}

std::vector<std::string> linesOf(std::string_view text) {
  std::vector<std::string> lines(1);
  for (const char c : text)
    if (c == '\n')
      lines.emplace_back();
    else
      lines.back() += c;
  return lines;
}

}  // namespace

/// Changes the bytes of a database, and the statements of a text: letters of SQL seldom make SQL.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  Random random(seed);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (clipscope::fuzz::isDatabase(input) || random() % 16 == 0)
    return LLVMFuzzerMutate(data, size, most);
  std::vector<std::string> lines = linesOf(input);
  const std::size_t at = random() % lines.size();
  switch (random() % 3) {
    case 0:
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), statement(random));
      break;
    case 1:
      lines[at] = statement(random);
      break;
    case 2:
      if (lines.size() > 1) lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
      break;
  }
  std::string text;
  for (std::size_t k = 0; k < lines.size(); ++k) text += (k == 0 ? "" : "\n") + lines[k];
  if (text.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}
