// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/onednn.h"

#include <omp.h>

namespace clipscope {

const dnnl::engine& onednnEngine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& onednnStream() {
  thread_local dnnl::stream stream(onednnEngine());
  return stream;
}

SingleThreadedPrimitives::SingleThreadedPrimitives() : m_threads(omp_get_max_threads()) {
  omp_set_num_threads(1);
}

SingleThreadedPrimitives::~SingleThreadedPrimitives() { omp_set_num_threads(m_threads); }

}  // namespace clipscope
