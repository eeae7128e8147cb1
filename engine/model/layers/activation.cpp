// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/activation.h"

#include <cmath>
#include <numbers>

#include "engine/formats/number_text.h"
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

void Tanh::values(const float* x, float* y, Index count) const {
  for (Index j = 0; j < count; ++j) y[j] = std::tanh(x[j]);
}

void Tanh::gradients(const float*, const float* y, const float* dy, float* dx, Index count) const {
  for (Index j = 0; j < count; ++j) dx[j] = dy[j] * (1.0f - y[j] * y[j]);
}

void Sigmoid::values(const float* x, float* y, Index count) const {
  for (Index j = 0; j < count; ++j) y[j] = 1.0f / (1.0f + std::exp(-x[j]));
}

void Sigmoid::gradients(const float*, const float* y, const float* dy, float* dx,
                        Index count) const {
  for (Index j = 0; j < count; ++j) dx[j] = dy[j] * y[j] * (1.0f - y[j]);
}

void Silu::values(const float* x, float* y, Index count) const {
  for (Index j = 0; j < count; ++j) y[j] = x[j] / (1.0f + std::exp(-x[j]));
}

void Silu::gradients(const float* x, const float*, const float* dy, float* dx, Index count) const {
  for (Index j = 0; j < count; ++j) {
    const float sigma = 1.0f / (1.0f + std::exp(-x[j]));
    dx[j] = dy[j] * (sigma + x[j] * sigma * (1.0f - sigma));
  }
}

namespace {
/// Φ(x); erfc keeps the left tail's relative precision, where 1 + erf(x) cancels.
float normalCdf(float x) { return 0.5f * std::erfc(-x * (1.0f / std::numbers::sqrt2_v<float>)); }
}  // namespace

void Gelu::values(const float* x, float* y, Index count) const {
  for (Index j = 0; j < count; ++j) y[j] = x[j] * normalCdf(x[j]);
}

void Gelu::gradients(const float* x, const float*, const float* dy, float* dx, Index count) const {
  const float scale = std::numbers::inv_sqrtpi_v<float> / std::numbers::sqrt2_v<float>;
  for (Index j = 0; j < count; ++j) {
    const float density = scale * std::exp(-0.5f * x[j] * x[j]);
    dx[j] = dy[j] * (normalCdf(x[j]) + x[j] * density);
  }
}

}  // namespace clipscope
