// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/conv_engine.h"

namespace clipscope {

namespace {
/// 1 MiB of weights: a core's second-level cache.
constexpr Index mostTiledWeights = Index{1} << 18;
}  // namespace

std::unique_ptr<ConvEngine> makeConvEngine(const Conv2dSettings& s, const Shape& input,
                                           const Shape& output, Index rows) {
  const bool dilated =
      (s.kernel[0] > 1 && s.dilation[0] > 1) || (s.kernel[1] > 1 && s.dilation[1] > 1);
  if (s.groups == 1 && !dilated && Conv2d::weightShape(s).size() <= mostTiledWeights)
    return makeTiledConvolution(s, input, output);
  return makeOneDnnConvolution(s, input, output, rows);
}

}  // namespace clipscope
