// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/window.h"

#include "engine/error.h"

namespace clipscope {

namespace {
/// What a picture may hold with the padding around it: it is copied into the middle of zeros.
constexpr Index mostPadded = Index{1} << 28;
}  // namespace

std::pair<Index, Index> windowedExtent(const Shape& input, const std::array<Index, 2>& kernel,
                                       const std::array<Index, 2>& stride,
                                       const std::array<Index, 2>& padding,
                                       const std::array<Index, 2>& dilation) {
  const Index padded = input[0] * (input[1] + 2 * padding[0]) * (input[2] + 2 * padding[1]);
  if (padded > mostPadded)
    throw SpecError("its input " + input.toString() + " is too large with padding " +
                    pairText(padding));
  std::array<Index, 2> extent{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const Index size = input[static_cast<Index>(axis) + 1];
    const Index span = dilation[axis] * (kernel[axis] - 1) + 1;
    const Index room = size + 2 * padding[axis] - span;
    if (room < 0)
      throw SpecError("its window of " + std::to_string(span) + " is larger than the input " +
                      input.toString() + " with padding " + std::to_string(padding[axis]));
    extent[axis] = room / stride[axis] + 1;
  }
  return {extent[0], extent[1]};
}

std::string pairText(const std::array<Index, 2>& pair) {
  return std::to_string(pair[0]) + "×" + std::to_string(pair[1]);
}

std::string strideText(const std::array<Index, 2>& pair) {
  std::string text = "/";
  text += pair[0] == pair[1] ? std::to_string(pair[0]) : pairText(pair);
  return text;
}

}  // namespace clipscope
