// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>

#include <QApplication>
#include <QDockWidget>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>
#include <nlohmann/json.hpp>

#include "ui/panels/norms_panel.h"
#include "ui/panels/panel.h"
#include "ui/plots/plot.h"
#include "ui/plots/threshold_handle.h"
#include "ui/theme.h"
#include "ui/window/main_window.h"
#include "ui/window/panel_docks.h"

/// What a new record costs the window: all panels of a first start together (budget 12 ms at batch
/// 1024 × 20 tensors), and each alone (16 ms at 4096 × 60). CPU time of the window's thread, from
/// the record to the painted pixels, alternating between two records. "drag": from a move of the
/// mouse that holds C to the painted pixels of every visible panel, Gram matrices and all (budget
/// 33 ms at 1024 × 20).

using namespace clipscope;

namespace {

/// `layers` small linear layers, two tensors each, on a batch that is drawn whole.
Experiment experiment(Index batch, int layers) {
  Experiment e;
  e.data.digits.count = batch;
  e.data.testShare = 0;
  e.run.evaluateEvery = 0;
  e.model.preset.clear();
  nlohmann::json list = nlohmann::json::array({{{"type", "flatten"}}});
  for (int k = 0; k < layers; ++k) {
    list.push_back({{"type", "linear"}, {"out", k + 1 < layers ? 16 : 10}});
    if (k + 1 < layers) list.push_back({{"type", "tanh"}});
  }
  e.model.spec = {{"layers", list}, {"loss", "cross_entropy"}};
  e.sampling.sampleRate = 1;
  return e;
}

struct Bench {
  Bench(Index batch, int layers) {
    window.resize(1440, 900);
    window.resetLayout();
    window.show();
    window.controller()->openExperiment(experiment(batch, layers));
    settle();
    for (auto& record : records) {
      window.controller()->step();
      settle();
      record = window.controller()->record();
    }
  }
  void settle() {
    do {
      QApplication::processEvents(QEventLoop::AllEvents, 20);
    } while (window.controller()->isBusy() || !window.controller()->record());
  }
  /// Plots are drawn from the event queue, and painted from what that queues.
  static void paint() {
    for (int round = 0; round < 3; ++round) QApplication::processEvents();
  }

  MainWindow window;
  std::array<std::shared_ptr<const StepRecord>, 2> records;
};

void allPanels(benchmark::State& state) {
  Bench bench(1024, 10);
  std::size_t k = 0;
  for (auto _ : state) {
    for (Panel* panel : bench.window.docks()->panels()) panel->setRecord(bench.records[k % 2]);
    Bench::paint();
    ++k;
  }
}

void drag(benchmark::State& state) {
  Bench bench(1024, 10);
  Controller* controller = bench.window.controller();
  WhatIfState* whatIf = controller->whatIf();
  while (controller->isPreparing() || !whatIf->hasGram())
    QApplication::processEvents(QEventLoop::AllEvents, 20);
  Plot* plot = bench.window.norms()->plot();
  const ThresholdHandle* handle = bench.window.norms()->handle();
  QPoint at(qRound(handle->linePixel()), plot->axisRect()->bottom() - 10);
  QTest::mousePress(plot, Qt::LeftButton, {}, at);
  int k = 0;
  for (auto _ : state) {
    at.rx() += ++k % 40 < 20 ? 3 : -3;
    const double before = whatIf->maxGradNorm();
    QTest::mouseMove(plot, at);
    Bench::paint();
    if (whatIf->maxGradNorm() == before) state.SkipWithError("the mouse moved, and C did not");
  }
  QTest::mouseRelease(plot, Qt::LeftButton, {}, at);
}

void onePanel(benchmark::State& state, std::size_t index) {
  Bench bench(4096, 30);
  const auto& panels = bench.window.docks()->panels();
  for (Panel* other : panels)
    if (other != panels[index]) bench.window.docks()->dockOf(other)->hide();
  bench.window.docks()->show(panels[index]);
  Bench::paint();
  std::size_t k = 0;
  for (auto _ : state) {
    panels[index]->setRecord(bench.records[k % 2]);
    Bench::paint();
    ++k;
  }
}

}  // namespace

int main(int argc, char** argv) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  benchmark::Initialize(&argc, argv);
  const QTemporaryDir settings;
  QSettings::setDefaultFormat(QSettings::IniFormat);
  QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, settings.path());
  QApplication application(argc, argv);
  QCoreApplication::setOrganizationName(QStringLiteral("ClipscopeBench"));
  applyTheme(application, ThemeChoice::Light);
  benchmark::RegisterBenchmark("all panels, 1024 x 20", allPanels)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("drag of C, 1024 x 20", drag)->Unit(benchmark::kMillisecond);
  QStringList names;
  {
    const MainWindow window;
    for (const Panel* panel : window.docks()->panels()) names << panel->fileName();
  }
  for (qsizetype k = 0; k < names.size(); ++k)
    benchmark::RegisterBenchmark(
        (names[k].toStdString() + " alone, 4096 x 60").c_str(),
        [k](benchmark::State& state) { onePanel(state, static_cast<std::size_t>(k)); })
        ->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
}
