// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/layer.h"

namespace clipscope {

/// Element-wise functions. Each states y = f(x) and dx = f'(x) dy; the base class walks the block.
class Activation : public Layer {
 public:
  explicit Activation(Shape input) : Layer(std::move(input)) { m_output = m_input; }

  void forward(const ParameterView&, LayerCache&, const DrawKey&) const override;
  void backward(const ParameterView&, View dx, LayerCache&) const override;

 protected:
  virtual void values(const float* x, float* y, Index count) const = 0;
  virtual void gradients(const float* x, const float* y, const float* dy, float* dx,
                         Index count) const = 0;
};

/// y = max(x, 0); f'(0) = 0, as in PyTorch.
class Relu : public Activation {
 public:
  using Activation::Activation;
  std::string_view kind() const override { return "relu"; }
  std::string describe() const override { return "ReLU"; }

 protected:
  void values(const float* x, float* y, Index count) const override;
  void gradients(const float* x, const float* y, const float* dy, float* dx,
                 Index count) const override;
};

/// y = x for x > 0, else slope·x; f'(0) = slope, as in PyTorch.
class LeakyRelu : public Activation {
 public:
  LeakyRelu(double slope, Shape input)
      : Activation(std::move(input)), m_slope(static_cast<float>(slope)) {}
  std::string_view kind() const override { return "leaky_relu"; }
  std::string describe() const override;

 protected:
  void values(const float* x, float* y, Index count) const override;
  void gradients(const float* x, const float* y, const float* dy, float* dx,
                 Index count) const override;

 private:
  float m_slope;
};

/// y = tanh(x); f' = 1 − y².
class Tanh : public Activation {
 public:
  using Activation::Activation;
  std::string_view kind() const override { return "tanh"; }
  std::string describe() const override { return "Tanh"; }

 protected:
  void values(const float* x, float* y, Index count) const override;
  void gradients(const float* x, const float* y, const float* dy, float* dx,
                 Index count) const override;
};

/// y = 1/(1 + e^−x); f' = y(1 − y).
class Sigmoid : public Activation {
 public:
  using Activation::Activation;
  std::string_view kind() const override { return "sigmoid"; }
  std::string describe() const override { return "Sigmoid"; }

 protected:
  void values(const float* x, float* y, Index count) const override;
  void gradients(const float* x, const float* y, const float* dy, float* dx,
                 Index count) const override;
};

/// y = x σ(x) (Elfwing et al. 2018, arXiv:1702.03118; "swish"); f' = σ(x) (1 + x (1 − σ(x))).
class Silu : public Activation {
 public:
  using Activation::Activation;
  std::string_view kind() const override { return "silu"; }
  std::string describe() const override { return "SiLU"; }

 protected:
  void values(const float* x, float* y, Index count) const override;
  void gradients(const float* x, const float* y, const float* dy, float* dx,
                 Index count) const override;
};

/// y = x Φ(x), exact (Hendrycks and Gimpel 2016, arXiv:1606.08415), not the tanh approximation;
/// f' = Φ(x) + x φ(x).
class Gelu : public Activation {
 public:
  using Activation::Activation;
  std::string_view kind() const override { return "gelu"; }
  std::string describe() const override { return "GELU"; }

 protected:
  void values(const float* x, float* y, Index count) const override;
  void gradients(const float* x, const float* y, const float* dy, float* dx,
                 Index count) const override;
};

}  // namespace clipscope
