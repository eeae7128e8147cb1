// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/dataset.h"

#include <cassert>

#include "engine/formats/sha256.h"

namespace clipscope {

Dataset::Dataset(Content content) : m_content(std::move(content)) {
  const Index values = m_content.shape.size();
  const std::size_t stored =
      m_content.pixels.empty() ? m_content.rows.size() : m_content.pixels.size();
  m_size = static_cast<Index>(stored) / values;
  assert(m_size * values == static_cast<Index>(stored));

  const Shape& shape = m_content.shape;
  const auto coefficients =
      static_cast<std::size_t>(isImage() ? shape[0] : shape[shape.rank() - 1]);
  const double unit = m_content.pixels.empty() ? 1.0 : 1.0 / 255.0;
  for (std::size_t c = 0; c < coefficients; ++c) {
    const Normalisation& n = m_content.normalisation;
    const double mean = n.mean.empty() ? 0 : n.mean[n.mean.size() == 1 ? 0 : c];
    const double std = n.std.empty() ? 1 : n.std[n.std.size() == 1 ? 0 : c];
    m_scale.push_back(static_cast<float>(unit / std));
    m_shift.push_back(static_cast<float>(-mean / std));
  }

  Sha256 hash;
  hash.add("clipscope data 1 " + m_content.shape.toString() + "\n");
  hash.add(std::as_bytes(std::span(m_content.pixels)));
  hash.add(std::as_bytes(std::span(m_content.rows)));
  hash.add(std::as_bytes(std::span(m_content.labels)));
  hash.add(std::as_bytes(std::span(m_content.targets)));
  m_fingerprint = hash.hex();
}

std::span<const float> Dataset::targets(Index i) const {
  return std::span(m_content.targets)
      .subspan(static_cast<std::size_t>(i * m_content.outputs),
               static_cast<std::size_t>(m_content.outputs));
}

namespace {

/// One image, planes one after the other, to channels last.
template <class T>
void gatherImage(const T* image, Index channels, Index area, const float* scale, const float* shift,
                 float* out) {
  for (Index c = 0; c < channels; ++c) {
    const T* plane = image + c * area;
    if (channels == 1)
      for (Index p = 0; p < area; ++p) out[p] = static_cast<float>(plane[p]) * scale[c] + shift[c];
    else
      for (Index p = 0; p < area; ++p)
        out[p * channels + c] = static_cast<float>(plane[p]) * scale[c] + shift[c];
  }
}

}  // namespace

void Dataset::gather(std::span<const Index> examples, float* out) const {
  const Shape& shape = m_content.shape;
  const Index values = shape.size();
  const Index period = shape[shape.rank() - 1];
  for (const Index example : examples) {
    if (isImage()) {
      const Index area = values / shape[0];
      if (m_content.pixels.empty())
        gatherImage(m_content.rows.data() + example * values, shape[0], area, m_scale.data(),
                    m_shift.data(), out);
      else
        gatherImage(m_content.pixels.data() + example * values, shape[0], area, m_scale.data(),
                    m_shift.data(), out);
    } else {
      const float* row = m_content.rows.data() + example * values;
      for (Index j = 0; j < values; ++j) {
        const auto column = static_cast<std::size_t>(j % period);
        out[j] = row[j] * m_scale[column] + m_shift[column];
      }
    }
    out += values;
  }
}

std::vector<float> Dataset::raw(Index i) const {
  const Index values = m_content.shape.size();
  std::vector<float> result(static_cast<std::size_t>(values));
  for (Index j = 0; j < values; ++j) {
    const auto at = static_cast<std::size_t>(i * values + j);
    result[static_cast<std::size_t>(j)] = m_content.pixels.empty()
                                              ? m_content.rows[at]
                                              : static_cast<float>(m_content.pixels[at]) / 255.0f;
  }
  return result;
}

}  // namespace clipscope
