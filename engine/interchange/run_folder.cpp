// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/run_folder.h"

#include <omp.h>

#include "engine/error.h"
#include "engine/formats/byte_source.h"
#include "engine/formats/sha256.h"
#include "engine/interchange/csv_rows.h"

namespace clipscope {

using nlohmann::json;

namespace {

constexpr const char* manifestFormat = "clipscope run";

bool hasOurManifest(const std::filesystem::path& folder) {
  std::error_code error;
  const auto path = folder / "manifest.json";
  if (!std::filesystem::is_regular_file(path, error)) return false;
  try {
    const json manifest = json::parse(readText(path, std::size_t{1} << 24));
    return manifest.value("format", "") == manifestFormat;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

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

RunFolder::RunFolder(std::filesystem::path folder, RunFacts facts)
    : m_folder(std::move(folder)), m_facts(std::move(facts)) {
  std::error_code error;
  if (std::filesystem::exists(m_folder, error)) {
    if (!std::filesystem::is_directory(m_folder, error))
      throw FileError(m_folder.string() + ": is a file; name a folder for the results");
    if (!std::filesystem::is_empty(m_folder, error) && !hasOurManifest(m_folder))
      throw FileError(m_folder.string() +
                      ": holds other files; name a new or empty folder for the results");
    if (error)
      throw FileError(m_folder.string() + ": cannot be read (" + error.message() + ")");
  } else {
    std::filesystem::create_directories(m_folder, error);
    if (error)
      throw FileError(m_folder.string() + ": cannot be created (" + error.message() +
                      "); choose another folder");
    m_created = true;
  }
  try {
    const auto open = [&](const char* name, std::string_view header) {
      auto file = std::make_unique<AtomicFile>(m_folder / name);
      file->write(header);
      m_files.emplace_back(name);
      return file;
    };
    m_stepRows = open("steps.csv", stepsHeader());
    m_exampleRows = open("examples.csv", examplesHeader());
    m_layerRows = open("layers.csv", layersHeader());
    m_exampleLayerRows = open("example_layers.csv", exampleLayersHeader());
  } catch (...) {
    dropFiles();
    if (m_created) std::filesystem::remove(m_folder, error);
    throw;
  }
}

RunFolder::~RunFolder() {
  if (m_finished || !m_created) return;
  // Nothing was put in place: leave no empty folder behind. remove() spares one that is not empty.
  dropFiles();
  std::error_code error;
  std::filesystem::remove(m_folder, error);
}

void RunFolder::dropFiles() {
  for (auto* file : {&m_stepRows, &m_exampleRows, &m_layerRows, &m_exampleLayerRows}) file->reset();
}

void RunFolder::add(const StepRecord& record) {
  const auto write = [&](AtomicFile& file, auto&& append) {
    m_text.clear();
    append(m_text, record);
    file.write(m_text);
  };
  write(*m_stepRows, appendStepsRow);
  write(*m_exampleRows, appendExampleRows);
  write(*m_layerRows, appendLayerRows);
  write(*m_exampleLayerRows, appendExampleLayerRows);
  ++m_steps;
}

void RunFolder::addFile(const std::string& relativePath) { m_files.push_back(relativePath); }

void RunFolder::finish(bool interrupted) {
  // All of it to the disk first, so that a full one is noticed before any old file is replaced.
  for (const auto& file : {&m_stepRows, &m_exampleRows, &m_layerRows, &m_exampleLayerRows})
    (*file)->flush();
  AtomicFile experiment(m_folder / "experiment.json");
  experiment.write(toJson(m_facts.experiment).dump(2) + "\n");
  experiment.flush();
  std::error_code error;
  std::filesystem::remove(m_folder / "manifest.json", error);
  for (const auto& file : {&m_stepRows, &m_exampleRows, &m_layerRows, &m_exampleLayerRows})
    (*file)->commit();
  experiment.commit();
  m_files.emplace_back("experiment.json");
  writeManifest(interrupted);
  m_finished = true;
}

void RunFolder::writeManifest(bool interrupted) const {
  json files = json::array();
  for (const std::string& name : m_files) {
    const auto path = m_folder / name;
    files.push_back({{"name", name},
                     {"bytes", std::filesystem::file_size(path)},
                     {"sha256", sha256OfFile(path)}});
  }
  const RunFacts& f = m_facts;
  const json manifest{
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
      {"not_private", true},
      {"not_private_because",
       "The seed, indices, losses, norms, clip factors, signals, cosines, suggested thresholds and "
       "accuracies in these files are exact values of private data, which no noise covers."},
      {"epsilon_is_simulated", true},
      {"epsilon_is_simulated_because",
       "The run can be replayed from its seed; ε is about releasing the weights of one run whose "
       "sampling and noise were fresh and secret."},
      {"files", files}};
  writeFileAtomically(m_folder / "manifest.json", manifest.dump(2) + "\n");
}

}  // namespace clipscope
