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

void execute(const dnnl::primitive& primitive, std::initializer_list<dnnl_exec_arg_t> arguments) {
  dnnl::stream& stream = onednnStream();
  dnnl::error::wrap_c_api(
      dnnl_primitive_execute(primitive.get(), stream.get(), static_cast<int>(arguments.size()),
                             arguments.begin()),
      "a primitive could not be executed");
  stream.wait();
}

SingleThreadedPrimitives::SingleThreadedPrimitives() : m_threads(omp_get_max_threads()) {
  omp_set_num_threads(1);
}

SingleThreadedPrimitives::~SingleThreadedPrimitives() { omp_set_num_threads(m_threads); }

}  // namespace clipscope
