// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/recording/branch_tree.h"
#include "engine/training/step_record.h"

namespace clipscope {

/// The rows that say which run a recording is of, and what its branches are. What reads them throws
/// FileError, without the path, for what cannot be; everything throws SQLite::Exception.

void writeMeta(SQLite::Database& database, const std::string& key, const std::string& value);
std::map<std::string, std::string> readMeta(SQLite::Database& database);
/// A whole number among them; 0 for one that is missing or none.
Index metaNumber(const std::map<std::string, std::string>& meta, const std::string& key);

/// Tensors, layers, classes, and the sizes in `meta`.
void writeRunInfo(SQLite::Database& database, const RunInfo& info);
std::shared_ptr<const RunInfo> readRunInfo(SQLite::Database& database,
                                           const std::map<std::string, std::string>& meta);
/// What `meta` says of a run of another library; null for one of this engine.
std::shared_ptr<const LibraryRun> readLibraryRun(const std::map<std::string, std::string>& meta);

/// An experiment as the file has it.
std::string experimentText(const Experiment& experiment);
/// Throws FileError for what is none, or is too deep or too long to be one.
Experiment experimentOf(const std::string& text);
inline constexpr std::size_t longestExperiment = 1 << 24;

void writeBranch(SQLite::Database& database, const Branch& branch);
void writeBranchName(SQLite::Database& database, int branch, const std::string& name);
void writeSettings(SQLite::Database& database, int branch, Index firstStep,
                   const std::string& experiment);
/// With all that is theirs.
void removeBranch(SQLite::Database& database, int branch);
/// Experiments by their text: a look at a recording that grows reads only what is new.
using ExperimentCache = std::map<std::string, std::shared_ptr<const Experiment>>;
/// Their `steps` are not filled.
std::vector<Branch> readBranches(SQLite::Database& database, ExperimentCache& cache);

/// All of the above of the recording that is attached as "other", into an empty one.
void copyDescription(SQLite::Database& database);

}  // namespace clipscope
