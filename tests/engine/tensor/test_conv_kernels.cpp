// SPDX-License-Identifier: GPL-3.0-or-later
#include <hwy/targets.h>

#include <QTest>
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/tensor/aligned_vector.h"
#include "engine/tensor/conv_kernels.h"
#include "engine/tensor/philox.h"

using namespace clipscope;

/// The register-tiled convolutions against plain loops in double, over shapes that fill tiles and
/// panels and shapes that do not, on every vector unit that the processor has.
class TestConvKernels : public QObject {
  Q_OBJECT

 private slots:
  void agree_data();
  void agree();
  void squaresBeyondTheRangeOfFloat();
};

namespace {

AlignedVector<float> randomValues(Index count, std::uint32_t block) {
  AlignedVector<float> values(static_cast<std::size_t>(count));
  RandomStream stream({9, DrawPurpose::Test, 0, block});
  for (float& value : values) value = static_cast<float>(stream.uniform(-1, 1));
  return values;
}

/// A convolution of a padded picture of `height` × `width` × `inputs`. `zeros` are the rows and
/// columns of padding: above, below, left, right.
ConvGeometry geometry(Index height, Index width, Index inputs, Index channels, Index kernel,
                      Index stride, std::array<Index, 4> zeros) {
  ConvGeometry g;
  g.rows = (height - kernel) / stride + 1;
  g.columns = (width - kernel) / stride + 1;
  g.channels = channels;
  g.segments = kernel;
  g.segmentStep = width * inputs;
  g.run = kernel * inputs;
  g.inRow = stride * width * inputs;
  g.inStep = stride * inputs;
  g.outStep = convPanels(channels) * convPanel;
  g.outRow = g.columns * g.outStep;
  g.column = inputs;
  g.zerosTop = zeros[0];
  g.zerosBottom = zeros[1];
  g.zerosLeft = zeros[2];
  g.zerosRight = zeros[3];
  return g;
}

}  // namespace

void TestConvKernels::agree_data() {
  QTest::addColumn<QList<int>>("shape");
  const auto shape = [](const char* name, QList<int> values) { QTest::newRow(name) << values; };
  shape("one channel, large kernel", {34, 34, 1, 16, 8, 2});
  shape("two panels", {13, 13, 16, 32, 4, 2});
  shape("three channels", {12, 34, 3, 32, 3, 1});
  shape("three panels, long rows", {5, 31, 7, 48, 3, 1});
  shape("a panel in part", {7, 9, 5, 3, 3, 1});
  shape("one and a bit panels", {6, 8, 2, 17, 2, 1});
  shape("single positions", {3, 3, 40, 33, 3, 1});
  shape("pixel by pixel", {4, 15, 16, 16, 1, 1});
  shape("short runs", {9, 9, 1, 16, 3, 3});
  shape("padded", {10, 10, 5, 32, 3, 1, 1, 1, 1, 1});
  shape("padded, two rows a tile", {8, 8, 3, 16, 3, 1, 1, 1, 1, 1});
  shape("padded, long rows", {7, 36, 16, 32, 5, 1, 2, 2, 2, 2});
  shape("padded unevenly", {12, 14, 4, 17, 4, 2, 3, 1, 0, 2});
  shape("padded beyond the kernel", {9, 9, 2, 16, 2, 1, 3, 2, 4, 3});
  shape("one position between padding", {3, 3, 16, 32, 3, 1, 1, 1, 1, 1});
}

void TestConvKernels::agree() {
  QFETCH(QList<int>, shape);
  std::array<Index, 4> zeros{};
  if (shape.size() > 6) std::copy_n(shape.begin() + 6, 4, zeros.begin());
  const Index height = shape[0], width = shape[1], inputs = shape[2];
  const ConvGeometry g = geometry(height, width, inputs, shape[3], shape[4], shape[5], zeros);
  auto in = randomValues(height * width * inputs, 1);
  for (Index y = 0; y < height; ++y)
    for (Index x = 0; x < width; ++x)
      if (y < zeros[0] || y >= height - zeros[1] || x < zeros[2] || x >= width - zeros[3])
        std::fill_n(in.begin() + (y * width + x) * inputs, inputs, 0.0f);
  auto weights = randomValues(g.weightSize(), 2);
  const auto bias = randomValues(convPanels(g.channels) * convPanel, 3);
  auto delta = randomValues(g.rows * g.outRow, 4);
  // What fills up the last panel is zero.
  for (std::size_t k = 0; k < delta.size(); ++k)
    if (static_cast<Index>(k) % g.outStep >= g.channels) delta[k] = 0;
  const auto at = [](Index k) { return static_cast<std::size_t>(k); };
  const auto weightAt = [&](Index s, Index j, Index o) {
    return at(((o / convPanel * g.segments + s) * g.run + j) * convPanel + o % convPanel);
  };
  const auto inAt = [&](Index r, Index q, Index s, Index j) {
    return static_cast<double>(in[at(r * g.inRow + q * g.inStep + s * g.segmentStep + j)]);
  };

  const auto supported = hwy::SupportedTargets();
  for (const auto target : {HWY_AVX3, HWY_AVX2, HWY_SSE4, HWY_SSSE3}) {
    if (!(supported & target)) continue;
    // This one, those below it, and what the program is built for.
    const auto below = static_cast<decltype(supported)>(~(target - 1));
    hwy::DisableTargets(supported & ~below & ~static_cast<decltype(supported)>(HWY_STATIC_TARGET));
    for (const bool relu : {false, true}) {
      AlignedVector<float> out(at(g.rows * g.outRow), 7.0f);
      convForward(g, in.data(), weights.data(), bias.data(), relu, out.data());
      for (Index r = 0; r < g.rows; ++r)
        for (Index q = 0; q < g.columns; ++q)
          for (Index o = 0; o < g.outStep; ++o) {
            double wanted = static_cast<double>(bias[at(o)]);
            for (Index s = 0; s < g.segments; ++s)
              for (Index j = 0; j < g.run; ++j)
                wanted += inAt(r, q, s, j) * static_cast<double>(weights[weightAt(s, j, o)]);
            if (relu) wanted = std::max(wanted, 0.0);
            const double got = static_cast<double>(out[at(r * g.outRow + q * g.outStep + o)]);
            // Beyond the channels nothing is written.
            if (o < g.channels)
              QVERIFY2(std::abs(got - wanted) < 2e-5, qPrintable(QString::number(got - wanted)));
            else
              QCOMPARE(got, 7.0);
          }
    }
    AlignedVector<float> gradient(at(g.weightSize()));
    const double squares = convGradient(g, in.data(), delta.data(), gradient.data());
    double wantedSquares = 0;
    for (Index o = 0; o < convPanels(g.channels) * convPanel; ++o)
      for (Index s = 0; s < g.segments; ++s)
        for (Index j = 0; j < g.run; ++j) {
          double wanted = 0;
          for (Index r = 0; r < g.rows; ++r)
            for (Index q = 0; q < g.columns; ++q)
              wanted += inAt(r, q, s, j) *
                        static_cast<double>(delta[at(r * g.outRow + q * g.outStep + o)]);
          const double got = static_cast<double>(gradient[weightAt(s, j, o)]);
          QVERIFY2(std::abs(got - wanted) < 2e-5, qPrintable(QString::number(got - wanted)));
          wantedSquares += wanted * wanted;
        }
    QVERIFY(std::abs(squares - wantedSquares) < 1e-5 * wantedSquares);
  }
  hwy::DisableTargets(0);
}

/// Squares of 1e-56 and 1e48 are not floats, though the gradients' entries are.
void TestConvKernels::squaresBeyondTheRangeOfFloat() {
  const ConvGeometry g = geometry(9, 8, 3, 16, 3, 1, {});
  for (const float scale : {1e-14f, 1e12f}) {
    auto in = randomValues(9 * 8 * 3, 5);
    auto delta = randomValues(g.rows * g.outRow, 6);
    for (float& value : in) value *= scale;
    for (float& value : delta) value *= scale;
    AlignedVector<float> gradient(static_cast<std::size_t>(g.weightSize()));
    const double squares = convGradient(g, in.data(), delta.data(), gradient.data());
    double wanted = 0;
    for (const float value : gradient)
      wanted += static_cast<double>(value) * static_cast<double>(value);
    QVERIFY(wanted > 0 && std::isfinite(wanted));
    QVERIFY(std::abs(squares - wanted) < 1e-6 * wanted);
  }
}

QTEST_GUILESS_MAIN(TestConvKernels)
#include "test_conv_kernels.moc"
