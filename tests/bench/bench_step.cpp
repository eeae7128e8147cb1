// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/bench/bench_network.h"

/// One whole DP step (sample, forward, backward, norms, clip, noise, update, account) of the three
/// networks that peers are measured on, at fixed batch sizes, with and without the second sum that
/// bias and cosine need; and the peak memory of a process that does nothing else.

using namespace clipscope;

namespace {

Trainer makeTrainer(const BenchNetwork& network, Index batch, bool unclippedSum) {
  return Trainer(benchExperiment(network, unclippedSum), wholeBatch(network, batch));
}

void step(benchmark::State& state, const BenchNetwork& network, bool unclippedSum) {
  Trainer trainer = makeTrainer(network, state.range(0), unclippedSum);
  for (int k = 0; k < 3; ++k) trainer.finishStep();
  for (auto _ : state) benchmark::DoNotOptimize(trainer.finishStep());
  state.counters["examples/s"] = benchmark::Counter(
      static_cast<double>(state.range(0) * state.iterations()), benchmark::Counter::kIsRate);
}

/// Peak resident memory of a child that takes ten steps, in MiB.
double peakMemory(const BenchNetwork& network, Index batch) {
  std::cout.flush();
  const pid_t child = fork();
  if (child == 0) {
    Trainer trainer = makeTrainer(network, batch, true);
    for (int k = 0; k < 10; ++k) trainer.finishStep();
    _exit(0);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

}  // namespace

int main(int argc, char** argv) {
  // Before the first parallel region: a child of a process with threads could not start its own.
  if (argc > 1 && std::string(argv[1]) == "--memory") {
    for (const BenchNetwork& network : benchNetworks())
      for (const Index batch : {32, 256, 1024})
        std::printf("%s/%lld peak %.0f MiB\n", network.name.c_str(), static_cast<long long>(batch),
                    peakMemory(network, batch));
    return 0;
  }
  for (const BenchNetwork& network : benchNetworks())
    for (const bool unclipped : {false, true}) {
      const std::string name = network.name + (unclipped ? "/with_unclipped_sum" : "/step");
      benchmark::RegisterBenchmark(name.c_str(), step, network, unclipped)
          ->ArgName("batch")
          ->Arg(32)
          ->Arg(256)
          ->Arg(1024)
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime()
          ->MeasureProcessCPUTime();
    }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
