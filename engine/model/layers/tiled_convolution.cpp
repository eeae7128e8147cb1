// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <vector>

#include "engine/model/layers/conv_engine.h"
#include "engine/tensor/conv_kernels.h"
#include "engine/tensor/parallel.h"

namespace clipscope {

namespace {

/// Zeros around a picture.
struct Margins {
  Index top = 0, bottom = 0, left = 0, right = 0;
  bool any() const { return top + bottom + left + right > 0; }
};

/// A picture, channels last, copied into the middle of zeros; `channels` of the copy may be more
/// than those of the picture, and the rest are zeros too.
void pad(const float* x, Index height, Index width, Index given, const Margins& m, Index channels,
         float* out) {
  const Index row = (m.left + width + m.right) * channels;
  std::fill_n(out, m.top * row, 0.0f);
  out += m.top * row;
  for (Index h = 0; h < height; ++h, out += row, x += width * given) {
    std::fill_n(out, m.left * channels, 0.0f);
    float* middle = out + m.left * channels;
    if (channels == given) {
      std::copy_n(x, width * given, middle);
    } else {
      for (Index w = 0; w < width; ++w) {
        std::copy_n(x + w * given, given, middle + w * channels);
        std::fill_n(middle + w * channels + given, channels - given, 0.0f);
      }
    }
    std::fill_n(middle + width * channels, m.right * channels, 0.0f);
  }
  std::fill_n(out, m.bottom * row, 0.0f);
}

/// out = `count` values that are `step` apart. A whole panel's count is known to the compiler.
void copyStrided(const float* from, Index step, Index count, float* out) {
  if (count == convPanel)
    for (Index k = 0; k < convPanel; ++k) out[k] = from[k * step];
  else
    for (Index k = 0; k < count; ++k) out[k] = from[k * step];
}

Index ceilDivide(Index a, Index b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

/// Along one axis, the rows y = first·stride + phase − padding, … of the input whose gradient the
/// kernel cells phase, phase + stride, … make: dx[y] = Σ_m dy[t − m] w[phase + m·stride], with
/// t = (y + padding − phase)/stride from `first` on.
struct AxisPhase {
  Index phase = 0, cells = 0;
  Index first = 0, count = 0;
};

/// The phases that have both cells and rows that any output reads, and whether some input has no
/// reader: of a stride beyond the kernel, or behind the last output's cells.
std::vector<AxisPhase> axisPhases(Index kernel, Index stride, Index padding, Index input,
                                  Index outputs, bool& leavesGaps) {
  std::vector<AxisPhase> phases;
  for (Index q = 0; q < stride; ++q) {
    AxisPhase a;
    a.phase = q;
    a.cells = q < kernel ? ceilDivide(kernel - q, stride) : 0;
    a.first = ceilDivide(padding - q, stride);
    const Index all = ceilDivide(input + padding - q, stride) - a.first;
    a.count = std::min(all, outputs + a.cells - 1 - a.first);
    if (a.cells == 0) a.count = 0;
    if (all > std::max(a.count, Index{0})) leavesGaps = true;
    if (a.count > 0 && a.cells > 0) phases.push_back(a);
  }
  return phases;
}

bool readsTheSame(const AxisPhase& a, const AxisPhase& b) {
  return a.cells == b.cells && a.first == b.first && a.count == b.count;
}

/// A backward-data pass for one phase of each axis: a plain convolution of dy with those cells,
/// turned round. Neighbouring horizontal phases that read the same of dy are one pass: their inputs
/// lie side by side, like so many more channels.
struct Phase {
  AxisPhase vertical, horizontal;
  Index merged = 1;  ///< horizontal phases in it: this one and those to its right
  ConvGeometry geometry;
  Index weights = 0;  ///< where its packed weights begin
  Index in = 0;       ///< where its first position reads in the padded dy
  Index out = 0;      ///< where its first position writes
};

class TiledConvolution : public ConvEngine {
 public:
  TiledConvolution(const Conv2dSettings& settings, const Shape& input, const Shape& output)
      : m_settings(settings), m_input(input), m_output(output) {
    const Conv2dSettings& s = settings;
    m_padding = {s.padding[0], s.padding[0], s.padding[1], s.padding[1]};
    const Index row = (input[2] + 2 * s.padding[1]) * s.inChannels;
    m_forward = {output[1],
                 output[2],
                 s.outChannels,
                 s.kernel[0],
                 row,
                 s.kernel[1] * s.inChannels,
                 s.stride[0] * row,
                 s.stride[1] * s.inChannels,
                 output[2] * s.outChannels,
                 s.outChannels,
                 s.inChannels,
                 s.padding[0],
                 behind(0),
                 s.padding[1],
                 behind(1)};
    m_gradient = m_forward;
    m_gradient.outStep = convPanels(s.outChannels) * convPanel;
    m_gradient.outRow = output[2] * m_gradient.outStep;
    planBackward();
  }

  Index preparedSize() const override {
    return m_forward.weightSize() + biasSize() + m_backwardWeights;
  }

  Index scratchSize() const override {
    const Index paddedInput =
        m_padding.any() ? (m_input[1] + 2 * m_padding.top) * m_forward.segmentStep : 0;
    const Index wholePanels = m_output[1] * m_gradient.outRow;
    return std::max(paddedInput + wholePanels, paddedDeltaSize());
  }

  Index gradientSize() const override { return m_forward.weightSize(); }

  void prepare(const float* weights, const float* bias, float* prepared) const override {
    packForward(weights, prepared);
    float* ownBias = prepared + m_forward.weightSize();
    std::fill_n(ownBias, biasSize(), 0.0f);
    if (bias) std::copy_n(bias, m_settings.outChannels, ownBias);
    for (const Phase& phase : m_phases) packBackward(phase, weights, ownBias + biasSize());
  }

  void forward(const float* prepared, ConstView x, bool relu, View y,
               float* scratch) const override {
    const float* bias = prepared + m_forward.weightSize();
    for (Index i = 0; i < x.rows; ++i)
      convForward(m_forward, padded(x.row(i), scratch), prepared, bias, relu, y.row(i));
  }

  void backward(const float* prepared, ConstView dy, View dx, float* scratch) const override {
    const float* weights = prepared + m_forward.weightSize() + biasSize();
    for (Index i = 0; i < dx.rows; ++i) {
      const float* delta = dy.row(i);
      if (m_deltaMargins.any()) {
        pad(delta, m_output[1], m_output[2], m_settings.outChannels, m_deltaMargins,
            m_settings.outChannels, scratch);
        delta = scratch;
      }
      if (m_leavesGaps) std::fill_n(dx.row(i), dx.cols, 0.0f);
      for (const Phase& phase : m_phases)
        convForward(phase.geometry, delta + phase.in, weights + phase.weights, nullptr, false,
                    dx.row(i) + phase.out);
    }
  }

  double gradient(const float* x, const float* dy, float* gradient, float* scratch) const override {
    const float* in = padded(x, scratch);
    if (m_gradient.outStep != m_settings.outChannels) {
      float* delta =
          scratch + (in == x ? 0 : (m_input[1] + 2 * m_padding.top) * m_forward.segmentStep);
      pad(dy, m_output[1], m_output[2], m_settings.outChannels, {}, m_gradient.outStep, delta);
      dy = delta;
    }
    return convGradient(m_gradient, in, dy, gradient);
  }

  void unpack(const float* packed, float* plain) const override {
    const Conv2dSettings& s = m_settings;
    const Index area = s.kernel[0] * s.kernel[1], panel = area * s.inChannels * convPanel;
    parallelRanges(s.outChannels, m_forward.weightSize(), [&](Index first, Index last) {
      for (Index o = first; o < last; ++o) {
        const float* from = packed + o / convPanel * panel + o % convPanel;
        float* to = plain + o * s.inChannels * area;
        for (Index k = 0; k < area; ++k)
          for (Index c = 0; c < s.inChannels; ++c, from += convPanel) to[c * area + k] = *from;
      }
    });
  }

 private:
  /// Rows (axis 0) or columns of padding behind the picture that the outputs read.
  Index behind(std::size_t axis) const {
    const Conv2dSettings& s = m_settings;
    const Index read = (m_output[axis + 1] - 1) * s.stride[axis] + s.kernel[axis];
    return std::max(read - s.padding[axis] - m_input[axis + 1], Index{0});
  }

  Index biasSize() const { return convPanels(m_settings.outChannels) * convPanel; }

  const float* padded(const float* x, float* scratch) const {
    if (!m_padding.any()) return x;
    pad(x, m_input[1], m_input[2], m_settings.inChannels, m_padding, m_settings.inChannels,
        scratch);
    return scratch;
  }

  Index deltaRow() const {
    return (m_output[2] + m_deltaMargins.left + m_deltaMargins.right) * m_settings.outChannels;
  }

  Index paddedDeltaSize() const {
    return m_deltaMargins.any()
               ? (m_output[1] + m_deltaMargins.top + m_deltaMargins.bottom) * deltaRow()
               : 0;
  }

  void planBackward() {
    const Conv2dSettings& s = m_settings;
    const auto vertical =
        axisPhases(s.kernel[0], s.stride[0], s.padding[0], m_input[1], m_output[1], m_leavesGaps);
    const auto horizontal =
        axisPhases(s.kernel[1], s.stride[1], s.padding[1], m_input[2], m_output[2], m_leavesGaps);
    const auto widen = [](const AxisPhase& a, Index outputs, Index& before, Index& after) {
      before = std::max(before, a.cells - 1 - a.first);
      after = std::max(after, a.first + a.count - outputs);
    };
    for (const AxisPhase& a : vertical)
      widen(a, m_output[1], m_deltaMargins.top, m_deltaMargins.bottom);
    for (const AxisPhase& a : horizontal)
      widen(a, m_output[2], m_deltaMargins.left, m_deltaMargins.right);
    for (const AxisPhase& v : vertical)
      for (std::size_t k = 0; k < horizontal.size();) {
        std::size_t next = k + 1;
        while (next < horizontal.size() && readsTheSame(horizontal[k], horizontal[next]) &&
               horizontal[next].phase == horizontal[next - 1].phase + 1)
          ++next;
        addPhase(v, horizontal[k], static_cast<Index>(next - k));
        k = next;
      }
  }

  void addPhase(const AxisPhase& v, const AxisPhase& h, Index merged) {
    const Conv2dSettings& s = m_settings;
    Phase phase{v, h, merged, {}, m_backwardWeights, 0, 0};
    const Index width = m_input[2] * s.inChannels;
    phase.geometry = {v.count,
                      h.count,
                      merged * s.inChannels,
                      v.cells,
                      deltaRow(),
                      h.cells * s.outChannels,
                      deltaRow(),
                      s.outChannels,
                      s.stride[0] * width,
                      s.stride[1] * s.inChannels,
                      s.outChannels,
                      std::max(v.cells - 1 - v.first, Index{0}),
                      std::max(v.first + v.count - m_output[1], Index{0}),
                      std::max(h.cells - 1 - h.first, Index{0}),
                      std::max(h.first + h.count - m_output[2], Index{0})};
    phase.in = (v.first - (v.cells - 1) + m_deltaMargins.top) * deltaRow() +
               (h.first - (h.cells - 1) + m_deltaMargins.left) * s.outChannels;
    phase.out = (v.first * s.stride[0] + v.phase - s.padding[0]) * width +
                (h.first * s.stride[1] + h.phase - s.padding[1]) * s.inChannels;
    m_backwardWeights += phase.geometry.weightSize();
    m_phases.push_back(phase);
  }

  /// [panel of outputs][kernel row][kernel column, input][output], from PyTorch's {O, I, kh, kw}.
  void packForward(const float* weights, float* packed) const {
    const Conv2dSettings& s = m_settings;
    const Index area = s.kernel[0] * s.kernel[1], inputs = s.inChannels;
    parallelRanges(convPanels(s.outChannels), m_forward.weightSize(), [&](Index from, Index to) {
      for (Index p = from; p < to; ++p) {
        const Index first = p * convPanel, inside = std::min(convPanel, s.outChannels - first);
        float* lanes = packed + p * area * inputs * convPanel;
        if (inside < convPanel) std::fill_n(lanes, area * inputs * convPanel, 0.0f);
        for (Index k = 0; k < area; ++k)
          for (Index c = 0; c < inputs; ++c, lanes += convPanel)
            copyStrided(weights + (first * inputs + c) * area + k, inputs * area, inside, lanes);
      }
    });
  }

  /// [panel of inputs][row][column, output][input]: the phase's cells in the order in which dy lies
  /// before an input position, which is theirs turned round. Inputs are those of all merged phases.
  void packBackward(const Phase& phase, const float* weights, float* packed) const {
    const Conv2dSettings& s = m_settings;
    const Index inputs = s.inChannels, all = phase.geometry.channels;
    const Index panelSize =
        phase.vertical.cells * phase.horizontal.cells * s.outChannels * convPanel;
    parallelRanges(convPanels(all), phase.geometry.weightSize(), [&](Index from, Index to) {
      for (Index p = from; p < to; ++p) {
        float* panel = packed + phase.weights + p * panelSize;
        if ((p + 1) * convPanel > all) std::fill_n(panel, panelSize, 0.0f);
        // A panel may hold the ends of one phase's inputs and the beginnings of the next one's.
        for (Index at = p * convPanel; at < std::min((p + 1) * convPanel, all);) {
          const Index input = at % inputs, lane = at % convPanel;
          const Index count = std::min({convPanel - lane, inputs - input, all - at});
          packBackwardLanes(phase, weights, at / inputs, input, count, panel + lane);
          at += count;
        }
      }
    });
  }

  /// The lanes of `count` inputs of one of the merged phases, for all cells and outputs.
  void packBackwardLanes(const Phase& phase, const float* weights, Index merged, Index input,
                         Index count, float* lanes) const {
    const Conv2dSettings& s = m_settings;
    const AxisPhase &v = phase.vertical, &h = phase.horizontal;
    const Index area = s.kernel[0] * s.kernel[1], output = s.inChannels * area;
    for (Index a = 0; a < v.cells; ++a)
      for (Index b = 0; b < h.cells; ++b) {
        const Index row = v.phase + (v.cells - 1 - a) * s.stride[0];
        const Index column = h.phase + merged + (h.cells - 1 - b) * s.stride[1];
        const float* source = weights + input * area + row * s.kernel[1] + column;
        for (Index o = 0; o < s.outChannels; ++o, source += output, lanes += convPanel)
          copyStrided(source, area, count, lanes);
      }
  }

  Conv2dSettings m_settings;
  Shape m_input, m_output;
  Margins m_padding;
  ConvGeometry m_forward, m_gradient;
  Margins m_deltaMargins;
  std::vector<Phase> m_phases;
  Index m_backwardWeights = 0;
  bool m_leavesGaps = false;  ///< some inputs have no reader (axisPhases)
};

}  // namespace

std::unique_ptr<ConvEngine> makeTiledConvolution(const Conv2dSettings& settings, const Shape& input,
                                                 const Shape& output) {
  return std::make_unique<TiledConvolution>(settings, input, output);
}

}  // namespace clipscope
