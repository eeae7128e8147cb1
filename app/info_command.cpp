// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/info_command.h"

#include <cmath>
#include <cstdio>
#include <iostream>

#include "app/exit_code.h"
#include "engine/error.h"
#include "engine/recording/recording_info.h"

namespace clipscope {

namespace {

std::string shown(double value, const char* format) {
  if (std::isnan(value)) return "unknown";
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// What a run of another library says of itself.
void sayLibrary(const LibraryRun& library) {
  std::cout << "trains in      " << library.library << ", " << library.mode << " clipping, "
            << library.optimizer << "\n";
  if (library.ranks > 1) std::cout << "ranks          " << library.ranks << "\n";
  if (!std::isnan(library.reportedEpsilon))
    std::cout << "its own ε      " << shown(library.reportedEpsilon, "%.4g") << ", at the end\n";
  for (const std::string& note : library.notes) std::cout << "note           " << note << "\n";
}

}  // namespace

InfoCommand::InfoCommand(CLI::App& program)
    : m_app(program.add_subcommand("info", "Say what a recording holds")) {
  m_app->add_option("file", m_file, "Recording, RUN.clipscope")->required();
}

int InfoCommand::execute() {
  RecordingInfo info;
  try {
    info = readRecordingInfo(m_file);
  } catch (const FileError& error) {
    std::cerr << "clipscope: " << error.what() << "\n";
    return exitUsage;
  }
  const auto meta = [&](const char* key) {
    const auto found = info.meta.find(key);
    return found == info.meta.end() ? std::string("unknown") : found->second;
  };
  const Experiment& e = info.experiment;
  std::cout << m_file << (info.isBeingWritten ? " (being written by another program)" : "") << "\n"
            << "program        " << meta("program") << "\n"
            << "data           " << meta("data_name") << ", " << meta("train_examples")
            << " train / " << meta("test_examples") << " test\n";
  if (info.library)
    sayLibrary(*info.library);
  else
    std::cout << "fingerprint    " << meta("data_fingerprint") << "\n";
  std::cout << "model          "
            << (info.library             ? std::string("the library's")
                : e.model.preset.empty() ? std::string("own")
                                         : e.model.preset)
            << ", " << info.tensors << " tensors, " << meta("dimension") << " parameters\n"
            << "clipping       " << groupingName(e.clipping.grouping) << ", " << e.clipping.strategy
            << ", C " << shown(e.clipping.maxGradNorm, "%.6g") << "\n"
            << "noise          σ " << shown(e.noise.noiseMultiplier, "%.6g") << "\n"
            << "steps          " << info.steps << "\n"
            << "last step      loss " << shown(info.loss, "%.4g") << ", ε "
            << shown(info.epsilon, "%.4g") << " at δ " << shown(e.privacy.delta, "%.4g") << "\n"
            << "test accuracy  "
            << (std::isnan(info.testAccuracy) ? "unknown"
                                              : shown(100 * info.testAccuracy, "%.2f %%"))
            << "\n"
            << "checkpoints    " << info.checkpoints << ", " << info.checkpointBytes << " bytes\n"
            << "size           " << info.bytes << " bytes\n";
  for (const RecordingInfo::BranchLine& branch : info.branches) {
    std::cout << "branch " << branch.number << (branch.number < 10 ? "       " : "      ")
              << branch.name << ", through step " << branch.steps;
    if (branch.parent >= 0)
      std::cout << ", leaves branch " << branch.parent << " after step " << branch.fork;
    std::cout << (branch.number == info.activeBranch ? " (active)\n" : "\n");
  }
  return exitOk;
}

}  // namespace clipscope
