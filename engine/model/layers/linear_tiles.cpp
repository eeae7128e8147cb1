// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/linear_tiles.h"

#include <algorithm>

#include "engine/tensor/parallel.h"

namespace clipscope {

namespace {

/// A product of `rows` rows of `inputs` values with weights for `outputs`.
ConvGeometry product(Index rows, Index inputs, Index outputs) {
  ConvGeometry g;
  g.rows = 1;
  g.columns = rows;
  g.channels = outputs;
  g.segments = 1;
  g.segmentStep = g.run = inputs;
  g.inStep = inputs;
  g.outStep = outputs;
  return g;
}

/// packed[panel][r][k] = matrix(panel·convPanel + k, r), 0 beyond the `columns`.
template <class At>
void packPanels(Index columns, Index rows, float* packed, At&& at) {
  parallelRanges(convPanels(columns), columns * rows, [&](Index from, Index to) {
    for (Index p = from; p < to; ++p)
      for (Index r = 0; r < rows; ++r)
        for (Index k = 0; k < convPanel; ++k) {
          const Index column = p * convPanel + k;
          packed[(p * rows + r) * convPanel + k] = column < columns ? at(column, r) : 0.0f;
        }
  });
}

}  // namespace

LinearTiles::LinearTiles(Index inputs, Index outputs) : m_inputs(inputs), m_outputs(outputs) {}

Index LinearTiles::preparedSize() const {
  return sumSize() + deltaWidth() + m_outputs * convPanels(m_inputs) * convPanel;
}

void LinearTiles::prepare(const float* weights, const float* bias, float* prepared) const {
  packPanels(m_outputs, m_inputs, prepared,
             [&](Index o, Index i) { return weights[o * m_inputs + i]; });
  float* ownBias = prepared + sumSize();
  std::fill_n(ownBias, deltaWidth(), 0.0f);
  if (bias) std::copy_n(bias, m_outputs, ownBias);
  packPanels(m_inputs, m_outputs, ownBias + deltaWidth(),
             [&](Index i, Index o) { return weights[o * m_inputs + i]; });
}

void LinearTiles::forward(const float* prepared, const float* x, Index rows, bool relu,
                          float* y) const {
  convForward(product(rows, m_inputs, m_outputs), x, prepared, prepared + sumSize(), relu, y);
}

void LinearTiles::backward(const float* prepared, const float* dy, Index rows, float* dx) const {
  convForward(product(rows, m_outputs, m_inputs), dy, prepared + sumSize() + deltaWidth(), nullptr,
              false, dx);
}

void LinearTiles::addProduct(const float* x, const float* delta, Index rows, float* sum) const {
  ConvGeometry g = product(rows, m_inputs, m_outputs);
  g.outStep = deltaWidth();
  addConvGradient(g, x, delta, sum);
}

void LinearTiles::unpack(const float* sum, float* plain) const {
  parallelRanges(m_outputs, sumSize(), [&](Index first, Index last) {
    for (Index o = first; o < last; ++o) {
      const float* from = sum + o / convPanel * m_inputs * convPanel + o % convPanel;
      for (Index i = 0; i < m_inputs; ++i) plain[o * m_inputs + i] = from[i * convPanel];
    }
  });
}

}  // namespace clipscope
