// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/what_if/batch_gram.h"

#include <cmath>

#include "engine/training/what_if/gram_builder.h"

namespace clipscope {

std::shared_ptr<const BatchGram> BatchGram::build(const BatchProbe& probe, std::stop_token stop,
                                                  Index limit, Index workspace) {
  return GramBuilder(probe, stop, limit, workspace).build();
}

double BatchGram::product(Index i, Index j, Index tensor) const {
  const double cosine =
      static_cast<double>(cosines(tensor)[static_cast<std::size_t>(i * size() + j)]);
  // 0 for an example that was dropped, whose norm may be anything.
  if (cosine == 0) return 0;
  return m_norms.at(m_rows[static_cast<std::size_t>(i)], tensor) * cosine *
         m_norms.at(m_rows[static_cast<std::size_t>(j)], tensor);
}

double BatchGram::noiseProduct(Index i, Index tensor) const {
  const double projection = noiseProjection(i, tensor);
  if (projection == 0) return 0;
  return m_norms.at(m_rows[static_cast<std::size_t>(i)], tensor) * projection;
}

}  // namespace clipscope
