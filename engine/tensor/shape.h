// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace clipscope {

/// Every count, offset and index in the engine.
using Index = std::int64_t;

/// The extents of one example or one parameter, in PyTorch's order. One example of an image is
/// {C, H, W}, of a row {D}, of a sequence {T, D}. The batch is never part of a Shape.
///
/// Storage: row-major, with one exception. The values of an *activation* of three dimensions are
/// stored channels last, (H, W, C), because every convolution and normalisation kernel is fastest
/// that way. Parameters and their gradients keep PyTorch's layout.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Index> extents) : m_extents(extents) {}
  explicit Shape(std::vector<Index> extents) : m_extents(std::move(extents)) {}

  Index rank() const { return static_cast<Index>(m_extents.size()); }
  Index operator[](Index axis) const { return m_extents[static_cast<std::size_t>(axis)]; }
  const std::vector<Index>& extents() const { return m_extents; }

  /// Number of values: the product of the extents, 1 for rank 0.
  Index size() const {
    Index product = 1;
    for (Index extent : m_extents) product *= extent;
    return product;
  }

  /// "16×8×8"; "scalar" for rank 0.
  std::string toString() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::vector<Index> m_extents;
};

}  // namespace clipscope
