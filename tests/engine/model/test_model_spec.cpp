// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/model/layers/registry.h"
#include "engine/model/model.h"
#include "engine/model/presets.h"
#include "engine/model/spec_report.h"

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
  void namesInBlocks();
  void defaultsAreWhatIsLeftOut_data();
  void defaultsAreWhatIsLeftOut();
  void refuses_data();
  void refuses();
  void reportsUpToTheFirstError();
  void reportEqualsTheModel();
  void blocksThatDouble();
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
  QTest::newRow("resnet-small") << "resnet-small" << QList<int>{3, 32, 32}
                                << (27 * 16 + 32) + (2 * 144 * 16 + 64) +
                                       (144 * 32 + 288 * 32 + 128 + 16 * 32 + 64) +
                                       (288 * 64 + 576 * 64 + 256 + 32 * 64 + 128) + 650;
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

void TestModelSpec::namesInBlocks() {
  const json spec = json::parse(R"({"layers":[{"type":"conv2d","out_channels":4,"kernel":1},
      {"type":"residual","layers":[{"type":"conv2d","out_channels":6,"kernel":1},
        {"type":"residual","name":"inner","layers":[{"type":"conv2d","name":"conv3",
          "out_channels":6,"kernel":1},{"type":"conv2d","out_channels":6,"kernel":1}]}],
       "shortcut":[{"type":"conv2d","out_channels":6,"kernel":1,"bias":false}]},
      {"type":"flatten"},{"type":"linear","out":2}],"frozen":["inner"]})");
  const auto model = Model::fromSpec(spec, Shape{3, 8, 8});
  struct Line {
    const char* name;
    int depth, parent;
    bool shortcut;
    Index parameters;
    const char* path;
  };
  // conv3 is taken, so the numbering goes on behind it.
  const Line wanted[] = {
      {"conv1", 0, -1, false, 16, "/layers/0"},
      {"res1", 0, -1, false, 30 + 84 + 24, "/layers/1"},
      {"conv2", 1, 1, false, 30, "/layers/1/layers/0"},
      {"inner", 1, 1, false, 84, "/layers/1/layers/1"},
      {"conv3", 2, 3, false, 42, "/layers/1/layers/1/layers/0"},
      {"conv4", 2, 3, false, 42, "/layers/1/layers/1/layers/1"},
      {"conv5", 1, 1, true, 24, "/layers/1/shortcut/0"},
      {"flatten1", 0, -1, false, 0, "/layers/2"},
      {"fc1", 0, -1, false, 6 * 64 * 2 + 2, "/layers/3"},
  };
  const auto& lines = model->description();
  QCOMPARE(lines.size(), std::size(wanted));
  for (std::size_t k = 0; k < lines.size(); ++k) {
    QCOMPARE(lines[k].name, wanted[k].name);
    QCOMPARE(lines[k].depth, wanted[k].depth);
    QCOMPARE(lines[k].parent, wanted[k].parent);
    QCOMPARE(lines[k].shortcut, wanted[k].shortcut);
    QCOMPARE(lines[k].parameters, wanted[k].parameters);
    QCOMPARE(lines[k].path, wanted[k].path);
    QCOMPARE(lines[k].kind,
             spec.at(json::json_pointer(lines[k].path)).at("type").get<std::string>());
  }
  QCOMPARE(lines[1].output.toString(), "6×8×8");
  const std::vector<std::string> trainable{"conv1.weight", "conv1.bias",   "conv2.weight",
                                           "conv2.bias",   "conv5.weight", "fc1.weight",
                                           "fc1.bias"};
  QCOMPARE(model->table().trainableNames(), trainable);
}

void TestModelSpec::defaultsAreWhatIsLeftOut_data() {
  QTest::addColumn<QString>("layer");
  // Every kind, with its required fields alone.
  for (const char* layer :
       {R"({"type":"linear","out":3})", R"({"type":"conv2d","out_channels":6,"kernel":3})",
        R"({"type":"maxpool2d"})", R"({"type":"avgpool2d"})",
        R"({"type":"adaptive_avgpool2d","output":3})", R"({"type":"flatten"})",
        R"({"type":"relu"})", R"({"type":"leaky_relu"})", R"({"type":"tanh"})",
        R"({"type":"sigmoid"})", R"({"type":"gelu"})", R"({"type":"silu"})",
        R"({"type":"groupnorm","groups":3})", R"({"type":"layernorm"})",
        R"({"type":"instancenorm2d"})", R"({"type":"residual","layers":[{"type":"relu"}]})",
        R"({"type":"reuse","layer":"first"})"})
    QTest::newRow(layer) << QString::fromUtf8(layer);
  QCOMPARE(layerKinds().size(), std::size_t{17});
}

void TestModelSpec::defaultsAreWhatIsLeftOut() {
  QFETCH(QString, layer);
  const json plain = json::parse(layer.toStdString());
  const LayerKind& kind = layerKind(plain.at("type"));
  const bool rows = kind.type == "linear";
  const auto built = [&](const json& fields) {
    const json first{{"type", "groupnorm"}, {"name", "first"}, {"groups", 1}};
    const json spec{{"layers", json::array({first, fields})}};
    return reportSpec(spec, rows ? Shape{6} : Shape{6, 8, 8}, {});
  };
  const SpecReport without = built(plain);
  QVERIFY2(without.layers.size() >= 2, without.error.c_str());
  for (const LayerField& field : kind.fields) {
    QVERIFY(!field.help.empty());
    if (field.required()) {
      json fields = plain;
      QVERIFY2(fields.contains(field.name), field.name.c_str());
      fields.erase(field.name);
      const SpecReport refused = built(fields);
      QVERIFY(refused.error.find("\"" + field.name + "\"") != std::string::npos);
      QCOMPARE(refused.errorPath, "/layers/1");
    } else if (!field.fallback.is_null()) {
      json fields = plain;
      fields[field.name] = field.fallback;
      const SpecReport with = built(fields);
      QCOMPARE(with.layers.size(), without.layers.size());
      QCOMPARE(with.layers[1].text, without.layers[1].text);
      QVERIFY(with.layers[1].output == without.layers[1].output);
      QCOMPARE(with.layers[1].parameters, without.layers[1].parameters);
    }
    // Nonsense is refused with the field's name and what it takes.
    json fields = plain;
    fields[field.name] = field.type == LayerField::Type::LayerName ? json("nobody") : json("x");
    QVERIFY(built(fields).error.find("\"" + field.name + "\"") != std::string::npos);
  }
}

void TestModelSpec::blocksThatDouble() {
  // Each block runs the one before it four times.
  json layers = json::array({{{"type", "linear"}, {"name", "b0"}, {"out", 3}}});
  for (int k = 1; k <= 14; ++k) {
    const json again{{"type", "reuse"}, {"layer", "b" + std::to_string(k - 1)}};
    layers.push_back({{"type", "residual"},
                      {"name", "b" + std::to_string(k)},
                      {"layers", json::array({again, again, again, again})}});
  }
  const SpecReport report = reportSpec({{"layers", layers}}, Shape{3}, {});
  QVERIFY2(report.error.find("4096") != std::string::npos, report.error.c_str());
}

void TestModelSpec::reportsUpToTheFirstError() {
  const json spec = json::parse(R"({"layers":[{"type":"conv2d","out_channels":4,"kernel":3},
      {"type":"residual","layers":[{"type":"relu"},
        {"type":"conv2d","out_channels":4,"kernel":9},{"type":"relu"}]},
      {"type":"flatten"},{"type":"linear","out":2}]})");
  const SpecReport report = reportSpec(spec, Shape{3, 8, 8}, {true, 2});
  QCOMPARE(report.errorPath, "/layers/1/layers/1");
  QVERIFY(QString::fromStdString(report.error).contains("layer 2.2 \"conv2\" (conv2d)"));
  QCOMPARE(report.layers.size(), std::size_t{3});
  QCOMPARE(report.at("/layers/0")->output.toString(), "4×6×6");
  QCOMPARE(report.at("/layers/1/layers/0")->output.toString(), "4×6×6");
  QCOMPARE(report.at("/layers/1")->output.rank(), Index{0});
  QVERIFY(!report.at("/layers/1/layers/1"));
  QCOMPARE(report.parameters, Index{4 * 27 + 4});

  // What fits as a model and not to the data.
  const auto about = [](const char* text, const TargetKind& targets) {
    return reportSpec(json::parse(text), Shape{5}, targets).errorPath;
  };
  QCOMPARE(about(R"({"layers":[{"type":"linear","out":2}]})", {true, 3}), "/layers/0");
  QCOMPARE(about(R"({"layers":[{"type":"linear","out":2}],"loss":"mse"})", {true, 2}), "/loss");
  QCOMPARE(about(R"({"layers":[{"type":"linear","out":2}],"loss":"hinge"})", {true, 2}), "/loss");
  QCOMPARE(about(R"({"layers":[{"type":"linear","out":2}],"frozen":["q"]})", {true, 2}), "/frozen");
  QCOMPARE(about(R"({"layers":[]})", {true, 2}), "");
}

void TestModelSpec::reportEqualsTheModel() {
  for (const ModelPreset& preset : modelPresets()) {
    const Shape shape{3, 32, 32};
    const json spec = presetSpec(preset.name, shape, 10, false);
    const SpecReport report = reportSpec(spec, shape, {true, 10});
    const auto model = Model::fromSpec(spec, shape);
    QVERIFY2(report.sound(), report.error.c_str());
    QCOMPARE(report.parameters, model->table().dimension());
    QCOMPARE(report.trainable, model->table().dimension());
    QCOMPARE(report.bytesPerExample, model->bytesPerExample());
    QCOMPARE(report.layers.size(), model->description().size());
    QVERIFY(report.layers.back().output == model->outputShape());
  }
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
  bad("weights beyond 64 bits", R"({"layers":[{"type":"adaptive_avgpool2d","output":1},
      {"type":"conv2d","out_channels":16777216,"kernel":1},{"type":"conv2d","name":"c",
      "out_channels":16777216,"kernel":65536,"padding":32768,"stride":65536}]})",
      {"layer 3", "c.weight", "more than"});
  bad("shape beyond 64 bits", R"({"layers":[{"type":"layernorm","affine":false,
      "shape":[1000000,1000000,1000000,1000000]}]})",
      {"layer 1", "shape", "up to three"});
  bad("padding without end", R"({"layers":[{"type":"conv2d","out_channels":1,"kernel":1,
      "padding":65536,"stride":65536},{"type":"flatten"},{"type":"linear","out":2}]})",
      {"layer 1", "padding 65536"});
  bad("a window of 2^25 cells", R"({"layers":[{"type":"adaptive_avgpool2d","output":8192},
      {"type":"maxpool2d","kernel":[4096,8192]},{"type":"flatten"},{"type":"linear","out":2}]})",
      {"layer 2", "4096×8192"});
  bad("unknown loss", R"({"layers":[{"type":"flatten"},{"type":"linear","out":3}],"loss":"hinge"})",
      {"hinge", "cross_entropy", "bce_with_logits", "mse"});
  bad("residual of two shapes", R"({"layers":[{"type":"residual","name":"block","layers":[
      {"type":"conv2d","out_channels":4,"kernel":3,"stride":2}]}]})",
      {"layer 1", "block", "4×3×3", "3×8×8", "shortcut"});
  bad("residual of two shapes, projected", R"({"layers":[{"type":"residual","layers":[
      {"type":"relu"}],"shortcut":[{"type":"flatten"}]}]})",
      {"layer 1", "res1", "3×8×8", "192"});
  bad("residual without layers", R"({"layers":[{"type":"residual"}]})", {"layer 1", "layers"});
  bad("residual with an empty branch", R"({"layers":[{"type":"residual","layers":[]}]})",
      {"layer 1", "at least one"});
  bad("shortcut no list", R"({"layers":[{"type":"residual","layers":[{"type":"relu"}],
      "shortcut":{"type":"relu"}}]})",
      {"layer 1", "shortcut", "list"});
  bad("unknown field of a block", R"({"layers":[{"type":"residual","layers":[{"type":"relu"}],
      "skip":[]}]})",
      {"layer 1", "skip", "shortcut"});
  bad("wrong inside a block", R"({"layers":[{"type":"relu"},{"type":"residual","layers":[
      {"type":"relu"},{"type":"maxpool2d","kernel":20}]}]})",
      {"layer 2.2", "maxpool2d"});
  bad("wrong on a shortcut", R"({"layers":[{"type":"residual","layers":[{"type":"relu"}],
      "shortcut":[{"type":"conv2d","kernel":1}]}]})",
      {"layer 1 shortcut 1", "out_channels"});
  bad("batch norm inside a block", R"({"layers":[{"type":"residual","layers":[
      {"type":"batchnorm2d"}]}]})",
      {"layer 1.1", "groupnorm"});
  bad("a block named as a layer", R"({"layers":[{"type":"flatten"},
      {"type":"linear","name":"a","out":3},{"type":"residual","name":"a",
      "layers":[{"type":"linear","out":3}]}]})",
      {"layer 3", "same name"});
  bad("a layer named as a block", R"({"layers":[{"type":"flatten"},{"type":"residual","name":"a",
      "layers":[{"type":"tanh"}]},{"type":"linear","name":"a","out":3}]})",
      {"layer 3", "same name"});
  bad("a block inside itself", R"({"layers":[{"type":"residual","name":"a",
      "layers":[{"type":"reuse","layer":"a"}]}]})",
      {"layer 1.1", "earlier"});
  std::string deep = R"({"type":"relu"})";
  for (int k = 0; k < 40; ++k) deep = R"({"type":"residual","layers":[)" + deep + "]}";
  bad("blocks without end", (R"({"layers":[)" + deep + "]}").c_str(), {"16 blocks"});
  bad("slope", R"({"layers":[{"type":"leaky_relu","negative_slope":"steep"}]})",
      {"layer 1", "negative_slope", "steep"});
  bad("adaptive pooling to nothing", R"({"layers":[{"type":"adaptive_avgpool2d","output":0}]})",
      {"layer 1", "output", "0"});
  bad("adaptive pooling of a row",
      R"({"layers":[{"type":"flatten"},{"type":"adaptive_avgpool2d","output":2}]})",
      {"layer 2", "image"});
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
