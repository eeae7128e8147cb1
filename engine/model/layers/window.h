// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <string>
#include <utility>

#include "engine/tensor/shape.h"

namespace clipscope {

/// What convolutions and pools share: a window that slides over an image. Pairs are {height,
/// width}.

/// The extents of the output, ⌊(n + 2p − d(k − 1) − 1)/s⌋ + 1 each; rows and columns at the bottom
/// and right may stay unused. Throws SpecError where the window does not fit, or the padding makes
/// a picture of more than 2^28 values.
std::pair<Index, Index> windowedExtent(const Shape& input, const std::array<Index, 2>& kernel,
                                       const std::array<Index, 2>& stride,
                                       const std::array<Index, 2>& padding,
                                       const std::array<Index, 2>& dilation);

std::string pairText(const std::array<Index, 2>& pair);    ///< "3×3"
std::string strideText(const std::array<Index, 2>& pair);  ///< "/2" or "/2×1"

}  // namespace clipscope
