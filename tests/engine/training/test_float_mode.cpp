// SPDX-License-Identifier: GPL-3.0-or-later
#include <omp.h>

#include <QTest>
#include <limits>
#include <vector>

#include "engine/model/model.h"
#include "engine/tensor/float_mode.h"
#include "engine/training/trainer.h"

using namespace clipscope;

/// Denormals are 0 inside the engine's passes and nowhere else.
class TestFloatMode : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() {
    if (!FloatMode::current().flushing().flushes()) QSKIP("this processor has one mode");
  }
  void aPassFlushesDenormals();
  void aStepLeavesEveryThreadItsMode();
};

namespace {

/// 2⁻¹³⁰ as the calling thread's arithmetic has it.
float tiny() {
  volatile float half = std::numeric_limits<float>::min();
  return half / 16.0f;
}

}  // namespace

void TestFloatMode::aPassFlushesDenormals() {
  const auto model = Model::fromSpec(
      {{"layers", {{{"type", "linear"}, {"out", 3}, {"bias", false}}}}, {"loss", "cross_entropy"}},
      Shape{2});
  Parameters parameters(model->sharedTable());
  for (float& w : parameters.trainable()) w = 1e-20f;
  PreparedParameters prepared;
  model->prepare(parameters, prepared);
  BlockCache cache = model->makeCache(1);
  cache.rows = 1;
  cache.input.data[0] = cache.input.data[1] = 1e-20f;
  model->forward(prepared, cache, {});
  QCOMPARE(cache.output().row(0)[0], 0.0f);  // 2e-40 otherwise
  QVERIFY(tiny() > 0.0f);
  cache.input.data[0] = 1e-10f;
  model->forward(prepared, cache, {});
  QVERIFY(cache.output().row(0)[0] > 0.9e-30f);
}

void TestFloatMode::aStepLeavesEveryThreadItsMode() {
  omp_set_num_threads(2);
  const FloatMode own = FloatMode::current();
  QVERIFY(!own.flushes());
  const auto modes = [] {
    std::vector<FloatMode> found(2, FloatMode::current());
#pragma omp parallel num_threads(2)
    found[static_cast<std::size_t>(omp_get_thread_num())] = FloatMode::current();
    return found;
  };
  const auto flushing = [](const std::vector<FloatMode>& all) {
    return std::count_if(all.begin(), all.end(), [](const FloatMode& m) { return m.flushes(); });
  };
  QCOMPARE(flushing(modes()), 0);
  for (const char* preset : {"mlp", "mnist-cnn"}) {
    Experiment e;
    e.model.preset = preset;
    e.data.digits.count = 80;
    e.run.threads = 2;
    e.sampling.sampleRate = 1;
    Trainer trainer(e, loadDataset(e.data));
    trainer.finishStep();
    trainer.advanceTo(Phase::Forward);
    QVERIFY(FloatMode::current().flushes() == false);
    QCOMPARE(flushing(modes()), 0);
  }
  // A caller that flushes keeps doing so.
  {
    const FlushedDenormals flushed;
    Experiment e;
    e.data.digits.count = 80;
    e.sampling.sampleRate = 1;
    Trainer trainer(e, loadDataset(e.data));
    trainer.finishStep();
    QVERIFY(FloatMode::current().flushes());
    QCOMPARE(tiny(), 0.0f);
  }
  QVERIFY(!FloatMode::current().flushes());
  QVERIFY(tiny() > 0.0f);
}

QTEST_GUILESS_MAIN(TestFloatMode)
#include "test_float_mode.moc"
