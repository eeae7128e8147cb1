// SPDX-License-Identifier: GPL-3.0-or-later
// What recording costs, and how fast a long recording opens:
//   bench_recording [FOLDER] [STEPS] [THREADS]
// FOLDER (default: a temporary one) should lie on the disk that matters. The STEPS (default
// 100000), of 256 examples × 10 tensors, take 2.7 GB.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <vector>

#include "engine/recording/recording_reader.h"
#include "engine/recording/recording_writer.h"
#include "engine/training/trainer.h"

using namespace clipscope;

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Of all threads of this process, whatever else the machine does.
double processorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

double mebibytes(const std::filesystem::path& path) {
  return static_cast<double>(std::filesystem::file_size(path)) / (1 << 20);
}

long peakKibibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// Stretches of steps with and without recording, in turn in one run, so that whatever else the
/// machine does falls on both alike.
void overhead(const std::filesystem::path& folder, const char* preset, double batch, int threads) {
  Experiment e;
  e.model.preset = preset;
  e.sampling.expectedBatchSize = batch;
  e.run.evaluateEvery = 0;
  e.run.threads = threads;
  Trainer trainer(e, loadDataset(e.data));
  const auto path = folder / "overhead.clipscope";
  std::vector<double> with, without, ratios, processor;
  constexpr int warmUp = 20, stretch = 100, rounds = 20;
  {
    RecordingWriter writer(path, {}, *trainer.record()->info, e);
    for (int k = 0; k < warmUp; ++k) writer.add(0, trainer.finishStep());
    writer.flush();
    for (int round = 0; round < rounds; ++round) {
      struct Taken {
        double wall, processor;
      };
      const auto time = [&](bool record) {
        const auto start = Clock::now();
        const double processorStart = processorSeconds();
        for (int k = 0; k < stretch; ++k) {
          const auto made = trainer.finishStep();
          if (record) writer.add(0, made);
        }
        // Until everything is in the file.
        writer.flush();
        return Taken{since(start), processorSeconds() - processorStart};
      };
      const bool first = round % 2 == 0;
      const Taken a = time(first), b = time(!first);
      const Taken &on = first ? a : b, &off = first ? b : a;
      with.push_back(on.wall / stretch * 1e3);
      without.push_back(off.wall / stretch * 1e3);
      ratios.push_back(on.wall / off.wall);
      processor.push_back(on.processor / off.processor);
    }
    writer.close();
  }
  std::printf(
      "%-10s batch %4.0f: %.3f ms a step without, %.3f with recording; ratio %.3f, of processor "
      "time %.3f; %.1f KB a step\n",
      preset, batch, median(without), median(with), median(ratios), median(processor),
      mebibytes(path) * 1024 / (warmUp + stretch * rounds));
  std::filesystem::remove(path);
}

void longRun(const std::filesystem::path& folder, Index steps) {
  // Ten tensors, and batches of 256 or so.
  Experiment e;
  e.data.digits.count = 4000;
  e.model.preset.clear();
  e.model.spec = nlohmann::json::parse(R"({"layers": [{"type": "flatten"},
    {"type": "linear", "out": 12}, {"type": "tanh"}, {"type": "linear", "out": 12},
    {"type": "tanh"}, {"type": "linear", "out": 12}, {"type": "tanh"},
    {"type": "linear", "out": 12}, {"type": "tanh"}, {"type": "linear", "out": 10}]})");
  e.clipping.grouping = GroupingKind::PerParameter;
  e.run.evaluateEvery = 0;
  Trainer trainer(e, loadDataset(e.data));
  const auto path = folder / "long.clipscope";
  const auto start = Clock::now();
  {
    RecordingWriter writer(path, {}, *trainer.record()->info, e);
    // A few steps again and again: their content does not matter, and training takes longer.
    std::vector<std::shared_ptr<const StepRecord>> some;
    for (int k = 0; k < 64; ++k) some.push_back(trainer.finishStep());
    for (Index step = 1; step <= steps; ++step) {
      auto record = std::make_shared<StepRecord>(*some[static_cast<std::size_t>(step) % 64]);
      record->step = step;
      writer.add(0, std::move(record));
    }
    writer.close();
  }
  std::printf("%lld steps x 256 x %zu: %.0f MiB written in %.1f s\n", static_cast<long long>(steps),
              trainer.record()->info->tensors.size(), mebibytes(path), since(start));
  const long before = peakKibibytes();
  std::vector<double> opening;
  for (int k = 0; k < 5; ++k) {
    const auto from = Clock::now();
    RecordingReader reader(path);
    const auto summaries = reader.summaries(0);
    opening.push_back(since(from));
  }
  RecordingReader reader(path);
  std::mt19937_64 random(3);
  std::vector<double> showing;
  for (int k = 0; k < 500; ++k) {
    const Index step = 1 + static_cast<Index>(random() % static_cast<std::uint64_t>(steps));
    const auto from = Clock::now();
    reader.step(0, step);
    showing.push_back(since(from) * 1e3);
  }
  std::printf("opened with all summaries in %.3f s (first %.3f); a step in %.2f ms, at most %.2f\n",
              median(opening), opening.front(), median(showing),
              *std::ranges::max_element(showing));
  std::printf("peak memory %.0f MiB, %.0f before it was read\n",
              static_cast<double>(peakKibibytes()) / 1024, static_cast<double>(before) / 1024);
  std::filesystem::remove(path);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto folder = argc > 1 ? std::filesystem::path(argv[1])
                               : std::filesystem::temp_directory_path() / "bench_recording";
  std::filesystem::create_directories(folder);
  const int threads = argc > 3 ? std::atoi(argv[3]) : 0;
  overhead(folder, "mnist-cnn", 256, threads);
  overhead(folder, "mlp", 256, threads);
  overhead(folder, "mnist-cnn", 32, threads);
  longRun(folder, argc > 2 ? std::atoll(argv[2]) : 100000);
  return 0;
}
