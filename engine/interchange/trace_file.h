// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>

#include "engine/formats/atomic_file.h"
#include "engine/training/step_record.h"

namespace clipscope {

/// A run's times as Chrome's trace events (chrome://tracing, ui.perfetto.dev): complete events
/// ("ph": "X") with times in µs from the beginning of the file. Row "steps" has each step and its
/// phases, row "layers" what each layer took of a phase.
///
/// A step's phases stand one behind the other, and so do a phase's layers: where a step ran block
/// by block they were interleaved, and their times are shares of one pass ("joined": true). A step
/// lasts exactly as long as its phases together.
///
/// Written as it goes, into a temporary file that commit() renames. Throws FileError.
class TraceFile {
 public:
  explicit TraceFile(std::filesystem::path path);

  /// A whole step that ended at `end`, in seconds from the beginning.
  void addStep(const StepRecord& record, double end);
  /// Something else that the run did, on the row of the steps: an evaluation.
  void addTask(std::string_view name, double seconds, double end);
  void commit();

 private:
  enum Row { Steps = 1, Layers = 2 };
  void nameRow(Row row, std::string_view name);
  void event(std::string_view name, std::string_view category, Row row, double start,
             double seconds, std::string_view arguments = {});
  void begin();
  void addLayers(const StepRecord& record, Phase phase, double start);
  /// Where something that lasted so long and ended at `end` begins, behind what came before it.
  double startOf(double end, double seconds);

  AtomicFile m_file;
  bool m_first = true;
  double m_free = 0;  ///< until here the row of the steps is taken
};

}  // namespace clipscope
