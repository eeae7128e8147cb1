// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <random>

#include "tests/support/model_bench.h"

using namespace clipscope;
using clipscope::test::ModelBench;
using nlohmann::json;

/// Every layer inside small networks of awkward shapes: losses and gradients against central
/// differences of an independent forward pass in double, norms against the gradients (so ghost
/// norms against formed ones), weighted sums against Σ f g.
class TestLayers : public QObject {
  Q_OBJECT

 private slots:
  void agrees_data();
  void agrees();
};

void TestLayers::agrees_data() {
  QTest::addColumn<QString>("spec");
  QTest::addColumn<QList<int>>("input");
  QTest::addColumn<int>("rows");
  QTest::addColumn<int>("block");
  const auto net = [](const char* name, const char* spec, QList<int> input, int rows, int block) {
    QTest::newRow(name) << QString::fromUtf8(spec) << input << rows << block;
  };
  const QList<int> vector{7}, image{3, 11, 7};
  net("linear", R"({"layers":[{"type":"linear","name":"a","out":5}]})", vector, 5, 2);
  net("linear, batch 1", R"({"layers":[{"type":"linear","name":"a","out":5}]})", vector, 1, 0);
  net("linear, no bias", R"({"layers":[{"type":"linear","name":"a","out":3,"bias":false},
      {"type":"linear","name":"b","out":2}]})",
      vector, 3, 0);
  net("linear on rows of an image",
      R"({"layers":[{"type":"linear","name":"a","out":5},{"type":"relu"},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      {4, 7}, 5, 3);
  net("long rows: ghost norms", R"({"layers":[{"type":"linear","name":"a","out":31},{"type":"tanh"},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      {2, 37}, 3, 2);
  net("many rows: formed gradients", R"({"layers":[{"type":"linear","name":"a","out":3},
      {"type":"tanh"},{"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      {29, 2}, 3, 2);
  net("activations", R"({"layers":[{"type":"linear","name":"a","out":9},{"type":"relu"},
      {"type":"linear","name":"b","out":8},{"type":"tanh"},{"type":"linear","name":"c","out":7},
      {"type":"sigmoid"},{"type":"linear","name":"d","out":6},{"type":"gelu"},
      {"type":"linear","name":"e","out":4}]})",
      vector, 7, 3);
  net("leaky and sigmoid-weighted", R"({"layers":[{"type":"linear","name":"a","out":9},
      {"type":"leaky_relu"},{"type":"linear","name":"b","out":8},
      {"type":"leaky_relu","negative_slope":0.3},{"type":"linear","name":"c","out":7},
      {"type":"silu"},{"type":"linear","name":"d","out":4}]})",
      vector, 7, 3);
  net("binary cross-entropy", R"({"layers":[{"type":"linear","name":"a","out":5},{"type":"silu"},
      {"type":"linear","name":"b","out":1}],"loss":"bce_with_logits"})",
      vector, 5, 4);
  net("binary cross-entropy of several outputs", R"({"layers":[{"type":"linear","name":"a","out":5},
      {"type":"tanh"},{"type":"linear","name":"b","out":3}],"loss":"bce_with_logits"})",
      vector, 5, 2);
  net("residual, dense", R"({"layers":[{"type":"linear","name":"a","out":6},
      {"type":"residual","name":"r","layers":[{"type":"tanh"},{"type":"linear","name":"b","out":6}]},
      {"type":"relu"},{"type":"linear","name":"c","out":3}]})",
      vector, 7, 3);
  net("residual on the input", R"({"layers":[{"type":"residual","layers":[
      {"type":"linear","name":"a","out":7},{"type":"silu"}]},{"type":"linear","name":"b","out":3}]})",
      vector, 5, 2);
  net("residual, projected, at the end", R"({"layers":[{"type":"linear","name":"a","out":6},
      {"type":"residual","layers":[{"type":"tanh"},{"type":"linear","name":"b","out":4}],
       "shortcut":[{"type":"linear","name":"s","out":4,"bias":false}]}]})",
      vector, 5, 2);
  net("residual in a residual", R"({"layers":[{"type":"linear","name":"a","out":6},
      {"type":"residual","layers":[
        {"type":"residual","layers":[{"type":"gelu"},{"type":"linear","name":"b","out":6}]},
        {"type":"tanh"},
        {"type":"residual","layers":[{"type":"linear","name":"c","out":6},
          {"type":"residual","layers":[{"type":"linear","name":"d","out":6}],
           "shortcut":[{"type":"silu"}]}]}],
       "shortcut":[{"type":"residual","layers":[{"type":"linear","name":"e","out":6}]}]},
      {"type":"linear","name":"f","out":3}]})",
      vector, 5, 2);
  net("residual with shared weights", R"({"layers":[{"type":"linear","name":"a","out":7},
      {"type":"residual","name":"r","layers":[{"type":"tanh"},{"type":"reuse","layer":"a"}],
       "shortcut":[{"type":"linear","name":"s","out":7}]},
      {"type":"reuse","layer":"s"},{"type":"linear","name":"b","out":3}]})",
      vector, 5, 2);
  net("a residual block again", R"({"layers":[{"type":"linear","name":"a","out":6},
      {"type":"residual","name":"r","layers":[{"type":"linear","name":"b","out":6},{"type":"tanh"},
        {"type":"residual","name":"q","layers":[{"type":"linear","name":"c","out":6}]}],
       "shortcut":[{"type":"linear","name":"s","out":6}]},
      {"type":"reuse","layer":"r"},{"type":"linear","name":"d","out":3}]})",
      vector, 4, 2);
  net("residual, frozen branch", R"({"layers":[{"type":"linear","name":"a","out":6},
      {"type":"residual","name":"r","layers":[{"type":"linear","name":"b","out":6},{"type":"tanh"}]},
      {"type":"linear","name":"c","out":3}],"frozen":["r"]})",
      vector, 5, 2);
  net("residual, nothing trainable below", R"({"layers":[{"type":"linear","name":"a","out":6},
      {"type":"residual","layers":[{"type":"linear","name":"b","out":6},{"type":"tanh"}],
       "shortcut":[{"type":"linear","name":"s","out":6}]},
      {"type":"linear","name":"c","out":3}],"frozen":["a","s"]})",
      vector, 5, 2);
  net("residual convolution",
      R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,"kernel":3},
      {"type":"residual","layers":[{"type":"conv2d","name":"b","out_channels":5,"kernel":3,
        "padding":1},{"type":"groupnorm","name":"n","groups":5},{"type":"relu"},
        {"type":"conv2d","name":"c","out_channels":5,"kernel":[1,3],"padding":[0,1]}]},
      {"type":"leaky_relu"},{"type":"flatten"},{"type":"linear","name":"d","out":3}]})",
      image, 5, 2);
  net("strided residual in a residual", R"({"layers":[
      {"type":"conv2d","name":"a","out_channels":4,"kernel":2},{"type":"silu"},
      {"type":"residual","layers":[
        {"type":"residual","layers":[{"type":"conv2d","name":"b","out_channels":6,"kernel":3,
          "stride":2,"padding":1,"bias":false},{"type":"groupnorm","name":"n","groups":3},
          {"type":"relu"},{"type":"conv2d","name":"c","out_channels":6,"kernel":3,"padding":1}],
         "shortcut":[{"type":"conv2d","name":"s","out_channels":6,"kernel":1,"stride":2},
          {"type":"groupnorm","name":"m","groups":2}]},
        {"type":"tanh"}],
       "shortcut":[{"type":"conv2d","name":"t","out_channels":6,"kernel":2,"stride":2}]},
      {"type":"adaptive_avgpool2d","output":[2,3]},
      {"type":"flatten"},{"type":"linear","name":"d","out":3}]})",
      {3, 11, 7}, 5, 2);
  net("mean squared error", R"({"layers":[{"type":"linear","name":"a","out":5},{"type":"gelu"},
      {"type":"linear","name":"b","out":3}],"loss":"mse"})",
      vector, 5, 4);
  net("shared weight", R"({"layers":[{"type":"linear","name":"a","out":7},{"type":"tanh"},
      {"type":"reuse","layer":"a"},{"type":"tanh"},{"type":"linear","name":"b","out":3}]})",
      vector, 5, 2);
  net("shared weight, frozen bias", R"({"layers":[{"type":"linear","name":"a","out":7},
      {"type":"relu"},{"type":"reuse","layer":"a"},{"type":"linear","name":"b","out":3}],
      "frozen":["a.bias"]})",
      vector, 3, 2);
  net("shared convolution", R"({"layers":[{"type":"conv2d","name":"a","out_channels":3,"kernel":3,
      "padding":1},{"type":"tanh"},{"type":"reuse","layer":"a"},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      {3, 5, 7}, 3, 2);
  net("frozen weight", R"({"layers":[{"type":"linear","name":"a","out":5},{"type":"relu"},
      {"type":"linear","name":"b","out":4},{"type":"relu"},{"type":"linear","name":"c","out":3}],
      "frozen":["a.weight","b","c.bias"]})",
      vector, 5, 2);
  net("convolution", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,"kernel":3},
      {"type":"relu"},{"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  net("convolution, batch 1", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,
      "kernel":[3,2]},{"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 1, 0);
  net("stride, padding, dilation", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,
      "kernel":[3,2],"stride":[2,1],"padding":[2,1],"dilation":[2,3]},{"type":"tanh"},
      {"type":"conv2d","name":"b","out_channels":2,"kernel":[2,1],"stride":[1,2],"bias":false},
      {"type":"flatten"},{"type":"linear","name":"c","out":3}]})",
      image, 5, 3);
  net("groups", R"({"layers":[{"type":"conv2d","name":"a","out_channels":6,"kernel":3,"groups":3,
      "padding":1},{"type":"relu"},{"type":"conv2d","name":"b","out_channels":6,"kernel":2,
      "groups":6,"stride":2},{"type":"flatten"},{"type":"linear","name":"c","out":3}]})",
      image, 3, 2);
  net("pixel by pixel", R"({"layers":[{"type":"conv2d","name":"a","out_channels":17,"kernel":1},
      {"type":"relu"},{"type":"avgpool2d","kernel":[3,2]},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("whole image", R"({"layers":[{"type":"conv2d","name":"a","out_channels":4,"kernel":[11,7]},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("frozen convolution bias", R"({"layers":[{"type":"conv2d","name":"a","out_channels":4,
      "kernel":3},{"type":"relu"},{"type":"conv2d","name":"b","out_channels":4,"kernel":3},
      {"type":"flatten"},{"type":"linear","name":"c","out":3}],"frozen":["a.bias","b.weight"]})",
      image, 3, 2);
  net("max pooling", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,"kernel":2},
      {"type":"maxpool2d","kernel":[3,2],"stride":[2,1],"padding":[1,1]},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  net("mean pooling", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,"kernel":2},
      {"type":"avgpool2d","kernel":[3,2],"stride":[2,1],"padding":[1,1]},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  net("square windows of two", R"({"layers":[{"type":"conv2d","name":"a","out_channels":19,
      "kernel":2},{"type":"maxpool2d","kernel":2,"stride":1},{"type":"avgpool2d","kernel":2},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  net("square windows of three", R"({"layers":[{"type":"conv2d","name":"a","out_channels":19,
      "kernel":2},{"type":"maxpool2d","kernel":3,"stride":2,"padding":1},
      {"type":"avgpool2d","kernel":3,"stride":1,"padding":1,"count_include_pad":false},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  // Backward, neighbouring inputs are then channels of one pass: of whole panels, and across two.
  net("kernel of whole strides", R"({"layers":[{"type":"conv2d","name":"a","out_channels":16,
      "kernel":2},{"type":"relu"},{"type":"conv2d","name":"c","out_channels":5,"kernel":4,
      "stride":2},{"type":"relu"},{"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("kernel of whole strides, odd channels", R"({"layers":[{"type":"conv2d","name":"a",
      "out_channels":11,"kernel":2},{"type":"relu"},{"type":"conv2d","name":"c","out_channels":17,
      "kernel":[2,3],"stride":[1,3],"padding":[1,3]},{"type":"relu"},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("padding of two", R"({"layers":[{"type":"conv2d","name":"a","out_channels":3,"kernel":5,
      "padding":2},{"type":"relu"},{"type":"conv2d","name":"c","out_channels":18,"kernel":3,
      "padding":2},{"type":"relu"},{"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("windows that are the picture", R"({"layers":[{"type":"conv2d","name":"a","out_channels":17,
      "kernel":2},{"type":"maxpool2d","kernel":2},{"type":"avgpool2d","kernel":[5,3]},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  net("windows apart", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,"kernel":2},
      {"type":"avgpool2d","kernel":2,"stride":3},{"type":"maxpool2d","kernel":[2,1],"stride":[3,1]},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  net("stride beyond the kernel", R"({"layers":[{"type":"conv2d","name":"a","out_channels":3,
      "kernel":2},{"type":"relu"},{"type":"conv2d","name":"c","out_channels":5,"kernel":[2,1],
      "stride":[3,2],"padding":[1,0]},{"type":"relu"},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("stride beyond the picture", R"({"layers":[{"type":"conv2d","name":"a","out_channels":3,
      "kernel":[2,3],"stride":[65536,5],"padding":[1,0]},{"type":"relu"},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("image normalised over all of it", R"({"layers":[{"type":"conv2d","name":"a",
      "out_channels":4,"kernel":3},{"type":"layernorm","name":"n","shape":[4,9,5]},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("adaptive pooling, uneven", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,
      "kernel":2},{"type":"adaptive_avgpool2d","output":[3,4]},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  net("adaptive pooling to more than there is", R"({"layers":[{"type":"conv2d","name":"a",
      "out_channels":3,"kernel":[9,3]},{"type":"adaptive_avgpool2d","output":7},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("adaptive pooling to one", R"({"layers":[{"type":"conv2d","name":"a","out_channels":17,
      "kernel":3,"stride":2},{"type":"relu"},{"type":"adaptive_avgpool2d","output":1},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 5, 3);
  net("group normalisation", R"({"layers":[{"type":"conv2d","name":"a","out_channels":6,"kernel":2},
      {"type":"groupnorm","name":"n","groups":3},{"type":"relu"},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  net("group normalisation, frozen", R"({"layers":[{"type":"conv2d","name":"a","out_channels":6,
      "kernel":2},{"type":"groupnorm","name":"n","groups":2},{"type":"relu"},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}],"frozen":["n.weight"]})",
      image, 3, 2);
  net("instance normalisation", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,
      "kernel":2},{"type":"instancenorm2d","name":"n","affine":true},{"type":"gelu"},
      {"type":"flatten"},{"type":"linear","name":"b","out":3}]})",
      image, 5, 2);
  net("instance normalisation, plain", R"({"layers":[{"type":"conv2d","name":"a","out_channels":5,
      "kernel":2},{"type":"instancenorm2d","name":"n"},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
  net("layer normalisation", R"({"layers":[{"type":"linear","name":"a","out":11},
      {"type":"layernorm","name":"n","shape":[11]},{"type":"tanh"},
      {"type":"linear","name":"b","out":3}]})",
      vector, 7, 3);
  net("layer normalisation of positions", R"({"layers":[{"type":"linear","name":"a","out":5},
      {"type":"layernorm","name":"n","shape":[5]},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      {3, 7}, 5, 3);
  net("normalised input",
      R"({"layers":[{"type":"groupnorm","name":"n","groups":1},{"type":"flatten"},
      {"type":"linear","name":"b","out":3}]})",
      image, 3, 2);
}

void TestLayers::agrees() {
  QFETCH(QString, spec);
  QFETCH(QList<int>, input);
  QFETCH(int, rows);
  QFETCH(int, block);
  const Shape shape(std::vector<Index>(input.begin(), input.end()));
  ModelBench bench(json::parse(spec.toStdString()), shape, rows, block, 20240607);

  // Two strategies at once: random weights with an exact 0 among them, and the plain sum.
  const Index tensors = bench.tensors();
  std::mt19937 random(5);
  std::vector<float> factors;
  for (int i = 0; i < rows; ++i)
    for (int s = 0; s < 2; ++s)
      for (Index t = 0; t < tensors; ++t)
        factors.push_back(s == 1   ? 1.0f
                          : i == 1 ? 0.0f
                                   : 0.1f + static_cast<float>(random() % 100) / 50.0f);
  bench.run(factors, 2);

  for (Index i = 0; i < rows; ++i) {
    const double loss = bench.referenceLoss(i);
    QVERIFY2(std::abs(static_cast<double>(bench.losses()[static_cast<std::size_t>(i)]) - loss) <
                 2e-6 * (1 + std::abs(loss)),
             qPrintable(QString("loss of row %1").arg(i)));
  }
  for (Index t = 0; t < tensors; ++t) {
    const QByteArray name = QByteArray::fromStdString(bench.tensorName(t));
    std::vector<std::vector<double>> weighted(2);
    double scale = 0;
    for (Index i = 0; i < rows; ++i) {
      const std::vector<double> wanted = bench.referenceGradient(i, bench.tensorName(t));
      const auto got = bench.gradient(i)[bench.model().table().find(bench.tensorName(t))];
      QCOMPARE(got.size(), wanted.size());
      double largest = 0.05, squares = 0;
      for (const double g : wanted) {
        largest = std::max(largest, std::abs(g));
        squares += g * g;
      }
      for (std::size_t k = 0; k < wanted.size(); ++k)
        QVERIFY2(std::abs(got[k] - wanted[k]) < 1e-5 * largest,
                 qPrintable(QString("%1 of row %2, entry %3: %4, by differences %5")
                                .arg(QString::fromUtf8(name))
                                .arg(i)
                                .arg(k)
                                .arg(got[k])
                                .arg(wanted[k])));
      // Norms: the fast path, the witness and the differences are three ways to one number.
      const double norm = std::sqrt(squares), fast = std::sqrt(bench.squaredNorm(i, t)),
                   formed = std::sqrt(bench.formedSquare(i, t));
      QVERIFY2(std::abs(fast - norm) <= 1e-5 * (norm + 0.05), name.constData());
      QVERIFY2(std::abs(formed - norm) <= 1e-5 * (norm + 0.05), name.constData());
      QVERIFY2(std::abs(fast - formed) <= 5e-6 * (norm + 0.05), name.constData());
      for (std::size_t s = 0; s < 2; ++s) {
        weighted[s].resize(wanted.size());
        const double f = static_cast<double>(
            factors[static_cast<std::size_t>((i * 2 + static_cast<Index>(s)) * tensors + t)]);
        for (std::size_t k = 0; k < wanted.size(); ++k) weighted[s][k] += f * wanted[k];
      }
      scale += largest;
    }
    for (Index s = 0; s < 2; ++s) {
      const auto got = bench.sum(s, t);
      for (std::size_t k = 0; k < got.size(); ++k)
        QVERIFY2(std::abs(static_cast<double>(got[k]) - weighted[static_cast<std::size_t>(s)][k]) <
                     1e-5 * scale,
                 name.constData());
    }
  }
}

QTEST_GUILESS_MAIN(TestLayers)
#include "test_layers.moc"
