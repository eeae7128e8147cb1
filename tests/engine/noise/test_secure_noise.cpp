// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/noise/secure_noise.h"

using namespace clipscope;

/// The stream of secure mode: parts agree, streams and keys differ, normals are normal.
class TestSecureNoise : public QObject {
  Q_OBJECT

 private slots:
  void partsAgree();
  void streamsAndKeysDiffer();
  void readsItsStream();
  void sumsOfFour();
  void normals();
};

void TestSecureNoise::partsAgree() {
  const SecureKey key;
  std::array<std::byte, 1024> whole;
  key.fill(DrawPurpose::Noise, 7, 0, whole);
  for (const std::size_t block : {0, 1, 5, 15}) {
    std::array<std::byte, 64> part;
    key.fill(DrawPurpose::Noise, 7, block, part);
    QVERIFY(std::ranges::equal(part, std::span(whole).subspan(64 * block, 64)));
  }
}

void TestSecureNoise::streamsAndKeysDiffer() {
  // 64 random bytes agree by chance with probability 2⁻⁵¹².
  const auto head = [](const SecureKey& key, DrawPurpose purpose, std::uint64_t stream) {
    std::array<std::byte, 64> bytes;
    key.fill(purpose, stream, 0, bytes);
    return bytes;
  };
  const SecureKey a, b;
  const auto first = head(a, DrawPurpose::Noise, 1);
  QVERIFY(first == head(a, DrawPurpose::Noise, 1));
  QVERIFY(first != head(a, DrawPurpose::Noise, 2));
  QVERIFY(first != head(a, DrawPurpose::Noise, 1 + (std::uint64_t{1} << 32)));
  QVERIFY(first != head(a, DrawPurpose::Sample, 1));
  QVERIFY(first != head(b, DrawPurpose::Noise, 1));
}

void TestSecureNoise::readsItsStream() {
  const SecureKey key;
  std::array<std::uint64_t, 400> wanted;
  key.fill(DrawPurpose::Shuffle, 3, 0, std::as_writable_bytes(std::span(wanted)));
  SecureStream stream(key, DrawPurpose::Shuffle, 3);
  for (const std::uint64_t word : wanted) QCOMPARE(stream.bits(), word);
}

void TestSecureNoise::sumsOfFour() {
  const SecureKey key;
  std::vector<float> out(2 * secureChunk + 10);
  fillSecureNormals(key, 5, 0, out);
  // The second chunk alone, and its first values by hand.
  std::vector<float> part(secureChunk);
  fillSecureNormals(key, 5, secureChunk, part);
  QVERIFY(std::ranges::equal(part, std::span(out).subspan(secureChunk, secureChunk)));
  SecureStream stream(key, DrawPurpose::Noise, std::uint64_t{5} << 32 | 1);
  stream.normal();
  std::vector<std::vector<float>> four(4);
  for (auto& draws : four)
    for (std::size_t k = 0; k < secureChunk; ++k)
      draws.push_back(static_cast<float>(stream.normal()));
  for (std::size_t k = 0; k < secureChunk; ++k)
    QCOMPARE(part[k], (((four[0][k] + four[1][k]) + four[2][k]) + four[3][k]) / 2);
  std::vector<float> other(10);
  fillSecureNormals(key, 6, 0, other);
  QVERIFY(!std::ranges::equal(other, std::span(out).first(10)));
}

void TestSecureNoise::normals() {
  // The greatest distance of the empirical distribution from Φ: beyond 3.3/√n with probability
  // 2 exp(−2·3.3²) < 7e-10 (Dvoretzky, Kiefer, Wolfowitz; Massart 1990).
  const SecureKey key;
  std::vector<float> drawn(200000);
  fillSecureNormals(key, 0, 0, drawn);
  std::ranges::sort(drawn);
  const auto n = static_cast<double>(drawn.size());
  double most = 0;
  for (std::size_t k = 0; k < drawn.size(); ++k) {
    const double phi = std::erfc(-static_cast<double>(drawn[k]) / std::numbers::sqrt2) / 2;
    most = std::max({most, phi - static_cast<double>(k) / n, static_cast<double>(k + 1) / n - phi});
  }
  QVERIFY2(most < 3.3 / std::sqrt(n), qPrintable(QString::number(most)));
  SecureStream stream(key, DrawPurpose::Count);
  double sum = 0, squares = 0;
  constexpr int counts = 40000;
  for (int k = 0; k < counts; ++k) {
    const double z = secureNormal(stream);
    sum += z;
    squares += z * z;
  }
  // Six standard deviations each: 2e-9 for the mean, and as much for the sum of squares.
  QVERIFY(std::abs(sum) < 6 * std::sqrt(counts));
  QVERIFY(std::abs(squares - counts) < 6 * std::sqrt(2.0 * counts));
}

QTEST_GUILESS_MAIN(TestSecureNoise)
#include "test_secure_noise.moc"
