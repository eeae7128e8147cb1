// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/recorded_run.h"

#include <omp.h>

#include <ctime>
#include <utility>

#include "engine/error.h"
#include "engine/interchange/run_folder.h"

namespace clipscope {

namespace {

std::string nowAsText() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

/// A recording is opened from anywhere: relative paths in it would mean other files.
Experiment withAbsolutePaths(Experiment experiment) {
  for (std::string* path : {&experiment.data.path, &experiment.data.labels})
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal().string();
  return experiment;
}

}  // namespace

void startRecording(RunSession& session, const std::filesystem::path& path,
                    const std::string& programVersion, RecordingLimits limits) {
  auto meta = recordingMeta(factsOf(session.trainer(), programVersion));
  meta["created"] = nowAsText();
  session.record(std::make_unique<RecordingWriter>(
      path, meta, *session.record()->info, withAbsolutePaths(session.experiment()), limits));
}

std::unique_ptr<RunSession> openRecordedRun(const RecordingReader& recording,
                                            const std::optional<DataSettings>& data,
                                            PastSettings past) {
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

std::string whyNotBitEqual(const RecordingReader& recording) {
  const int recorded = std::atoi(recording.meta("threads").c_str());
  const int asked = recording.tree().settingsOf(0, 1)->run.threads;
  const int now = asked > 0 ? asked : omp_get_num_procs();
  if (recorded == now) return {};
  return "it was recorded with " + std::to_string(recorded) + " threads and goes on with " +
         std::to_string(now) + ": new steps agree with an uninterrupted run to rounding only";
}

}  // namespace clipscope
