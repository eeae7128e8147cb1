// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QProcess>
#include <QSettings>
#include <QTemporaryDir>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>

#include "engine/session/run_session.h"
#include "ui/panels/history_panel.h"
#include "ui/panels/history_plot.h"
#include "ui/theme.h"
#include "ui/window/main_window.h"

/// What the window costs: from the start of the process to the first paint (aim 400 ms) and to the
/// first batch on the screen (1 s); the throughput of a training that is watched against one that
/// is not (at least 85 %), in turn; a frame of a History of a million steps that is panned (16.7
/// ms); and the memory of a run of a hundred thousand steps.
///
/// bench_window [startup|throughput|history|memory]…; all without arguments.

using namespace clipscope;

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Milliseconds since the process was started; to the kernel's tick of 10 ms.
double sinceProcessStart() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  for (int k = 3; k <= 22; ++k) fields >> field;  // field 22 is the start, in ticks since boot
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return 1e3 * (static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
                std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

double residentMiB() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmRSS:", 0) == 0) return std::stod(line.substr(6)) / 1024;
  return 0;
}

/// Notices the first time that a widget is painted.
class PaintWatch : public QObject {
 public:
  bool painted = false;
  bool eventFilter(QObject*, QEvent* event) override {
    painted = painted || event->type() == QEvent::Paint;
    return false;
  }
};

/// What the program does at a start, timed: prints both times.
void startOnce() {
  MainWindow window;
  PaintWatch watch;
  window.installEventFilter(&watch);
  window.show();
  window.controller()->openFirst(QString());
  while (!watch.painted) QApplication::processEvents(QEventLoop::WaitForMoreEvents);
  const double painted = sinceProcessStart();
  const auto& record = window.controller()->record();
  while (!record || record->batchSize() == 0)
    QApplication::processEvents(QEventLoop::WaitForMoreEvents);
  for (int k = 0; k < 3; ++k) QApplication::processEvents();  // until it is painted
  std::printf("%g %g\n", painted, sinceProcessStart());
}

void startup(const QString& self) {
  std::vector<double> painted, batch;
  for (int k = 0; k < 7; ++k) {
    QProcess process;
    process.start(self, {QStringLiteral("start-once")});
    process.waitForFinished(-1);
    std::istringstream out(process.readAllStandardOutput().toStdString());
    double a = 0, b = 0;
    out >> a >> b;
    painted.push_back(a);
    batch.push_back(b);
  }
  std::printf("start to first paint %.0f ms (aim 400), to first batch %.0f ms (aim 1000)\n",
              median(painted), median(batch));
}

void throughput() {
  Experiment e;
  e.run.evaluateEvery = 0;
  e.sampling.expectedBatchSize = 256;
  MainWindow window;
  window.resize(1440, 900);
  window.show();
  Controller& controller = *window.controller();
  controller.openExperiment(e);
  const auto settle = [&] {
    do QApplication::processEvents(QEventLoop::WaitForMoreEvents);
    while (controller.isBusy() || !controller.session());
  };
  settle();
  Trainer trainer(e, loadDataset(e.data));
  for (int k = 0; k < 5; ++k) trainer.finishStep();
  std::vector<double> watched, alone, ratios;
  for (int round = 0; round < 7; ++round) {
    const Index before = controller.history().steps();
    auto start = Clock::now();
    controller.runOrPause();
    while (secondsSince(start) < 2) QApplication::processEvents(QEventLoop::WaitForMoreEvents);
    const double seconds = secondsSince(start);
    controller.pause();
    settle();
    watched.push_back(static_cast<double>(controller.history().steps() - before) / seconds);
    start = Clock::now();
    const Index done = trainer.stepsDone();
    while (secondsSince(start) < 2) trainer.finishStep();
    alone.push_back(static_cast<double>(trainer.stepsDone() - done) / secondsSince(start));
    ratios.push_back(watched.back() / alone.back());
  }
  std::printf("MNIST CNN at 256: %.1f steps/s watched, %.1f alone: %.3f (aim at least 0.85)\n",
              median(watched), median(alone), median(ratios));
}

void history() {
  RunHistory run;
  for (Index step = 1; step <= 1'000'000; ++step) {
    StepSummary s;
    const double x = static_cast<double>(step * 2654435761 % 1000) / 1000;
    s.step = step;
    s.batchSize = 256;
    s.loss = s.q50 = 2 / (1 + 1e-5 * static_cast<double>(step)) + x;
    s.q05 = s.q50 / 4, s.q25 = s.q50 / 2, s.q75 = s.q50 * 2, s.q95 = s.q50 * 4, s.max = s.q50 * 8;
    s.epsilon = 1e-3 * std::sqrt(static_cast<double>(step));
    s.clippedFraction = x;
    s.maxGradNorm = 1;
    s.snr = s.snrRealised = 1 + x;
    run.append(s);
  }
  Selection selection;
  HistoryPanel panel(&selection);
  panel.resize(1400, 420);
  panel.setHistory(&run);
  auto record = std::make_shared<StepRecord>();
  record->step = run.steps();
  record->completed = Phase::Account;
  auto start = Clock::now();
  panel.show();
  panel.setRecord(record);
  for (int k = 0; k < 5; ++k) QApplication::processEvents();
  std::printf("History of 1e6 steps: first drawing %.0f ms", 1e3 * secondsSince(start));
  for (const double width : {1e6, 1e5, 1e3}) {
    std::vector<double> frames;
    HistoryPlot* plot = panel.plots().front();
    for (int frame = 0; frame < 120; ++frame) {
      const double from = 1000.0 + frame * width / 400;
      start = Clock::now();
      plot->xAxis->setRange(from, from + width);
      plot->queueReplot();
      for (int k = 0; k < 3; ++k) QApplication::processEvents();
      frames.push_back(1e3 * secondsSince(start));
    }
    std::sort(frames.begin(), frames.end());
    std::printf("; panned over %g: %.1f ms a frame, 95 %% below %.1f", width,
                frames[frames.size() / 2], frames[frames.size() * 95 / 100]);
  }
  std::printf(" (aim 16.7)\n");
}

void memory() {
  Experiment e;
  e.data.digits.count = 200;
  e.model.preset = "logistic";
  e.sampling.expectedBatchSize = 20;
  e.run.evaluateEvery = 0;
  RunSession session(e, loadDataset(e.data));
  RunHistory run;
  std::printf("memory (a step's summary is %zu bytes):", sizeof(StepSummary));
  double last = 0;
  Index lastStep = 0;
  for (const Index until : {10'000, 100'000, 200'000, 400'000}) {
    for (Index step = lastStep; step < until; ++step) {
      session.finishStep();
      session.takeNews().addTo(run);
    }
    const double now = residentMiB();
    std::printf(" %.1f MiB after %g steps", now, static_cast<double>(until));
    if (lastStep > 0)
      std::printf(" (%.0f bytes a step)",
                  (now - last) * 1048576 / static_cast<double>(until - lastStep));
    last = now;
    lastStep = until;
  }
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  const QTemporaryDir settings;
  QSettings::setDefaultFormat(QSettings::IniFormat);
  QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, settings.path());
  QApplication application(argc, argv);
  QCoreApplication::setOrganizationName(QStringLiteral("ClipscopeBench"));
  applyTheme(application, ThemeChoice::Light);
  QStringList wanted = QCoreApplication::arguments().mid(1);
  if (wanted == QStringList{QStringLiteral("start-once")}) {
    startOnce();
    return 0;
  }
  const auto wants = [&](const char* name) {
    return wanted.isEmpty() || wanted.contains(QString::fromUtf8(name));
  };
  if (wants("startup")) startup(QCoreApplication::applicationFilePath());
  if (wants("throughput")) throughput();
  if (wants("history")) history();
  if (wants("memory")) memory();
}
