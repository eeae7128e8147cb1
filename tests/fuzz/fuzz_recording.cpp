// SPDX-License-Identifier: GPL-3.0-or-later
#include <optional>

#include "engine/recording/recording_info.h"
#include "engine/recording/recording_reader.h"
#include "tests/fuzz/properties.h"
#include "tests/fuzz/recording_checks.h"
#include "tests/fuzz/small_recording.h"
#include "tests/fuzz/sql_edits.h"
#include "tests/fuzz/temporary_file.h"

using namespace clipscope;
using namespace clipscope::fuzz;

/// An input is a recording, or statements in SQL that change a sound one: damage to the pages and
/// damage to what they hold.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string bytes =
      isDatabase(input) ? std::string(input) : edited(smallRecording(), input);
  const TemporaryFile file(bytes);
  std::optional<RecordingReader> reader;
  const bool opens = accepts<FileError>([&] { reader.emplace(file.path()); });
  const bool described = accepts<FileError>([&] { readRecordingInfo(file.path()); });
  expect(described || !input.empty(), "the small recording is sound");
  expect(opens || !described, "what cannot be opened cannot be described");
  if (opens) checkRecording(*reader);
  return 0;
}
