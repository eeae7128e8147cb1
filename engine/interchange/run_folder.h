// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/training/trainer.h"

namespace clipscope {

/// What a manifest says of the run besides its files.
struct RunFacts {
  Experiment experiment;
  std::string programVersion;
  std::string dataName, dataSource, dataFingerprint;
  Index trainExamples = 0, testExamples = 0;
  Index dimension = 0;
  int threads = 0;
  bool normalisationFromData = false;
  std::shared_ptr<const LibraryRun> library;  ///< null for a run of this engine
};

RunFacts factsOf(const Trainer& trainer, std::string programVersion);
/// The paths of the data made absolute: a file that is opened from anywhere must not mean others.
Experiment withAbsolutePaths(Experiment experiment);
/// The same as a recording has them in its table `meta`.
std::map<std::string, std::string> recordingMeta(const RunFacts& facts);

/// Writes a run into a folder: steps.csv, examples.csv, layers.csv, example_layers.csv,
/// experiment.json (not of another library's run, whose settings it cannot say) and manifest.json,
/// and what was attached. Files that only an earlier run in the
/// same folder had are removed. The rows go to temporary names while the run lasts, and
/// finish() puts everything in place, the manifest last, once all of it is on the disk; a folder
/// with a manifest is therefore complete, and a run that fails leaves what was there before. Throws
/// FileError: the folder cannot be made or written, is in use for something else (not empty and
/// without a manifest of ours), or the disk is full.
class RunFolder {
 public:
  RunFolder(std::filesystem::path folder, RunFacts facts);
  ~RunFolder();

  /// Appends a complete step.
  void add(const StepRecord& record);
  /// Adds a file of the caller's making, "plots/norms.svg" for example. The manifest names it.
  void attach(const std::string& name, std::string bytes);
  /// Puts the files in place. `interrupted`: the run was stopped before its last step.
  void finish(bool interrupted);

  const std::filesystem::path& folder() const { return m_folder; }
  Index steps() const { return m_steps; }
  const RunFacts& facts() const { return m_facts; }

 private:
  struct Table;
  Table& open(const std::string& name);
  void writeAttached();
  nlohmann::json manifest(bool interrupted) const;

  std::filesystem::path m_folder;
  bool m_created = false;
  bool m_finished = false;
  RunFacts m_facts;
  Index m_steps = 0;
  std::string m_text;
  std::vector<std::unique_ptr<Table>> m_tables;  ///< in the order of the manifest
  std::vector<std::pair<std::string, std::string>> m_attached;
  std::vector<std::filesystem::path> m_createdInside;
};

}  // namespace clipscope
