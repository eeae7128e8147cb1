// SPDX-License-Identifier: GPL-3.0-or-later
// What ε costs, by accountant: of many equal steps at once, of a thousand different ones, of one
// step more, and the noise multiplier of a target.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/accounting/accountant.h"
#include "engine/accounting/noise_multiplier.h"

using namespace clipscope;

namespace {

constexpr double delta = 1e-5;

const std::string& nameOf(const benchmark::State& state) {
  return accountantNames()[static_cast<std::size_t>(state.range(0))];
}

void equalSteps(benchmark::State& state) {
  for (auto _ : state) {
    const auto accountant = makeAccountant(nameOf(state));
    accountant->add(1, 0.01, state.range(1));
    benchmark::DoNotOptimize(accountant->epsilon(delta));
  }
  state.SetLabel(nameOf(state));
}

void differentSteps(benchmark::State& state) {
  for (auto _ : state) {
    const auto accountant = makeAccountant(nameOf(state));
    std::vector<AccountedSteps> history;
    for (int k = 0; k < 1000; ++k) history.push_back({1 + 0.001 * k, 0.01, 1});
    accountant->setHistory(std::move(history));
    benchmark::DoNotOptimize(accountant->epsilon(delta));
  }
  state.SetLabel(nameOf(state));
}

/// As a run does: the mean over its first thousand steps.
void stepByStep(benchmark::State& state) {
  for (auto _ : state) {
    const auto accountant = makeAccountant(nameOf(state));
    for (int k = 0; k < 1000; ++k) {
      accountant->add(1, 0.01, 1);
      benchmark::DoNotOptimize(accountant->epsilon(delta));
    }
  }
  state.SetItemsProcessed(1000 * state.iterations());
  state.SetLabel(nameOf(state));
}

void noiseOfTarget(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(noiseMultiplierFor(nameOf(state), {2, delta, 0.01, 10000}));
  state.SetLabel(nameOf(state));
}

BENCHMARK(equalSteps)
    ->ArgsProduct({{0, 1, 2, 3}, {1000, 100000, 1000000}})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(differentSteps)->DenseRange(0, 3)->Unit(benchmark::kMillisecond);
BENCHMARK(stepByStep)->DenseRange(0, 3)->Unit(benchmark::kMillisecond);
BENCHMARK(noiseOfTarget)->DenseRange(0, 3)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
