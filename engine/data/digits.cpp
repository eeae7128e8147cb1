// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "engine/data/digit_strokes.h"
#include "engine/error.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/philox.h"

namespace clipscope {

namespace {

constexpr int side = 28;
using Canvas = std::array<float, side * side>;

/// A random map of the unit square: rotation, shear, scale and shift, then two sine waves.
class Distortion {
 public:
  Distortion(RandomStream& random, double strength) {
    const double turn = random.uniform(-1, 1) * (4 + 16 * strength) * std::numbers::pi / 180;
    const double shear = random.uniform(-1, 1) * (0.08 + 0.22 * strength);
    const double width = random.uniform(0.95 - 0.25 * strength, 1.02 + 0.06 * strength);
    const double height = random.uniform(0.95 - 0.2 * strength, 1.02 + 0.06 * strength);
    m_a = width * std::cos(turn);
    m_b = height * (shear * std::cos(turn) - std::sin(turn));
    m_c = width * std::sin(turn);
    m_d = height * (shear * std::sin(turn) + std::cos(turn));
    m_x = random.uniform(-1, 1) * (0.02 + 0.06 * strength);
    m_y = random.uniform(-1, 1) * (0.02 + 0.05 * strength);
    for (Wave& wave : m_waves) {
      wave.amplitude = random.uniform(0, 1) * (0.008 + 0.04 * strength);
      wave.frequencyX = random.uniform(-1.6, 1.6);
      wave.frequencyY = random.uniform(-1.6, 1.6);
      wave.phase = random.uniform(0, 2 * std::numbers::pi);
      const double direction = random.uniform(0, 2 * std::numbers::pi);
      wave.alongX = std::cos(direction);
      wave.alongY = std::sin(direction);
    }
  }

  StrokePoint operator()(StrokePoint p) const {
    const double x = p.x - 0.5, y = p.y - 0.5;
    StrokePoint q{0.5 + m_x + m_a * x + m_b * y, 0.5 + m_y + m_c * x + m_d * y};
    for (const Wave& wave : m_waves) {
      const double shift =
          wave.amplitude *
          std::sin(2 * std::numbers::pi * (wave.frequencyX * p.x + wave.frequencyY * p.y) +
                   wave.phase);
      q.x += shift * wave.alongX;
      q.y += shift * wave.alongY;
    }
    return q;
  }

 private:
  struct Wave {
    double amplitude, frequencyX, frequencyY, phase, alongX, alongY;
  };
  double m_a, m_b, m_c, m_d, m_x, m_y;
  std::array<Wave, 3> m_waves;
};

/// Draws a line of `width` pixels with a soft edge; the canvas keeps the brightest.
void drawLine(Canvas& canvas, StrokePoint from, StrokePoint to, double width, double ink) {
  const double x0 = from.x * side - 0.5, y0 = from.y * side - 0.5;
  const double x1 = to.x * side - 0.5, y1 = to.y * side - 0.5;
  const double reach = width / 2 + 1;
  const int left = std::max(0, static_cast<int>(std::floor(std::min(x0, x1) - reach)));
  const int right = std::min(side - 1, static_cast<int>(std::ceil(std::max(x0, x1) + reach)));
  const int top = std::max(0, static_cast<int>(std::floor(std::min(y0, y1) - reach)));
  const int bottom = std::min(side - 1, static_cast<int>(std::ceil(std::max(y0, y1) + reach)));
  const double dx = x1 - x0, dy = y1 - y0;
  const double squared = std::max(1e-9, dx * dx + dy * dy);
  const float full = static_cast<float>(ink);
  for (int y = top; y <= bottom; ++y)
    for (int x = left; x <= right; ++x) {
      float& pixel = canvas[static_cast<std::size_t>(y * side + x)];
      if (pixel >= full) continue;
      const double along = std::clamp(((x - x0) * dx + (y - y0) * dy) / squared, 0.0, 1.0);
      const double beside = x - x0 - along * dx, below = y - y0 - along * dy;
      // Most of a slanted line's box is too far away for any ink: no root for those.
      const double edge = width / 2 + 0.5;
      const double distance = beside * beside + below * below;
      if (distance >= edge * edge * (1 + 1e-12)) continue;
      // The same of what is well inside.
      const double inside = std::max(0.0, edge - 1);
      const double share = distance < inside * inside * (1 - 1e-12)
                               ? 1.0
                               : std::clamp(edge - std::hypot(beside, below), 0.0, 1.0);
      const double value = ink * share;
      pixel = std::max(pixel, static_cast<float>(value));
    }
}

void drawDigit(Canvas& canvas, RandomStream& random, int digit, double strength) {
  const auto& styles = digitStyles(digit);
  const auto& style = styles[random.below(styles.size())];
  const Distortion distortion(random, strength);
  const double width = random.uniform(1.9 - 0.5 * strength, 2.9 + 1.0 * strength);
  const double ink = random.uniform(1.0 - 0.4 * strength, 1.0);
  for (const Stroke& stroke : style) {
    StrokePoint previous = distortion(stroke.front());
    for (std::size_t k = 1; k < stroke.size(); ++k) {
      // Long lines in pieces, so that they bend as well.
      constexpr int pieces = 3;
      for (int piece = 1; piece <= pieces; ++piece) {
        const double t = static_cast<double>(piece) / pieces;
        const StrokePoint next =
            distortion({stroke[k - 1].x + t * (stroke[k].x - stroke[k - 1].x),
                        stroke[k - 1].y + t * (stroke[k].y - stroke[k - 1].y)});
        drawLine(canvas, previous, next, width, ink);
        previous = next;
      }
    }
  }
}

std::uint8_t quantised(float ink) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(ink, 0.0f, 1.0f) * 255));
}

/// The ink with noise, in 256 steps: std·√(−2 ln(1 − u))·cos 2πv of the two uniforms that
/// RandomDraws::normal() would take. In single precision where that decides the step, in double
/// where it might not: the same pixels, in a third of the time.
std::uint8_t noisyPixel(float ink, double std, double u, double v) {
  // Noise that takes from nothing leaves nothing.
  if (ink == 0.0f && v > 0.2501 && v < 0.7499) return 0;
  const float radius = std::sqrt(-2.0f * std::log(static_cast<float>(1.0 - u)));
  const float turn = static_cast<float>(2.0 * std::numbers::pi * v);
  const float steps = (ink + static_cast<float>(std) * radius * std::cos(turn)) * 255 + 0.5f;
  // 1 − u may be off by 2⁻²⁴ of 1, and the radius then by its root.
  const float margin = 0.002f + 0.2f * static_cast<float>(std);
  if (steps < 0.5f - margin) return 0;
  if (steps > 255.5f + margin) return 255;
  const int step = static_cast<int>(steps);
  const float rest = steps - static_cast<float>(step);
  if (rest > margin && rest < 1 - margin) return static_cast<std::uint8_t>(step);
  const double normal = std::sqrt(-2.0 * std::log1p(-u)) * std::cos(2.0 * std::numbers::pi * v);
  return quantised(ink + static_cast<float>(std * normal));
}

constexpr int leastInk = 20;

/// Pixels that are clearly drawn on.
int inkOf(const Canvas& canvas) {
  return static_cast<int>(
      std::count_if(canvas.begin(), canvas.end(), [](float ink) { return ink > 0.4f; }));
}

void drawExample(const DigitsSettings& settings, Index i, std::uint8_t* pixels, int& label) {
  RandomStream random({settings.seed, DrawPurpose::Data, static_cast<std::uint64_t>(i), 0});
  const int digit = static_cast<int>(i % 10);
  label = digit;
  Canvas canvas{};
  // Drawn in this order whatever the settings say, so that one setting changes one thing.
  const bool wrongLabel = random.uniform() < settings.labelNoise;
  const int otherLabel = static_cast<int>((digit + 1 + static_cast<int>(random.below(9))) % 10);
  const bool outlier = random.uniform() < settings.outliers;
  const std::uint64_t kind = random.below(3);
  const double strength = settings.difficulty * random.uniform(0.5, 1.5);
  drawDigit(canvas, random, digit, strength);
  if (wrongLabel) label = otherLabel;
  double noise = 0.02 + 0.08 * settings.difficulty * random.uniform();
  if (outlier) {
    if (kind == 0) drawDigit(canvas, random, static_cast<int>(random.below(10)), strength);
    if (kind == 1) {
      canvas = {};
      drawDigit(canvas, random, digit, 4.0);
      // Bent so far that it left the picture: an empty one would teach nothing.
      if (inkOf(canvas) < leastInk) drawDigit(canvas, random, digit, strength);
    }
    if (kind == 2) noise = 0.6;
  }
  for (std::size_t k = 0; k < canvas.size(); ++k) {
    const double u = random.uniform(), v = random.uniform();
    pixels[k] = noisyPixel(canvas[k], noise, u, v);
  }
}

void check(double value, double most, const char* name) {
  if (value >= 0 && value <= most) return;
  throw SettingError("data.digits." + std::string(name) + ": " + std::to_string(value) +
                     " must be from 0 to " + std::to_string(most));
}

}  // namespace

Dataset::Content generateDigits(const DigitsSettings& settings) {
  if (settings.count < 20 || settings.count > 1'000'000)
    throw SettingError("data.digits.count: " + std::to_string(settings.count) +
                       " must be from 20 to 1000000");
  check(settings.difficulty, 1, "difficulty");
  check(settings.labelNoise, 0.5, "label_noise");
  check(settings.outliers, 0.5, "outliers");

  Dataset::Content content;
  content.name = "Generated digits";
  content.source = "generated";
  content.shape = Shape{1, side, side};
  content.pixels.resize(static_cast<std::size_t>(settings.count) * side * side);
  content.labels.resize(static_cast<std::size_t>(settings.count));
  content.outputs = 10;
  for (int digit = 0; digit < 10; ++digit) content.classNames.push_back(std::to_string(digit));
  parallelRanges(settings.count, settings.count * 50000, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i)
      drawExample(settings, i, content.pixels.data() + i * side * side,
                  content.labels[static_cast<std::size_t>(i)]);
  });
  return content;
}

}  // namespace clipscope
