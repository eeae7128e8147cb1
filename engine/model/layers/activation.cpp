// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/activation.h"

#include "engine/formats/number_text.h"
#include "engine/tensor/activation_kernels.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

void Activation::forward(const ParameterView&, LayerCache& cache, const DrawKey&) const {
  parallelRanges(cache.x.size(), cache.x.size(), [&](Index first, Index last) {
    values(cache.x.data + first, cache.y.data + first, last - first);
  });
}

void Activation::backward(const ParameterView&, View dx, LayerCache& cache) const {
  if (!dx) return;
  parallelRanges(cache.x.size(), cache.x.size(), [&](Index first, Index last) {
    gradients(cache.x.data + first, cache.y.data + first, cache.dy.data + first, dx.data + first,
              last - first);
  });
}

void Relu::values(const float* x, float* y, Index count) const { reluForward(x, y, count); }

void Relu::gradients(const float*, const float* y, const float* dy, float* dx, Index count) const {
  reluBackward(y, dy, dx, count);
}

std::string LeakyRelu::describe() const { return "LeakyReLU " + numberText(m_slope); }

void LeakyRelu::values(const float* x, float* y, Index count) const {
  for (Index j = 0; j < count; ++j) y[j] = x[j] > 0.0f ? x[j] : m_slope * x[j];
}

void LeakyRelu::gradients(const float* x, const float*, const float* dy, float* dx,
                          Index count) const {
  for (Index j = 0; j < count; ++j) dx[j] = x[j] > 0.0f ? dy[j] : m_slope * dy[j];
}

void Tanh::values(const float* x, float* y, Index count) const { tanhForward(x, y, count); }

void Tanh::gradients(const float*, const float* y, const float* dy, float* dx, Index count) const {
  tanhBackward(y, dy, dx, count);
}

void Sigmoid::values(const float* x, float* y, Index count) const { sigmoidForward(x, y, count); }

void Sigmoid::gradients(const float*, const float* y, const float* dy, float* dx,
                        Index count) const {
  sigmoidBackward(y, dy, dx, count);
}

void Silu::values(const float* x, float* y, Index count) const { siluForward(x, y, count); }

void Silu::gradients(const float* x, const float*, const float* dy, float* dx, Index count) const {
  siluBackward(x, dy, dx, count);
}

void Gelu::values(const float* x, float* y, Index count) const { geluForward(x, y, count); }

void Gelu::gradients(const float* x, const float*, const float* dy, float* dx, Index count) const {
  geluBackward(x, dy, dx, count);
}

}  // namespace clipscope
