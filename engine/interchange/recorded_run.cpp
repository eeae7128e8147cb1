// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/recorded_run.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "engine/error.h"

namespace clipscope {

namespace {

std::string nowAsText() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

}  // namespace

void startRecording(RunSession& session, const std::filesystem::path& path,
                    const std::string& programVersion, RecordingLimits limits) {
  auto meta = recordingMeta(factsOf(session.trainer(), programVersion));
  meta["created"] = nowAsText();
  limits.examples = !session.isSecure();
  session.record(std::make_unique<RecordingWriter>(
      path, meta, *session.record()->info, withAbsolutePaths(session.experiment()), limits));
}

std::unique_ptr<RunSession> openRecordedRun(const RecordingReader& recording,
                                            const std::optional<DataSettings>& data,
                                            PastSettings past) {
  if (const auto& library = recording.info()->library)
    throw FileError(
        recording.path().string() + ": this run trains in " + library->library +
        " and was only recorded; it cannot be gone on with here. Open it in the window, "
        "or export it.");
  const DataSettings where = data ? *data : recording.tree().settingsOf(0, 1)->data;
  LoadedData loaded;
  try {
    loaded = loadDataset(where);
  } catch (const Error& error) {
    throw FileError(recording.path().string() + ": the data of this run (" +
                    recording.meta("data_name") + ") cannot be read: " + error.what());
  }
  return std::make_unique<RunSession>(recording, where, std::move(loaded), past);
}

RunFacts factsOf(const RecordingReader& recording, int branch) {
  RunFacts facts;
  const std::string program = recording.meta("program");
  facts.experiment =
      *recording.tree().settingsOf(branch, std::max<Index>(1, recording.tree().at(branch).steps));
  facts.programVersion = program.substr(program.find(' ') + 1);
  facts.dataName = recording.meta("data_name");
  facts.dataSource = recording.meta("data_source");
  facts.dataFingerprint = recording.meta("data_fingerprint");
  facts.trainExamples = recording.info()->datasetSize;
  facts.testExamples = std::atoll(recording.meta("test_examples").c_str());
  facts.dimension = recording.info()->dimension;
  facts.threads = std::atoi(recording.meta("threads").c_str());
  facts.normalisationFromData = recording.meta("normalisation_from_data") == "1";
  facts.library = recording.info()->library;
  return facts;
}

std::string whyNotBitEqual(const RecordingReader& recording) {
  const int recorded = std::atoi(recording.meta("threads").c_str());
  const int asked = recording.tree().settingsOf(0, 1)->run.threads;
  const int now = asked > 0 ? asked : omp_get_num_procs();
  if (recorded == now) return {};
  return "it was recorded with " + std::to_string(recorded) + " threads and goes on with " +
         std::to_string(now) + ": new steps agree with an uninterrupted run to rounding only";
}

}  // namespace clipscope
