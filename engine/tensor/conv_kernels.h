// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// Convolutions of one example stored channels last, register-tiled: a tile of neighbouring
/// positions times one or two panels of output channels stays in registers while everything that
/// reaches it is added up. The picture must already carry its padding, and its kernel's rows must
/// be contiguous runs (dilation 1).

/// Output channels that lie together in weights and formed gradients; the last panel is filled up
/// with zeros. The same on every vector unit, so that packed weights are too.
inline constexpr Index convPanel = 16;

/// Panels that `channels` output channels take.
inline Index convPanels(Index channels) { return (channels + convPanel - 1) / convPanel; }

/// Where a convolution reads and writes, in floats. An output position (r, q) reads `segments` runs
/// of `run` values, the first at r·inRow + q·inStep, each next one segmentStep further on.
struct ConvGeometry {
  Index rows = 0, columns = 0;  ///< of the output
  Index channels = 0;           ///< of the output
  Index segments = 0, segmentStep = 0, run = 0;
  Index inRow = 0, inStep = 0;
  Index outRow = 0, outStep = 0;
  /// Floats of one input column, of which `run` and inStep are multiples; and how many of the rows
  /// and columns that are read hold nothing but padding, so that their products can be left out.
  Index column = 1;
  Index zerosTop = 0, zerosBottom = 0, zerosLeft = 0, zerosRight = 0;

  /// Floats of the packed weights, and of a formed gradient: [panel][segment][run][convPanel].
  Index weightSize() const { return convPanels(channels) * segments * run * convPanel; }
};

/// out[r·outRow + q·outStep + o] = bias[o] + Σ_{s, j} in[r·inRow + q·inStep + s·segmentStep + j]
/// w[s][j][o], in single precision; with `relu` what is below 0 becomes 0. `bias` may be null; else
/// it has whole panels.
void convForward(const ConvGeometry& geometry, const float* in, const float* weights,
                 const float* bias, bool relu, float* out);

/// gradient[s][j][o] = Σ_{r, q} in[r·inRow + q·inStep + s·segmentStep + j] delta[r·outRow +
/// q·outStep + o], in single precision; returns Σ gradient², of fours added up in double. `delta`
/// has whole panels of channels at every position.
double convGradient(const ConvGeometry& geometry, const float* in, const float* delta,
                    float* gradient);

}  // namespace clipscope
