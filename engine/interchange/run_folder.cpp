// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/run_folder.h"

#include <omp.h>

#include <algorithm>
#include <array>

#include "engine/error.h"
#include "engine/formats/atomic_file.h"
#include "engine/formats/byte_source.h"
#include "engine/formats/sha256.h"
#include "engine/interchange/csv_rows.h"

namespace clipscope {

using nlohmann::json;

namespace {

constexpr const char* manifestFormat = "clipscope run";

/// The tables of a run, with what appends a step's rows.
struct TableKind {
  const char* name;
  std::string_view (*header)();
  void (*append)(std::string&, const StepRecord&);
  bool ofExamples;
};
constexpr std::array tableKinds{
    TableKind{"steps.csv", stepsHeader, appendStepsRow, false},
    TableKind{"examples.csv", examplesHeader, appendExampleRows, true},
    TableKind{"layers.csv", layersHeader, appendLayerRows, false},
    TableKind{"example_layers.csv", exampleLayersHeader, appendExampleLayerRows, true}};

/// The manifest of an earlier run in the folder; null where there is none of ours.
json manifestIn(const std::filesystem::path& folder) {
  std::error_code error;
  const auto path = folder / "manifest.json";
  if (!std::filesystem::is_regular_file(path, error)) return nullptr;
  try {
    const json manifest = json::parse(readText(path, std::size_t{1} << 24));
    if (manifest.value("format", "") == manifestFormat) return manifest;
  } catch (const std::exception&) {
    // Not ours, or broken.
  }
  return nullptr;
}

/// The files that an earlier run left in the folder; never a path out of it.
std::vector<std::string> filesOf(const json& manifest) {
  std::vector<std::string> names;
  if (!manifest.is_object() || !manifest.contains("files")) return names;
  for (const json& file : manifest.at("files")) {
    const std::filesystem::path name = file.is_object() ? file.value("name", "") : "";
    const bool inside = name.is_relative() && name == name.lexically_normal() &&
                        name.has_filename() && *name.begin() != "..";
    if (inside) names.push_back(name.string());
  }
  return names;
}

/// A temporary of a run that was killed: "steps.csv.k3Xq9b". It is no reason to refuse the folder.
bool isLeftover(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const auto isOf = [&](const std::string& stem) {
    return name.size() == stem.size() + 7 && name.starts_with(stem + ".");
  };
  return isOf("experiment.json") || isOf("manifest.json") ||
         std::any_of(tableKinds.begin(), tableKinds.end(),
                     [&](const TableKind& kind) { return isOf(kind.name); });
}

bool holdsOtherFiles(const std::filesystem::path& folder, std::error_code& error) {
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (!isLeftover(entry.path())) return true;
  return false;
}

}  // namespace

Experiment withAbsolutePaths(Experiment experiment) {
  for (std::string* path : {&experiment.data.path, &experiment.data.labels})
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal().string();
  return experiment;
}

/// One file of the run; its hash is taken as it is written.
struct RunFolder::Table {
  Table(const std::filesystem::path& folder, std::string fileName)
      : name(std::move(fileName)), file(folder / name) {}

  void write(std::string_view text) {
    file.write(text);
    hash.add(text);
    bytes += text.size();
  }
  /// Everything is written: hands it to the system.
  void close() {
    file.flush();
    digest = hash.hex();
  }

  std::string name;
  AtomicFile file;
  Sha256 hash;
  std::string digest;
  std::uintmax_t bytes = 0;
};

RunFacts factsOf(const Trainer& trainer, std::string programVersion) {
  RunFacts facts;
  const Dataset& data = *trainer.data().data;
  facts.experiment = trainer.experiment();
  facts.programVersion = std::move(programVersion);
  facts.dataName = data.name();
  facts.dataSource = data.source();
  facts.dataFingerprint = data.fingerprint();
  facts.trainExamples = static_cast<Index>(trainer.data().train.size());
  facts.testExamples = static_cast<Index>(trainer.data().test.size());
  facts.dimension = trainer.model().table().dimension();
  facts.threads =
      facts.experiment.run.threads > 0 ? facts.experiment.run.threads : omp_get_num_procs();
  facts.normalisationFromData = data.normalisation().computedFromData;
  return facts;
}

std::map<std::string, std::string> recordingMeta(const RunFacts& facts) {
  return {{"program", "clipscope " + facts.programVersion},
          {"data_name", facts.dataName},
          {"data_source", facts.dataSource},
          {"data_fingerprint", facts.dataFingerprint},
          {"train_examples", std::to_string(facts.trainExamples)},
          {"test_examples", std::to_string(facts.testExamples)},
          {"dimension", std::to_string(facts.dimension)},
          {"threads", std::to_string(facts.threads)},
          {"normalisation_from_data", facts.normalisationFromData ? "1" : "0"}};
}

RunFolder::RunFolder(std::filesystem::path folder, RunFacts facts)
    : m_folder(std::move(folder)), m_facts(std::move(facts)) {
  std::error_code error;
  if (std::filesystem::exists(m_folder, error)) {
    if (!std::filesystem::is_directory(m_folder, error))
      throw FileError(m_folder.string() + ": is a file; name a folder for the results");
    if (manifestIn(m_folder).is_null() && holdsOtherFiles(m_folder, error))
      throw FileError(m_folder.string() +
                      ": holds other files; name a new or empty folder for the results");
    if (error) throw FileError(m_folder.string() + ": cannot be read (" + error.message() + ")");
  } else {
    std::filesystem::create_directories(m_folder, error);
    if (error)
      throw FileError(m_folder.string() + ": cannot be created (" + error.message() +
                      "); choose another folder");
    m_created = true;
  }
  try {
    for (const TableKind& kind : tableKinds) open(kind.name).write(kind.header());
  } catch (...) {
    m_tables.clear();
    if (m_created) std::filesystem::remove(m_folder, error);
    throw;
  }
}

RunFolder::~RunFolder() {
  if (m_finished) return;
  // Nothing was put in place: leave no empty folder behind. remove() spares one that is not empty.
  m_tables.clear();
  std::error_code error;
  for (const auto& folder : m_createdInside) std::filesystem::remove(folder, error);
  if (m_created) std::filesystem::remove(m_folder, error);
}

RunFolder::Table& RunFolder::open(const std::string& name) {
  m_tables.push_back(std::make_unique<Table>(m_folder, name));
  return *m_tables.back();
}

void RunFolder::add(const StepRecord& record) {
  for (std::size_t k = 0; k < tableKinds.size(); ++k) {
    // Who was drawn is what amplification by sampling rests on: of a secure run nothing says it.
    if (tableKinds[k].ofExamples && m_facts.experiment.run.secureMode) continue;
    m_text.clear();
    tableKinds[k].append(m_text, record);
    m_tables[k]->write(m_text);
  }
  ++m_steps;
}

void RunFolder::attach(const std::string& name, std::string bytes) {
  m_attached.emplace_back(name, std::move(bytes));
}

void RunFolder::writeAttached() {
  for (const auto& [name, bytes] : m_attached) {
    const auto parent = (m_folder / name).parent_path();
    std::error_code error;
    if (std::filesystem::create_directories(parent, error)) m_createdInside.push_back(parent);
    if (error)
      throw FileError(parent.string() + ": cannot be created (" + error.message() +
                      "); choose another folder");
    open(name).write(bytes);
  }
}

void RunFolder::finish(bool interrupted) {
  // All of it to the disk first, the manifest too, so that a full one is noticed before any old
  // file is replaced.
  writeAttached();
  if (!m_facts.library)
    open("experiment.json").write(toJson(withAbsolutePaths(m_facts.experiment)).dump(2) + "\n");
  for (const auto& table : m_tables) table->close();
  const auto manifestPath = m_folder / "manifest.json";
  AtomicFile manifestFile(manifestPath);
  manifestFile.write(manifest(interrupted).dump(2) + "\n");
  manifestFile.flush();
  const std::vector<std::string> earlier = filesOf(manifestIn(m_folder));
  // Without a manifest while files of two runs lie side by side.
  std::error_code error;
  std::filesystem::remove(manifestPath, error);
  for (const auto& table : m_tables) table->file.commit();
  for (const std::string& name : earlier)
    if (std::none_of(m_tables.begin(), m_tables.end(),
                     [&](const auto& table) { return table->name == name; }))
      std::filesystem::remove(m_folder / name, error);
  for (const std::string& name : earlier)
    if (const auto parent = (m_folder / name).parent_path(); parent != m_folder)
      std::filesystem::remove(parent, error);  // spares one that is not empty
  manifestFile.commit();
  m_finished = true;
}

json RunFolder::manifest(bool interrupted) const {
  json files = json::array();
  for (const auto& table : m_tables)
    files.push_back({{"name", table->name}, {"bytes", table->bytes}, {"sha256", table->digest}});
  const RunFacts& f = m_facts;
  json text = {
      {"format", manifestFormat},
      {"format_version", 1},
      {"program", "clipscope " + f.programVersion},
      {"seed", f.experiment.run.seed},
      {"threads", f.threads},
      {"steps", m_steps},
      {"steps_asked", f.experiment.run.steps},
      {"interrupted", interrupted},
      {"parameters", f.dimension},
      {"data",
       {{"name", f.dataName},
        {"source", f.dataSource},
        {"fingerprint_sha256", f.dataFingerprint},
        {"train_examples", f.trainExamples},
        {"test_examples", f.testExamples},
        {"normalisation_computed_from_data", f.normalisationFromData}}},
      {"mark", "not private"},
      {"not_private", true},
      {"not_private_because",
       "The seed, indices, losses, norms, clip factors, signals, cosines, suggested thresholds and "
       "accuracies in these files are exact values of private data, which no noise covers."},
      {"epsilon_is_simulated", !f.experiment.run.secureMode},
      {"epsilon_is_simulated_because",
       f.experiment.run.secureMode
           ? "Not simulated: sampling and noise came from a cryptographic generator with keys that "
             "are kept nowhere. ε is about releasing the weights alone, not these files."
           : "The run can be replayed from its seed; ε is about releasing the weights of one run "
             "whose sampling and noise were fresh and secret."},
      {"files", files}};
  if (const LibraryRun* library = f.library.get()) {
    for (const char* own : {"seed", "threads", "steps_asked"}) text.erase(own);
    text["library"] = {{"name", library->library},
                       {"clipping", library->mode},
                       {"optimizer", library->optimizer},
                       {"ranks", library->ranks},
                       {"examples_known", library->examplesKnown},
                       {"notes", library->notes}};
    text["epsilon_is_simulated"] = false;
    text["epsilon_is_simulated_because"] =
        "Recorded from a run of another library: whether its sampling and noise were secret is "
        "known there. ε is about releasing the weights alone, not these files.";
  }
  return text;
}

}  // namespace clipscope
