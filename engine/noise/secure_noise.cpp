// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/secure_noise.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "engine/noise/secure_sum.h"

namespace clipscope {

void fillSecureNormals(const SecureKey& key, std::uint32_t tensor, std::uint64_t from,
                       std::span<float> out) {
  assert(from % secureChunk == 0);
  std::array<std::array<float, secureChunk>, 4> drawn;
  for (std::uint64_t chunk = from / secureChunk; !out.empty(); ++chunk) {
    const std::size_t size = std::min(out.size(), secureChunk);
    SecureStream stream(key, DrawPurpose::Noise, std::uint64_t{tensor} << 32 | chunk);
    stream.normal();
    std::array<std::span<const float>, 4> views;
    for (std::size_t k = 0; k < drawn.size(); ++k) {
      const std::span<float> part(drawn[k].data(), size);
      for (float& z : part) z = static_cast<float>(stream.normal());
      views[k] = part;
    }
    secureSum(views, out.first(size));
    out = out.subspan(size);
  }
}

double secureNormal(SecureStream& stream) {
  stream.normal();
  double sum = 0;
  for (int k = 0; k < 4; ++k) sum += stream.normal();
  return sum / 2;
}

}  // namespace clipscope
