// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "engine/noise/gaussian_noise.h"
#include "engine/training/trainer.h"
#include "engine/training/what_if/batch_gram.h"
#include "tests/support/random_data.h"

using namespace clipscope;
using nlohmann::json;

/// Every entry of the Gram matrices against gradients that addPerSample forms in double, for every
/// kind of layer, block schedule and scale; and the noise's projections against the draw itself.
class TestBatchGram : public QObject {
  Q_OBJECT

 private slots:
  void entriesAgree_data();
  void entriesAgree();
  void noiseIsTheSteps();
  void subsetIsSeededAndSaysSo();
  void notFiniteIsLeftOut();
  void emptyBatch();
  void stops();
};

namespace {

Experiment experimentOf(const QString& spec, int block) {
  Experiment e;
  e.model.preset.clear();
  e.model.spec = json::parse(spec.toStdString());
  e.sampling.sampleRate = 0.7;
  e.sampling.physicalBatchSize = block;
  return e;
}

double dot(std::span<const double> a, std::span<const double> b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

const char* const dense = R"({"layers":[{"type":"linear","name":"a","out":9},{"type":"tanh"},
    {"type":"linear","name":"b","out":3}]})";

}  // namespace

void TestBatchGram::entriesAgree_data() {
  QTest::addColumn<QString>("spec");
  QTest::addColumn<QList<int>>("input");
  QTest::addColumn<int>("block");
  QTest::addColumn<double>("scale");
  QTest::addColumn<int>("workspace");
  const auto net = [](const char* name, const char* spec, QList<int> input, int block,
                      double scale = 1, int workspace = 1 << 28) {
    QTest::newRow(name) << QString::fromUtf8(spec) << input << block << scale << workspace;
  };
  const QList<int> vector{7}, image{2, 9, 7};
  net("dense", dense, vector, 0);
  net("dense, several blocks", dense, vector, 5);
  net("dense, tiny inputs", R"({"layers":[{"type":"linear","name":"a","out":3,"bias":false}]})",
      vector, 0, 1e-25);
  net("dense, huge inputs", R"({"layers":[{"type":"linear","name":"a","out":3,"bias":false}]})",
      vector, 0, 1e25);
  net("layer normalisation among dense layers", R"({"layers":[
      {"type":"linear","name":"a","out":11},{"type":"layernorm","name":"n"},{"type":"gelu"},
      {"type":"linear","name":"b","out":3}]})",
      vector, 6);
  net("shared weight", R"({"layers":[{"type":"linear","name":"a","out":7},{"type":"tanh"},
      {"type":"reuse","layer":"a"},{"type":"tanh"},{"type":"linear","name":"b","out":3}]})",
      vector, 4);
  net("frozen tensors", R"({"layers":[{"type":"linear","name":"a","out":5},{"type":"relu"},
      {"type":"linear","name":"b","out":4},{"type":"tanh"},{"type":"linear","name":"c","out":3}],
      "frozen":["a.weight","c.bias"]})",
      vector, 3);
  net("several positions", R"({"layers":[{"type":"linear","name":"a","out":5},{"type":"tanh"},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      {4, 7}, 3);
  net("convolutions", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,"kernel":3,
      "padding":1},{"type":"relu"},{"type":"maxpool2d","kernel":2},{"type":"conv2d","name":"b",
      "out_channels":17,"kernel":2},{"type":"tanh"},{"type":"flatten"},
      {"type":"linear","name":"c","out":3}]})",
      image, 0);
  net("convolutions, in several passes", R"({"layers":[{"type":"conv2d","name":"a",
      "out_channels":18,"kernel":3,"groups":2},{"type":"tanh"},{"type":"conv2d","name":"b",
      "out_channels":17,"kernel":2},{"type":"tanh"},{"type":"flatten"},
      {"type":"linear","name":"c","out":3}]})",
      image, 2, 1, 1);
  net("convolution, tiny inputs", R"({"layers":[{"type":"conv2d","name":"a","out_channels":4,
      "kernel":3,"bias":false},{"type":"flatten"},{"type":"linear","name":"c","out":3}]})",
      image, 3, 1e-12);
  net("groups, stride, dilation", R"({"layers":[{"type":"conv2d","name":"a","out_channels":6,
      "kernel":[3,2],"stride":[2,1],"padding":[2,1],"dilation":[2,3],"groups":2},{"type":"tanh"},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 3);
  net("normalisations", R"({"layers":[{"type":"conv2d","name":"a","out_channels":6,"kernel":3,
      "bias":false},{"type":"groupnorm","name":"g","groups":3},{"type":"tanh"},
      {"type":"conv2d","name":"b","out_channels":4,"kernel":2,"bias":false},
      {"type":"instancenorm2d","name":"i","affine":true},{"type":"relu"},{"type":"flatten"},
      {"type":"linear","name":"c","out":3}]})",
      image, 4);
  net("shared convolution", R"({"layers":[{"type":"conv2d","name":"a","out_channels":2,"kernel":3,
      "padding":1},{"type":"tanh"},{"type":"reuse","layer":"a"},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 2);
}

void TestBatchGram::entriesAgree() {
  QFETCH(QString, spec);
  QFETCH(QList<int>, input);
  QFETCH(int, block);
  QFETCH(double, scale);
  QFETCH(int, workspace);
  Shape shape;
  shape = input.size() == 1   ? Shape{input[0]}
          : input.size() == 2 ? Shape{input[0], input[1]}
                              : Shape{input[0], input[1], input[2]};
  Trainer trainer(experimentOf(spec, block), test::randomRows(shape, 34, 3, scale));
  trainer.finishStep();
  const auto record = trainer.advanceTo(Phase::Norms);
  const auto probe = trainer.probe();
  const auto gram = BatchGram::build(*probe, {}, gramLimit, workspace);
  const Index batch = record->batchSize();
  QVERIFY(batch > 10 && !gram->isSubset());
  QCOMPARE(gram->size(), batch);
  const ParameterTable& table = probe->model().table();
  std::vector<GradientSet> gradients;
  for (Index i = 0; i < batch; ++i) gradients.push_back(probe->gradient(i));
  for (Index t = 0; t < table.trainableCount(); ++t) {
    const ParameterId id = table.trainable()[static_cast<std::size_t>(t)];
    std::vector<float> z(static_cast<std::size_t>(table.trainableInfo(t).size()));
    fillNormals({1, DrawPurpose::Noise, 1, static_cast<std::uint32_t>(t)}, 0, z);
    double zz = 0;
    for (const float v : z) zz += static_cast<double>(v) * static_cast<double>(v);
    QVERIFY(std::abs(gram->noiseSquare(t) - zz) <= 1e-12 * zz);
    for (Index i = 0; i < batch; ++i) {
      // The step's own norms, to the bit.
      QCOMPARE(gram->norms().at(i, t), record->norms->norms.at(i, t));
      const auto& gi = gradients[static_cast<std::size_t>(i)];
      const double ni = gi.norm(id);
      double zg = 0;
      for (std::size_t k = 0; k < z.size(); ++k) zg += static_cast<double>(z[k]) * gi[id][k];
      QVERIFY2(
          std::abs(gram->noiseProduct(i, t) - zg) <= 1e-5 * ni * std::sqrt(zz),
          qPrintable(QString("%1 %2: %3 %4").arg(t).arg(i).arg(zg).arg(gram->noiseProduct(i, t))));
      for (Index j = 0; j < batch; ++j) {
        const auto& gj = gradients[static_cast<std::size_t>(j)];
        const double exact = dot(gi[id], gj[id]);
        QVERIFY2(std::abs(gram->product(i, j, t) - exact) <= 1e-5 * ni * gj.norm(id),
                 qPrintable(QString("%1 (%2, %3): %4 for %5")
                                .arg(QString::fromStdString(table.trainableInfo(t).name))
                                .arg(i)
                                .arg(j)
                                .arg(gram->product(i, j, t))
                                .arg(exact)));
      }
    }
  }
}

void TestBatchGram::noiseIsTheSteps() {
  // ‖z_p‖ scaled by the step's std is what the step drew.
  Trainer trainer(experimentOf(dense, 0), test::randomRows(Shape{7}, 34, 3));
  trainer.finishStep();
  const auto record = trainer.finishStep();
  const auto gram = BatchGram::build(*trainer.probe());
  for (Index t = 0; t < gram->tensors(); ++t) {
    const auto at = static_cast<std::size_t>(t);
    const double realised = record->noise->tensorStd[at] * std::sqrt(gram->noiseSquare(t));
    QVERIFY(std::abs(realised / record->noise->tensorRealised[at] - 1) < 1e-6);
  }
}

void TestBatchGram::subsetIsSeededAndSaysSo() {
  Trainer trainer(experimentOf(dense, 6), test::randomRows(Shape{7}, 60, 3));
  const Index batch = trainer.advanceTo(Phase::Norms)->batchSize();
  const auto all = BatchGram::build(*trainer.probe());
  const auto some = BatchGram::build(*trainer.probe(), {}, 9);
  const auto again = BatchGram::build(*trainer.probe(), {}, 9);
  QVERIFY(some->isSubset() && !all->isSubset());
  QCOMPARE(some->batchSize(), batch);
  QCOMPARE(some->size(), Index{9});
  QCOMPARE(some->rows(), again->rows());
  QVERIFY(std::is_sorted(some->rows().begin(), some->rows().end()));
  QVERIFY(std::adjacent_find(some->rows().begin(), some->rows().end()) == some->rows().end());
  QVERIFY(some->rows().front() >= 0 && some->rows().back() < batch);
  QVERIFY(some->rows().back() > 8);  // not merely the first nine
  for (Index t = 0; t < some->tensors(); ++t)
    for (Index i = 0; i < 9; ++i) {
      const Index row = some->rows()[static_cast<std::size_t>(i)];
      QCOMPARE(some->norms().at(row, t), all->norms().at(row, t));
      QVERIFY(std::abs(some->noiseProjection(i, t) - all->noiseProjection(row, t)) < 1e-5);
      for (Index j = 0; j < 9; ++j) {
        const Index other = some->rows()[static_cast<std::size_t>(j)];
        QVERIFY(std::abs(some->product(i, j, t) - all->product(row, other, t)) <=
                1e-5 * all->norms().at(row, t) * all->norms().at(other, t));
      }
    }
  // The next step has another.
  trainer.finishStep();
  trainer.advanceTo(Phase::Norms);
  QVERIFY(BatchGram::build(*trainer.probe(), {}, 9)->rows() != some->rows());
}

void TestBatchGram::notFiniteIsLeftOut() {
  for (const char* spec :
       {dense, R"({"layers":[{"type":"linear","name":"a","out":8},{"type":"layernorm","name":"n"},
           {"type":"linear","name":"b","out":3}]})"}) {
    LoadedData data = test::randomRows(Shape{7}, 12, 3);
    Dataset::Content content;
    content.name = content.source = "poisoned";
    content.shape = Shape{7};
    content.outputs = 3;
    for (Index i = 0; i < 12; ++i) {
      content.labels.push_back(data.data->label(i));
      std::vector<float> row(7);
      const Index one[] = {i};
      data.data->gather(one, row.data());
      if (i == 4) row[2] = std::numeric_limits<float>::infinity();
      content.rows.insert(content.rows.end(), row.begin(), row.end());
    }
    data.data = std::make_shared<Dataset>(std::move(content));
    Experiment e = experimentOf(spec, 5);
    e.sampling.sampleRate = 1;
    Trainer trainer(e, data);
    trainer.advanceTo(Phase::Norms);
    const auto gram = BatchGram::build(*trainer.probe());
    QVERIFY(!std::isfinite(gram->norms().globalNorm(4)));
    for (Index t = 0; t < gram->tensors(); ++t) {
      QCOMPARE(gram->noiseProduct(4, t), 0.0);
      for (Index j = 0; j < 12; ++j) {
        QCOMPARE(gram->product(4, j, t), 0.0);
        QCOMPARE(gram->product(j, 4, t), 0.0);
        QVERIFY(std::isfinite(gram->product(j, 5, t)));
      }
      QVERIFY(gram->product(5, 5, t) > 0);
    }
  }
}

void TestBatchGram::emptyBatch() {
  Experiment e = experimentOf(dense, 0);
  e.sampling.sampleRate = 1e-9;  // the chance of a batch that is not empty is 4e-8
  Trainer trainer(e, test::randomRows(Shape{7}, 40, 3));
  QCOMPARE(trainer.advanceTo(Phase::Norms)->batchSize(), Index{0});
  const auto gram = BatchGram::build(*trainer.probe());
  QCOMPARE(gram->size(), Index{0});
  QVERIFY(gram->noiseSquare(0) > 0);
}

void TestBatchGram::stops() {
  Trainer trainer(experimentOf(dense, 3), test::randomRows(Shape{7}, 40, 3));
  trainer.advanceTo(Phase::Norms);
  std::stop_source source;
  source.request_stop();
  QVERIFY_EXCEPTION_THROWN(BatchGram::build(*trainer.probe(), source.get_token()), Cancelled);
}

QTEST_GUILESS_MAIN(TestBatchGram)
#include "test_batch_gram.moc"
