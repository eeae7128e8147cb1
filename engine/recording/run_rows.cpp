// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/run_rows.h"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/formats/json_text.h"
#include "engine/recording/row_access.h"

namespace clipscope {

namespace {

// More than any run has, and little enough that sums and products stay in range.
constexpr Index mostRows = 100'000;
constexpr Index mostValues = Index{1} << 40;
constexpr Index mostSteps = Index{1} << 48;

Shape shapeOf(const std::string& text) {
  const nlohmann::json json = parseJson(text, "the shape of a tensor");
  std::vector<Index> extents;
  if (!json.is_array() || json.size() > 16) throw FileError("the shape of a tensor is none");
  Index size = 1;
  for (const auto& extent : json) {
    if (!extent.is_number_integer()) throw FileError("the shape of a tensor is none");
    const Index value = extent.get<Index>();
    if (value < 1 || value > mostValues / size) throw FileError("the shape of a tensor is none");
    size *= value;
    extents.push_back(value);
  }
  return Shape(std::move(extents));
}

/// Rows numbered from 0 without a gap.
void checkNumber(const Row& row, std::size_t due) {
  if (row.whole(0, 0, mostRows) != static_cast<Index>(due))
    throw FileError("a row of tensors, layers or classes is missing");
}

std::vector<std::string> readNames(SQLite::Database& database, const char* sql) {
  std::vector<std::string> names;
  SQLite::Statement query(database, sql);
  while (query.executeStep()) {
    checkNumber(Row(query), names.size());
    names.push_back(Row(query).text(1));
  }
  return names;
}

void writeNames(SQLite::Database& database, const char* sql,
                const std::vector<std::string>& names) {
  SQLite::Statement insert(database, sql);
  for (std::size_t k = 0; k < names.size(); ++k) {
    insert.bind(1, static_cast<std::int64_t>(k));
    insert.bind(2, names[k]);
    insert.exec();
    insert.reset();
  }
}

template <class... Values>
void run(SQLite::Database& database, const char* sql, const Values&... values) {
  SQLite::Statement statement(database, sql);
  int at = 0;
  (statement.bind(++at, values), ...);
  statement.exec();
}

}  // namespace

void writeMeta(SQLite::Database& database, const std::string& key, const std::string& value) {
  run(database, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", key, value);
}

std::map<std::string, std::string> readMeta(SQLite::Database& database) {
  std::map<std::string, std::string> meta;
  SQLite::Statement query(database, "SELECT key, value FROM meta LIMIT 1000");
  while (query.executeStep()) {
    const Row row(query);
    meta[row.text(0)] = row.text(1);
  }
  return meta;
}

Index metaNumber(const std::map<std::string, std::string>& meta, const std::string& key) {
  Index number = 0;
  if (const auto found = meta.find(key); found != meta.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

void writeRunInfo(SQLite::Database& database, const RunInfo& info) {
  SQLite::Statement tensor(
      database, "INSERT INTO tensors (tensor, name, layer, size, shape) VALUES (?, ?, ?, ?, ?)");
  for (std::size_t t = 0; t < info.tensors.size(); ++t) {
    tensor.bind(1, static_cast<std::int64_t>(t));
    tensor.bind(2, info.tensors[t]);
    tensor.bind(3, info.layers[t]);
    tensor.bind(4, static_cast<std::int64_t>(info.sizes[t]));
    tensor.bind(5, nlohmann::json(info.shapes[t].extents()).dump());
    tensor.exec();
    tensor.reset();
  }
  writeNames(database, "INSERT INTO layers (layer, name) VALUES (?, ?)", info.modelLayers);
  writeNames(database, "INSERT INTO classes (class, name) VALUES (?, ?)", info.classNames);
  writeMeta(database, "dimension", std::to_string(info.dimension));
  writeMeta(database, "train_examples", std::to_string(info.datasetSize));
}

std::shared_ptr<const RunInfo> readRunInfo(SQLite::Database& database,
                                           const std::map<std::string, std::string>& meta) {
  auto info = std::make_shared<RunInfo>();
  SQLite::Statement query(database,
                          "SELECT tensor, name, layer, size, shape FROM tensors ORDER BY tensor");
  while (query.executeStep()) {
    const Row row(query);
    checkNumber(row, info->tensors.size());
    info->tensors.push_back(row.text(1));
    info->layers.push_back(row.text(2));
    info->sizes.push_back(row.whole(3, 1, mostValues));
    info->shapes.push_back(shapeOf(row.text(4)));
    if (info->shapes.back().size() != info->sizes.back())
      throw FileError("tensor " + info->tensors.back() + " has another size than its shape");
    info->dimension += info->sizes.back();
  }
  if (info->tensors.empty()) throw FileError("it has no tensors");
  if (info->dimension > mostValues) throw FileError("its tensors are too large");
  info->modelLayers = readNames(database, "SELECT layer, name FROM layers ORDER BY layer");
  info->classNames = readNames(database, "SELECT class, name FROM classes ORDER BY class");
  info->datasetSize = metaNumber(meta, "train_examples");
  if (info->datasetSize < 1 || info->datasetSize > std::numeric_limits<std::int32_t>::max())
    throw FileError("the number of its training examples is missing");
  info->library = readLibraryRun(meta);
  return info;
}

std::shared_ptr<const LibraryRun> readLibraryRun(const std::map<std::string, std::string>& meta) {
  const auto text = [&](const char* key) {
    const auto found = meta.find(key);
    return found == meta.end() ? std::string() : found->second;
  };
  if (text("recorder").empty()) return nullptr;
  auto run = std::make_shared<LibraryRun>();
  run->library = text("library");
  run->mode = text("mode");
  run->optimizer = text("optimizer");
  run->optimizerReduction = text("loss_reduction");
  run->modelReduction = text("model_reduction");
  run->examplesKnown = text("examples_known") == "1";
  const std::string reported = text("reported_epsilon");
  std::from_chars(reported.data(), reported.data() + reported.size(), run->reportedEpsilon);
  if (const std::string notes = text("notes"); !notes.empty()) {
    const nlohmann::json list = parseJson(notes, "its notes");
    if (!list.is_array()) throw FileError("its notes are no list");
    for (const auto& note : list)
      if (note.is_string()) run->notes.push_back(note.get<std::string>());
  }
  return run;
}

std::string experimentText(const Experiment& experiment) {
  // A path of other bytes than UTF-8 must not stop the recording.
  return toJson(experiment).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Experiment experimentOf(const std::string& text) {
  try {
    return experimentFromJson(parseJson(text, "its settings"));
  } catch (const FileError&) {
    throw;
  } catch (const Error& error) {
    throw FileError(std::string("its settings cannot be read: ") + error.what());
  } catch (const nlohmann::json::exception& error) {
    throw FileError(std::string("its settings cannot be read: ") + error.what());
  }
}

void writeBranch(SQLite::Database& database, const Branch& branch) {
  SQLite::Statement insert(database,
                           "INSERT OR REPLACE INTO branches (branch, parent, fork_step, name) "
                           "VALUES (?, ?, ?, ?)");
  insert.bind(1, branch.number);
  if (branch.parent >= 0) insert.bind(2, branch.parent);
  insert.bind(3, static_cast<std::int64_t>(branch.fork));
  insert.bind(4, branch.name);
  insert.exec();
  for (const auto& [firstStep, experiment] : branch.settings)
    writeSettings(database, branch.number, firstStep, experimentText(*experiment));
}

void writeBranchName(SQLite::Database& database, int branch, const std::string& name) {
  run(database, "UPDATE branches SET name = ? WHERE branch = ?", name, branch);
}

void writeSettings(SQLite::Database& database, int branch, Index firstStep,
                   const std::string& experiment) {
  run(database, "INSERT OR REPLACE INTO settings (branch, first_step, experiment) VALUES (?, ?, ?)",
      branch, static_cast<std::int64_t>(firstStep), experiment);
}

void removeBranch(SQLite::Database& database, int branch) {
  for (const char* sql :
       {"DELETE FROM branches WHERE branch = ?", "DELETE FROM settings WHERE branch = ?",
        "DELETE FROM group_names WHERE branch = ?", "DELETE FROM steps WHERE branch = ?",
        "DELETE FROM details WHERE branch = ?", "DELETE FROM batches WHERE branch = ?",
        "DELETE FROM checkpoints WHERE branch = ?"})
    run(database, sql, branch);
}

std::vector<Branch> readBranches(SQLite::Database& database, ExperimentCache& cache) {
  std::map<int, Branch> branches;
  SQLite::Statement query(database,
                          "SELECT branch, parent, fork_step, name FROM branches ORDER BY branch");
  while (query.executeStep()) {
    const Row row(query);
    Branch branch;
    branch.number = static_cast<int>(row.whole(0, 0, mostRows));
    branch.parent = row.isNull(1) ? -1 : static_cast<int>(row.whole(1, 0, mostRows));
    branch.fork = row.whole(2, 0, mostSteps);
    branch.name = row.text(3);
    branches[branch.number] = std::move(branch);
  }
  SQLite::Statement settings(
      database, "SELECT branch, first_step, experiment FROM settings ORDER BY branch, first_step");
  while (settings.executeStep()) {
    const Row row(settings);
    const auto found = branches.find(static_cast<int>(row.whole(0, 0, mostRows)));
    if (found == branches.end()) throw FileError("settings belong to no branch");
    const std::string text = row.text(2, longestExperiment);
    auto& experiment = cache[text];
    if (!experiment) experiment = std::make_shared<const Experiment>(experimentOf(text));
    found->second.settings.emplace(row.whole(1, 1, mostSteps), experiment);
  }
  std::vector<Branch> list;
  for (auto& [number, branch] : branches) list.push_back(std::move(branch));
  return list;
}

void copyDescription(SQLite::Database& database) {
  for (const char* table :
       {"meta", "tensors", "layers", "classes", "branches", "settings", "group_names"})
    database.exec(std::string("INSERT INTO main.") + table + " SELECT * FROM other." + table);
}

}  // namespace clipscope
