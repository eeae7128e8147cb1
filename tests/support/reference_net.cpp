// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/reference_net.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

namespace clipscope::test {

using nlohmann::json;

namespace {

struct Value {
  std::vector<Index> shape;
  std::vector<double> data;
};

std::size_t at(Index index) { return static_cast<std::size_t>(index); }

Value linear(const Value& x, const std::vector<double>& w, const std::vector<double>* b,
             Index out) {
  const Index in = x.shape.back();
  const Index positions = static_cast<Index>(x.data.size()) / in;
  Value y{x.shape, std::vector<double>(at(positions * out))};
  y.shape.back() = out;
  for (Index t = 0; t < positions; ++t)
    for (Index o = 0; o < out; ++o) {
      double sum = b ? (*b)[at(o)] : 0;
      for (Index i = 0; i < in; ++i) sum += w[at(o * in + i)] * x.data[at(t * in + i)];
      y.data[at(t * out + o)] = sum;
    }
  return y;
}

/// A field that is one number for both axes, or [height, width].
json pairOf(const json& fields, const char* name, const json& fallback) {
  const json value = fields.value(name, fallback);
  return value.is_array() ? value : json{value, value};
}

Value conv2d(const Value& x, const std::vector<double>& w, const std::vector<double>* b,
             const json& f) {
  const Index in = x.shape[0], h = x.shape[1], wd = x.shape[2];
  const Index out = f.at("out_channels"), groups = f.value("groups", 1);
  const json k = pairOf(f, "kernel", {1, 1}), s = pairOf(f, "stride", {1, 1}),
             p = pairOf(f, "padding", {0, 0}), d = pairOf(f, "dilation", {1, 1});
  const Index kh = k[0], kw = k[1], sh = s[0], sw = s[1], ph = p[0], pw = p[1], dh = d[0],
              dw = d[1];
  const Index oh = (h + 2 * ph - dh * (kh - 1) - 1) / sh + 1;
  const Index ow = (wd + 2 * pw - dw * (kw - 1) - 1) / sw + 1;
  const Index perIn = in / groups, perOut = out / groups;
  Value y{{out, oh, ow}, std::vector<double>(at(out * oh * ow))};
  for (Index o = 0; o < out; ++o)
    for (Index r = 0; r < oh; ++r)
      for (Index c = 0; c < ow; ++c) {
        double sum = b ? (*b)[at(o)] : 0;
        for (Index i = 0; i < perIn; ++i)
          for (Index a = 0; a < kh; ++a)
            for (Index e = 0; e < kw; ++e) {
              const Index row = r * sh - ph + a * dh, col = c * sw - pw + e * dw;
              if (row < 0 || row >= h || col < 0 || col >= wd) continue;
              const Index channel = o / perOut * perIn + i;
              sum += w[at(((o * perIn + i) * kh + a) * kw + e)] *
                     x.data[at((channel * h + row) * wd + col)];
            }
        y.data[at((o * oh + r) * ow + c)] = sum;
      }
  return y;
}

Value pool(const Value& x, const json& f, bool maximum) {
  const Index ch = x.shape[0], h = x.shape[1], w = x.shape[2];
  const json k = pairOf(f, "kernel", {2, 2}), s = pairOf(f, "stride", k),
             p = pairOf(f, "padding", {0, 0});
  const Index kh = k[0], kw = k[1], sh = s[0], sw = s[1], ph = p[0], pw = p[1];
  const Index oh = (h + 2 * ph - kh) / sh + 1, ow = (w + 2 * pw - kw) / sw + 1;
  Value y{{ch, oh, ow}, {}};
  for (Index c = 0; c < ch; ++c)
    for (Index r = 0; r < oh; ++r)
      for (Index q = 0; q < ow; ++q) {
        double best = -std::numeric_limits<double>::infinity(), sum = 0, cells = 0;
        for (Index a = 0; a < kh; ++a)
          for (Index e = 0; e < kw; ++e) {
            const Index row = r * sh - ph + a, col = q * sw - pw + e;
            if (row < 0 || row >= h || col < 0 || col >= w) continue;
            const double v = x.data[at((c * h + row) * w + col)];
            best = std::max(best, v);
            sum += v;
            ++cells;
          }
        if (f.value("count_include_pad", true)) cells = static_cast<double>(kh * kw);
        y.data.push_back(maximum ? best : sum / cells);
      }
  return y;
}

/// PyTorch's AdaptiveAvgPool2d, each bin's edges worked out in real numbers.
Value adaptivePool(const Value& x, const json& f) {
  const Index ch = x.shape[0], h = x.shape[1], w = x.shape[2];
  const json out = pairOf(f, "output", {1, 1});
  const Index oh = out[0], ow = out[1];
  const auto inBin = [](Index cell, Index bin, Index cells, Index bins) {
    const double size = static_cast<double>(cells) / static_cast<double>(bins);
    // The small shift keeps an edge that is whole in truth from being rounded past it.
    return static_cast<double>(cell) >= std::floor(static_cast<double>(bin) * size + 1e-9) &&
           static_cast<double>(cell) < std::ceil(static_cast<double>(bin + 1) * size - 1e-9);
  };
  Value y{{ch, oh, ow}, {}};
  for (Index c = 0; c < ch; ++c)
    for (Index r = 0; r < oh; ++r)
      for (Index q = 0; q < ow; ++q) {
        double sum = 0;
        int count = 0;
        for (Index a = 0; a < h; ++a)
          for (Index e = 0; e < w; ++e)
            if (inBin(a, r, h, oh) && inBin(e, q, w, ow)) {
              sum += x.data[at((c * h + a) * w + e)];
              ++count;
            }
        y.data.push_back(sum / count);
      }
  return y;
}

/// Standardises runs of `width` consecutive values.
std::vector<double> standardise(const std::vector<double>& x, Index width, double epsilon) {
  std::vector<double> y(x.size());
  for (std::size_t start = 0; start < x.size(); start += at(width)) {
    double mean = 0, variance = 0;
    for (std::size_t j = start; j < start + at(width); ++j)
      mean += x[j] / static_cast<double>(width);
    for (std::size_t j = start; j < start + at(width); ++j)
      variance += (x[j] - mean) * (x[j] - mean) / static_cast<double>(width);
    for (std::size_t j = start; j < start + at(width); ++j)
      y[j] = (x[j] - mean) / std::sqrt(variance + epsilon);
  }
  return y;
}

Value channelNorm(const Value& x, Index groups, double epsilon, const std::vector<double>* weight,
                  const std::vector<double>* bias) {
  const Index channels = x.shape[0];
  const Index area = static_cast<Index>(x.data.size()) / channels;
  Value y{x.shape, standardise(x.data, channels / groups * area, epsilon)};
  for (Index c = 0; c < channels; ++c)
    for (Index t = 0; t < area; ++t) {
      double& v = y.data[at(c * area + t)];
      v = v * (weight ? (*weight)[at(c)] : 1) + (bias ? (*bias)[at(c)] : 0);
    }
  return y;
}

Value layerNorm(const Value& x, double epsilon, const std::vector<double>* weight,
                const std::vector<double>* bias, Index width) {
  Value y{x.shape, standardise(x.data, width, epsilon)};
  for (std::size_t j = 0; j < y.data.size(); ++j) {
    const std::size_t k = j % at(width);
    y.data[j] = y.data[j] * (weight ? (*weight)[k] : 1) + (bias ? (*bias)[k] : 0);
  }
  return y;
}

double activation(const json& f, double x) {
  const std::string type = f.at("type");
  if (type == "leaky_relu") return x > 0 ? x : f.value("negative_slope", 0.01) * x;
  if (type == "silu") return x / (1 + std::exp(-x));
  if (type == "relu") return x > 0 ? x : 0;
  if (type == "tanh") return std::tanh(x);
  if (type == "sigmoid") return 1 / (1 + std::exp(-x));
  if (type == "gelu") return x * 0.5 * std::erfc(-x / std::numbers::sqrt2);
  throw std::invalid_argument("reference net has no layer " + type);
}

using Named = std::map<std::string, json>;

Value chain(Value value, const json& layers, const ReferenceNet::Tensors& parameters,
            Named& named) {
  for (json f : layers) {
    if (f.at("type") == "reuse") f = named.at(f.at("layer"));
    if (f.contains("name")) named[f.at("name")] = f;
    const std::string type = f.at("type");
    const auto tensor = [&](const char* part) -> const std::vector<double>* {
      const auto found = parameters.find(f.value("name", "") + "." + part);
      return found == parameters.end() ? nullptr : &found->second;
    };
    if (type == "residual") {
      const Value branch = chain(value, f.at("layers"), parameters, named);
      value = chain(value, f.value("shortcut", json::array()), parameters, named);
      if (branch.shape != value.shape) throw std::invalid_argument("shapes of a residual block");
      for (std::size_t k = 0; k < value.data.size(); ++k) value.data[k] += branch.data[k];
    } else if (type == "linear") {
      value = linear(value, *tensor("weight"), tensor("bias"), f.at("out"));
    } else if (type == "conv2d") {
      value = conv2d(value, *tensor("weight"), tensor("bias"), f);
    } else if (type == "maxpool2d" || type == "avgpool2d") {
      value = pool(value, f, type == "maxpool2d");
    } else if (type == "adaptive_avgpool2d") {
      value = adaptivePool(value, f);
    } else if (type == "flatten") {
      value.shape = {static_cast<Index>(value.data.size())};
    } else if (type == "groupnorm") {
      value = channelNorm(value, f.at("groups"), f.value("eps", 1e-5), tensor("weight"),
                          tensor("bias"));
    } else if (type == "instancenorm2d") {
      value = channelNorm(value, value.shape[0], f.value("eps", 1e-5), tensor("weight"),
                          tensor("bias"));
    } else if (type == "layernorm") {
      Index width = 1;
      for (const Index extent : f.at("shape")) width *= extent;
      value = layerNorm(value, f.value("eps", 1e-5), tensor("weight"), tensor("bias"), width);
    } else {
      for (double& v : value.data) v = activation(f, v);
    }
  }
  return value;
}

}  // namespace

std::vector<double> ReferenceNet::output(const Tensors& parameters,
                                         const std::vector<double>& x) const {
  Named named;
  return chain({m_input.extents(), x}, m_spec.at("layers"), parameters, named).data;
}

double ReferenceNet::loss(const Tensors& parameters, const std::vector<double>& x, int label,
                          const std::vector<double>& target) const {
  const std::vector<double> z = output(parameters, x);
  if (m_spec.value("loss", "cross_entropy") == std::string("mse")) {
    double sum = 0;
    for (std::size_t k = 0; k < z.size(); ++k) sum += (z[k] - target[k]) * (z[k] - target[k]);
    return sum / static_cast<double>(z.size());
  }
  if (m_spec.value("loss", "") == std::string("bce_with_logits")) {
    double sum = 0;
    for (std::size_t k = 0; k < z.size(); ++k) {
      const double p = 1 / (1 + std::exp(-z[k]));
      sum -= target[k] * std::log(p) + (1 - target[k]) * std::log(1 - p);
    }
    return sum / static_cast<double>(z.size());
  }
  double total = 0, top = z[0];
  for (const double v : z) top = std::max(top, v);
  for (const double v : z) total += std::exp(v - top);
  return std::log(total) + top - z[static_cast<std::size_t>(label)];
}

std::vector<double> ReferenceNet::gradient(Tensors parameters, const std::string& tensor,
                                           const std::vector<double>& x, int label,
                                           const std::vector<double>& target) const {
  constexpr double h = 1e-5;
  std::vector<double> gradient;
  std::vector<double>& values = parameters.at(tensor);
  for (double& value : values) {
    const double kept = value;
    value = kept + h;
    const double above = loss(parameters, x, label, target);
    value = kept - h;
    const double below = loss(parameters, x, label, target);
    value = kept;
    gradient.push_back((above - below) / (2 * h));
  }
  return gradient;
}

}  // namespace clipscope::test
