// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "engine/training/trainer.h"

/// One whole DP step (sample, forward, backward, norms, clip, noise, update, account) of the three
/// networks that peers are measured on, at fixed batch sizes, with and without the second sum that
/// bias and cosine need; and the peak memory of a process that does nothing else.

using namespace clipscope;

namespace {

struct Network {
  const char* name;
  const char* preset;
  Shape input;
};

const Network networks[] = {{"MLP", "mlp", {1, 28, 28}},
                            {"MNIST_CNN", "mnist-cnn", {1, 28, 28}},
                            {"CIFAR_CNN", "cifar-cnn", {3, 32, 32}}};

/// `batch` examples that are all drawn every step, so that the batch has one size.
LoadedData wholeBatch(const Shape& input, Index batch) {
  Dataset::Content content;
  content.name = content.source = "benchmark";
  content.shape = input;
  content.outputs = 10;
  for (int k = 0; k < 10; ++k) content.classNames.push_back(std::to_string(k));
  content.normalisation = {{0.5}, {0.25}, false};
  std::uint32_t state = 1;
  for (Index i = 0; i < batch * input.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    content.pixels.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  LoadedData loaded;
  for (Index i = 0; i < batch; ++i) {
    content.labels.push_back(static_cast<int>(i % 10));
    loaded.train.push_back(i);
  }
  loaded.data = std::make_shared<Dataset>(std::move(content));
  return loaded;
}

Trainer makeTrainer(const Network& network, Index batch, bool unclippedSum) {
  Experiment e;
  e.model.preset = network.preset;
  e.sampling.sampleRate = 1;
  e.optimizer.learningRate = 1e-3;
  e.run.unclippedSum = unclippedSum;
  return Trainer(e, wholeBatch(network.input, batch));
}

void step(benchmark::State& state, const Network& network, bool unclippedSum) {
  Trainer trainer = makeTrainer(network, state.range(0), unclippedSum);
  for (int k = 0; k < 3; ++k) trainer.finishStep();
  for (auto _ : state) benchmark::DoNotOptimize(trainer.finishStep());
  state.counters["examples/s"] = benchmark::Counter(
      static_cast<double>(state.range(0) * state.iterations()), benchmark::Counter::kIsRate);
}

/// Peak resident memory of a child that takes ten steps, in MiB.
double peakMemory(const Network& network, Index batch) {
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
    for (const Network& network : networks)
      for (const Index batch : {32, 256, 1024})
        std::printf("%s/%lld peak %.0f MiB\n", network.name, static_cast<long long>(batch),
                    peakMemory(network, batch));
    return 0;
  }
  for (const Network& network : networks)
    for (const bool unclipped : {false, true}) {
      const std::string name =
          std::string(network.name) + (unclipped ? "/with_unclipped_sum" : "/step");
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
