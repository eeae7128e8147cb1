// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <random>

#include "engine/error.h"
#include "engine/training/trainer.h"

using namespace clipscope;
using nlohmann::json;

/// The promise that the noise is scaled to: max over examples of ‖clipped g_i‖ ≤ C(1 + 1e-5), on
/// 300 random models, with the gradient formed in double by another path than the norms and
/// multiplied by the very float factors that the sum uses.
class TestSensitivity : public QObject {
  Q_OBJECT

 private slots:
  void holdsOnRandomModels();
};

namespace {

using Random = std::mt19937_64;

template <class T>
T pick(Random& random, std::initializer_list<T> choices) {
  return *(choices.begin() + static_cast<std::ptrdiff_t>(random() % choices.size()));
}

Index between(Random& random, Index low, Index high) {
  return low + static_cast<Index>(random() % static_cast<std::uint64_t>(high - low + 1));
}

json activation(Random& random) {
  return {{"type", pick<const char*>(random, {"relu", "tanh", "sigmoid", "gelu"})}};
}

json denseModel(Random& random) {
  json layers = json::array({{{"type", "flatten"}}});
  for (Index k = between(random, 0, 3); k > 0; --k) {
    layers.push_back(
        {{"type", "linear"}, {"out", between(random, 1, 40)}, {"bias", random() % 3 != 0}});
    if (random() % 3 == 0) layers.push_back({{"type", "layernorm"}});
    layers.push_back(activation(random));
  }
  layers.push_back({{"type", "linear"}, {"out", 4}});
  return {{"layers", layers}};
}

json imageModel(Random& random) {
  json layers = json::array();
  for (Index k = between(random, 1, 2); k > 0; --k) {
    const Index channels = 2 * between(random, 1, 5);
    layers.push_back({{"type", "conv2d"},
                      {"out_channels", channels},
                      {"kernel", json{between(random, 1, 3), between(random, 1, 3)}},
                      {"padding", between(random, 0, 2)},
                      {"stride", between(random, 1, 2)},
                      {"groups", random() % 3 == 0 ? 2 : 1},
                      {"bias", random() % 2 == 0}});
    // Never one channel a group: the bias in front of it has a gradient of 0 that is pure rounding,
    // and a rule that lifts it to its C_k lifts the rounding.
    if (channels > 2 && random() % 2 == 0)
      layers.push_back({{"type", "groupnorm"}, {"groups", random() % 2 == 0 ? 2 : 1}});
    layers.push_back(activation(random));
  }
  if (random() % 2 == 0)
    layers.push_back(
        {{"type", pick<const char*>(random, {"maxpool2d", "avgpool2d"})}, {"kernel", 2}});
  layers.push_back({{"type", "flatten"}});
  layers.push_back({{"type", "linear"}, {"out", 4}});
  return {{"layers", layers}};
}

LoadedData randomData(Random& random, double scale) {
  Dataset::Content content;
  content.name = content.source = "random";
  content.shape = Shape{2, 11, 9};
  content.outputs = 4;
  std::normal_distribution<float> normal;
  for (Index i = 0; i < 24; ++i) {
    content.labels.push_back(static_cast<int>(random() % 4));
    for (Index k = 0; k < content.shape.size(); ++k)
      content.rows.push_back(static_cast<float>(scale) * normal(random));
  }
  LoadedData loaded;
  loaded.data = std::make_shared<Dataset>(std::move(content));
  for (Index i = 0; i < 24; ++i) loaded.train.push_back(i);
  return loaded;
}

}  // namespace

void TestSensitivity::holdsOnRandomModels() {
  Random random(99);
  int grouped = 0, binding = 0;
  for (int trial = 0; trial < 300;) {
    Experiment e;
    e.model.preset.clear();
    e.model.spec = trial % 2 == 0 ? denseModel(random) : imageModel(random);
    e.clipping.strategy = pick<const char*>(
        random, {"threshold", "auto_s", "auto_v", "normalised", "psac", "global"});
    e.clipping.strategySettings.clipConstant = pick(random, {0.0, 1e-6});
    e.clipping.grouping =
        pick(random, {GroupingKind::Flat, GroupingKind::PerLayer, GroupingKind::PerParameter});
    e.clipping.thresholds =
        pick(random, {ThresholdRule::Equal, ThresholdRule::SqrtDimension, ThresholdRule::Median});
    e.clipping.maxGradNorm = std::pow(10.0, static_cast<double>(between(random, -3, 2)));
    e.sampling.sampleRate = 0.5;
    e.sampling.physicalBatchSize = between(random, 0, 5);
    e.run.seed = random();
    const LoadedData data = randomData(random, pick(random, {0.01, 1.0, 30.0}));
    try {
      makeModel(e, *data.data);
    } catch (const SpecError&) {
      continue;  // a pooling window that does not fit: another model
    }
    Trainer trainer(e, data);
    ++trial;
    // Median thresholds differ from equal ones from the second step on.
    trainer.finishStep();
    const auto record = trainer.advanceTo(Phase::Clip);
    const auto probe = trainer.probe();
    const ParameterTable& table = trainer.model().table();
    const double c = record->clip->maxGradNorm;
    QVERIFY(std::abs(c / e.clipping.maxGradNorm - 1) < 1e-12);
    grouped += record->clip->groups.size() > 1;
    const Grouping grouping = makeGrouping(e.clipping.grouping, table.trainableNames());
    const auto strategy = makeStrategy(e.clipping.strategy, e.clipping.strategySettings);
    std::vector<double> thresholds;
    for (const GroupResult& group : record->clip->groups) thresholds.push_back(group.threshold);
    double worst = 0;
    for (Index i = 0; i < record->batchSize(); ++i) {
      const GradientSet g = probe->gradient(i);
      std::vector<float> factors(static_cast<std::size_t>(table.trainableCount()));
      tensorFactors(record->norms->norms.row(i), grouping, thresholds, *strategy, factors);
      double squares = 0;
      for (Index t = 0; t < table.trainableCount(); ++t) {
        const float f = factors[static_cast<std::size_t>(t)];
        for (const double v : g[table.trainable()[static_cast<std::size_t>(t)]]) {
          const double clipped = static_cast<double>(f) * v;
          squares += clipped * clipped;
        }
      }
      worst = std::max(worst, std::sqrt(squares));
    }
    QVERIFY2(worst <= c * (1 + 1e-5),
             qPrintable(QString("model %1: %2 of C %3, %4: %5")
                            .arg(trial)
                            .arg(worst)
                            .arg(c)
                            .arg(QString::fromStdString(e.clipping.strategy),
                                 QString::fromStdString(e.model.spec.dump()))));
    // What the record says of its own worst contribution is that, or less: it looks at a few rows.
    QVERIFY(!(record->clip->worstContribution > worst * (1 + 1e-6)));
    binding += worst > 0.999 * c;
  }
  // The bound was met where it is tight, and with groups.
  QVERIFY2(binding > 50 && grouped > 100, qPrintable(QString("%1 %2").arg(binding).arg(grouped)));
}

QTEST_GUILESS_MAIN(TestSensitivity)
#include "test_sensitivity.moc"
