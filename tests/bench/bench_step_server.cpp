// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

#include "engine/error.h"
#include "engine/model/model.h"
#include "tests/bench/complete_spec.h"
#include "tests/bench/further_step.h"
#include "tests/bench/plain_step.h"

/// Our side of tests/bench/compare: a resident process that holds one network, batch and kind of
/// step, and times it when it is asked. Arguments: NETWORK BATCH MODE, the network by name or as
/// JSON (bench_network.h); or "describe NETWORK", which prints the complete spec as JSON, or "check
/// NETWORK BATCH", which holds the plain step against the Trainer's.
///
/// Modes: "dp" a whole step of the Trainer with one strategy and every norm; "sum" the same with
/// the unclipped sum; "passes" and "further" the passes over the batch with one and with two
/// strategies (further_step.h); "plain" no privacy (plain_step.h).
///
/// Lines: prints {"ready": true, …}; answers "run SECONDS" with {"ms": median a step, "steps": n},
/// and ends at "quit" with {"peak_mib": …}: the largest resident size since the data was loaded,
/// above the size then.

using namespace clipscope;

namespace {

/// A number of /proc/self/status, in MiB.
double statusMiB(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(name + ":", 0) == 0)
      return std::strtod(line.c_str() + name.size() + 1, nullptr) / 1024;
  return 0;
}

std::function<void()> makeStep(const BenchNetwork& network, const std::string& mode,
                               LoadedData data) {
  if (mode == "dp" || mode == "sum") {
    auto trainer =
        std::make_shared<Trainer>(benchExperiment(network, mode == "sum"), std::move(data));
    return [trainer] { trainer->finishStep(); };
  }
  if (mode == "plain") {
    auto plain = std::make_shared<PlainStep>(network, std::move(data));
    return [plain] { plain->step(); };
  }
  if (mode == "passes" || mode == "further") {
    auto further =
        std::make_shared<FurtherStep>(network, std::move(data), mode == "passes" ? 1 : 2);
    return [further] { further->step(); };
  }
  throw SettingError("no such mode: " + mode);
}

nlohmann::json timed(const std::function<void()>& step, double seconds) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  const auto start = Clock::now();
  auto last = start;
  do {
    step();
    const auto now = Clock::now();
    times.push_back(std::chrono::duration<double, std::milli>(now - last).count());
    last = now;
  } while (times.size() < 3 || std::chrono::duration<double>(last - start).count() < seconds);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return {{"ms", *middle}, {"steps", times.size()}};
}

int serve(const std::string& networkText, Index batch, const std::string& mode) {
  const BenchNetwork network = benchNetwork(networkText);
  LoadedData data = wholeBatch(network, batch);
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts over from here
  const double loaded = statusMiB("VmRSS");
  const auto step = makeStep(network, mode, std::move(data));
  for (int k = 0; k < 3; ++k) step();
  std::cout << nlohmann::json{{"ready", true}, {"loaded_mib", loaded}} << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "quit") break;
    std::cout << timed(step, std::strtod(line.c_str() + sizeof "run", nullptr)) << std::endl;
  }
  std::cout << nlohmann::json{{"peak_mib", statusMiB("VmHWM") - loaded},
                              {"anonymous_mib", statusMiB("RssAnon")}}
            << std::endl;
  return 0;
}

/// Is the plain step SGD? Largest difference of its weights to those of a Trainer that neither
/// clips nor adds noise, relative to how far the step moved them.
double plainStepError(const BenchNetwork& network, Index batch) {
  Experiment e = benchExperiment(network, false);
  e.clipping.strategy = "none";
  e.noise.noiseMultiplier = 0;
  Trainer trainer(e, wholeBatch(network, batch));
  const Parameters before = trainer.parameters();
  PlainStep plain(network, wholeBatch(network, batch));
  trainer.finishStep();
  plain.step();
  double moved = 0, error = 0;
  for (std::size_t k = 0; k < before.flat().size(); ++k) {
    const double wanted = static_cast<double>(trainer.parameters().flat()[k]);
    moved = std::max(moved, std::abs(wanted - static_cast<double>(before.flat()[k])));
    error = std::max(error, std::abs(wanted - static_cast<double>(plain.parameters().flat()[k])));
  }
  return error / moved;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc == 3 && std::string(argv[1]) == "describe") {
    const BenchNetwork network = benchNetwork(argv[2]);
    const auto model = Model::fromSpec(network.spec, network.input);
    std::cout << nlohmann::json{{"input", network.input.extents()},
                                {"layers", completeLayers(network)},
                                {"parameters", model->table().dimension()}}
              << std::endl;
    return 0;
  }
  if (argc == 4 && std::string(argv[1]) == "check") {
    const double error = plainStepError(benchNetwork(argv[2]), std::strtoll(argv[3], nullptr, 10));
    std::cout << "plain step against the Trainer without clipping or noise: " << error << std::endl;
    return error < 1e-3 ? 0 : 1;
  }
  if (argc != 4) {
    std::cerr << "usage: bench_step_server NETWORK BATCH dp|sum|passes|further|plain\n"
                 "       bench_step_server describe NETWORK\n"
                 "       bench_step_server check NETWORK BATCH\n";
    return 2;
  }
  return serve(argv[1], std::strtoll(argv[2], nullptr, 10), argv[3]);
} catch (const std::exception& error) {
  std::cerr << "bench_step_server: " << error.what() << "\n";
  return 1;
}
