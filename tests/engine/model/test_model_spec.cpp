// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/model/model.h"
#include "engine/model/presets.h"

using namespace clipscope;
using nlohmann::json;

/// Models from JSON: what is built, PyTorch's initial weights, and one clear message for each way
/// to be wrong.
class TestModelSpec : public QObject {
  Q_OBJECT

 private slots:
  void presets_data();
  void presets();
  void initialWeights();
  void refuses_data();
  void refuses();
  void blocksCoverTheBatch();
};

void TestModelSpec::presets_data() {
  QTest::addColumn<QString>("name");
  QTest::addColumn<QList<int>>("input");
  QTest::addColumn<int>("parameters");
  // Counted by hand from the layers' shapes.
  QTest::newRow("logistic") << "logistic" << QList<int>{1, 28, 28} << 784 * 10 + 10;
  QTest::newRow("mlp") << "mlp" << QList<int>{1, 28, 28}
                       << 784 * 512 + 512 + 512 * 256 + 256 + 2570;
  QTest::newRow("mnist-cnn") << "mnist-cnn" << QList<int>{1, 28, 28} << 26010;
  QTest::newRow("cifar-cnn") << "cifar-cnn" << QList<int>{3, 32, 32}
                             << (27 + 1) * 32 + 64 + (288 + 1) * 64 + 128 + (576 + 1) * 128 + 256 +
                                    128 * 16 * 10 + 10;
  QTest::newRow("rows") << "logistic" << QList<int>{30} << 310;
}

void TestModelSpec::presets() {
  QFETCH(QString, name);
  QFETCH(QList<int>, input);
  QFETCH(int, parameters);
  const Shape shape(std::vector<Index>(input.begin(), input.end()));
  const auto model = Model::fromSpec(presetSpec(name.toStdString(), shape, 10, false), shape);
  QCOMPARE(model->table().dimension(), Index{parameters});
  QCOMPARE(model->outputShape().size(), Index{10});
}

void TestModelSpec::initialWeights() {
  const Shape shape{1, 28, 28};
  const auto model = Model::fromSpec(presetSpec("mnist-cnn", shape, 10, false), shape);
  Parameters parameters(model->sharedTable());
  parameters.initialise(7);
  const ParameterTable& table = model->table();
  // U(−1/√fan_in, 1/√fan_in) for weight and bias alike.
  const std::pair<const char*, double> bounds[] = {{"conv1", 1 / 8.0},
                                                   {"conv2", 1 / 16.0},
                                                   {"fc1", 1 / std::sqrt(512.0)},
                                                   {"fc2", 1 / std::sqrt(32.0)}};
  for (const auto& [layer, bound] : bounds)
    for (const char* part : {".weight", ".bias"}) {
      const auto values = parameters[table.find(std::string(layer) + part)];
      double low = 1, high = -1, sum = 0, squares = 0;
      for (const float v : values) {
        low = std::min(low, static_cast<double>(v));
        high = std::max(high, static_cast<double>(v));
        sum += static_cast<double>(v);
        squares += static_cast<double>(v) * static_cast<double>(v);
      }
      const double n = static_cast<double>(values.size());
      QVERIFY(low >= -bound && high <= bound);
      // Mean within 5 standard errors: a false alarm in 1.7 million for each of the 8 tensors; the
      // seed is fixed, so the test gives one verdict for good.
      QVERIFY(std::abs(sum / n) < 5 * bound / std::sqrt(3 * n));
      if (n > 1000) QVERIFY(std::abs(squares / n / (bound * bound / 3) - 1) < 5 / std::sqrt(n));
    }
  Parameters again(model->sharedTable()), other(model->sharedTable());
  again.initialise(7);
  other.initialise(8);
  QVERIFY(std::equal(parameters.flat().begin(), parameters.flat().end(), again.flat().begin()));
  QVERIFY(!std::equal(parameters.flat().begin(), parameters.flat().end(), other.flat().begin()));
}

void TestModelSpec::refuses_data() {
  QTest::addColumn<QString>("spec");
  QTest::addColumn<QStringList>("words");
  const auto bad = [](const char* name, const char* spec, QStringList words) {
    QTest::newRow(name) << QString::fromUtf8(spec) << words;
  };
  bad("batch norm", R"({"layers":[{"type":"conv2d","out_channels":4,"kernel":3},
      {"type":"batchnorm2d"}]})",
      {"layer 2", "batch normalisation", "no example has a gradient", "groupnorm"});
  bad("BatchNorm1d", R"({"layers":[{"type":"flatten"},{"type":"BatchNorm1d"}]})", {"groupnorm"});
  bad("unknown layer", R"({"layers":[{"type":"linaer","out":3}]})",
      {"layer 1", "linaer", "linear"});
  bad("no layers", R"({"layers":[]})", {"layers"});
  bad("layers no list", R"({"layers":3})", {"layers"});
  bad("no type", R"({"layers":[{"out":3}]})", {"layer 1", "type"});
  bad("unknown field", R"({"layers":[{"type":"flatten"},{"type":"linear","outputs":3}]})",
      {"layer 2", "outputs"});
  bad("unknown key", R"({"layer":[{"type":"flatten"}]})", {"layer"});
  bad("wrong width", R"({"layers":[{"type":"flatten"},{"type":"linear","in":7,"out":3}]})",
      {"layer 2", "7", "192"});
  bad("wrong channels",
      R"({"layers":[{"type":"conv2d","in_channels":4,"out_channels":4,"kernel":3}]})",
      {"layer 1", "4", "3"});
  bad("kernel too large", R"({"layers":[{"type":"conv2d","out_channels":4,"kernel":9}]})",
      {"layer 1"});
  bad("negative", R"({"layers":[{"type":"conv2d","out_channels":-4,"kernel":3}]})",
      {"layer 1", "out_channels", "-4"});
  bad("fraction", R"({"layers":[{"type":"flatten"},{"type":"linear","out":2.5}]})",
      {"2.5", "whole"});
  bad("huge", R"({"layers":[{"type":"flatten"},{"type":"linear","out":99999999999}]})", {"out"});
  bad("groups", R"({"layers":[{"type":"conv2d","out_channels":4,"kernel":3,"groups":2}]})",
      {"groups"});
  bad("pooling a row", R"({"layers":[{"type":"flatten"},{"type":"maxpool2d"}]})",
      {"layer 2", "image"});
  bad("reuse of nothing", R"({"layers":[{"type":"reuse","layer":"fc9"}]})", {"fc9"});
  bad("reuse misshapen", R"({"layers":[{"type":"flatten"},{"type":"linear","name":"a","out":3},
      {"type":"reuse","layer":"a"}]})",
      {"layer 3", "a"});
  bad("twice the name", R"({"layers":[{"type":"flatten"},{"type":"linear","name":"a","out":3},
      {"type":"linear","name":"a","out":3}]})",
      {"a"});
  bad("frozen unknown", R"({"layers":[{"type":"flatten"},{"type":"linear","name":"a","out":3}],
      "frozen":["b.weight"]})",
      {"frozen", "b.weight"});
  bad("all frozen", R"({"layers":[{"type":"flatten"},{"type":"linear","name":"a","out":3}],
      "frozen":["a"]})",
      {"frozen"});
  bad("unknown loss", R"({"layers":[{"type":"flatten"},{"type":"linear","out":3}],"loss":"hinge"})",
      {"hinge", "cross_entropy", "mse"});
}

void TestModelSpec::refuses() {
  QFETCH(QString, spec);
  QFETCH(QStringList, words);
  try {
    Model::fromSpec(json::parse(spec.toStdString()), Shape{3, 8, 8});
  } catch (const SpecError& error) {
    for (const QString& word : words)
      QVERIFY2(QString::fromUtf8(error.what()).contains(word), error.what());
    return;
  }
  QFAIL("the spec was accepted");
}

void TestModelSpec::blocksCoverTheBatch() {
  for (const bool threadPerBlock : {false, true})
    for (const Index rows : {1, 7, 512})
      for (const Index batch : {0, 1, 6, 7, 8, 511, 512, 513, 1500}) {
        const BlockPlan plan{rows, threadPerBlock};
        Index next = 0;
        for (Index b = 0; b < plan.count(batch); ++b) {
          const auto [first, last] = plan.range(batch, b);
          QCOMPARE(first, next);
          QVERIFY(last > first && last - first <= rows);
          next = last;
        }
        QCOMPARE(next, batch);
      }
}

QTEST_GUILESS_MAIN(TestModelSpec)
#include "test_model_spec.moc"
