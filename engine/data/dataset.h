// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// x ← (x − mean)/std, one pair a channel (images, on pixels in 0 … 1) or a column (rows). The
/// constants must be public: what is computed from the data is private and says so.
struct Normalisation {
  std::vector<double> mean;
  std::vector<double> std;
  bool computedFromData = false;

  friend bool operator==(const Normalisation&, const Normalisation&) = default;
};

/// Examples and what they should give. Immutable and shared. Pixels stay bytes and are normalised
/// when a batch is gathered; rows are floats.
class Dataset {
 public:
  /// What a loader fills in. Exactly one of `pixels` and `rows`, and one of `labels` and `targets`.
  struct Content {
    std::string name;                  ///< "MNIST t10k": for the screen
    std::string source;                ///< the path, or what it was generated from
    Shape shape;                       ///< of one example
    std::vector<std::uint8_t> pixels;  ///< N × C × H × W, PyTorch's order
    std::vector<float> rows;           ///< N × D
    std::vector<int> labels;
    std::vector<float> targets;  ///< N × outputs
    Index outputs = 0;           ///< classes, or target values an example
    std::vector<std::string> classNames;
    std::vector<std::string> featureNames;  ///< of rows; may be empty
    Normalisation normalisation;
  };

  explicit Dataset(Content content);

  const std::string& name() const { return m_content.name; }
  const std::string& source() const { return m_content.source; }
  Index size() const { return m_size; }
  const Shape& shape() const { return m_content.shape; }
  bool isImage() const { return m_content.shape.rank() == 3; }
  bool isClassification() const { return !m_content.labels.empty(); }
  Index outputs() const { return m_content.outputs; }
  int label(Index i) const { return m_content.labels[static_cast<std::size_t>(i)]; }
  std::span<const float> targets(Index i) const;
  const std::vector<std::string>& classNames() const { return m_content.classNames; }
  const std::vector<std::string>& featureNames() const { return m_content.featureNames; }
  const Normalisation& normalisation() const { return m_content.normalisation; }

  /// Writes the examples, normalised, one after the other; images channels last.
  void gather(std::span<const Index> examples, float* out) const;
  /// One example before normalisation: pixels in 0 … 1 in C × H × W, or the row's values.
  std::vector<float> raw(Index i) const;

  /// SHA-256 over shape, values and labels: names the data in a manifest.
  const std::string& fingerprint() const { return m_fingerprint; }

 private:
  Content m_content;
  Index m_size = 0;
  std::string m_fingerprint;
  std::vector<float> m_scale;  ///< by channel or column: out = in·scale + shift
  std::vector<float> m_shift;
};

}  // namespace clipscope
