// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <dnnl.hpp>

namespace clipscope {

/// The process's CPU engine.
const dnnl::engine& onednnEngine();
/// The calling thread's stream.
dnnl::stream& onednnStream();

/// While it lives, primitives are made for one thread: they run inside parallel regions, where each
/// thread carries its own examples, and one made for more would split its work among threads that
/// never come.
class SingleThreadedPrimitives {
 public:
  SingleThreadedPrimitives();
  ~SingleThreadedPrimitives();
  SingleThreadedPrimitives(const SingleThreadedPrimitives&) = delete;
  SingleThreadedPrimitives& operator=(const SingleThreadedPrimitives&) = delete;

 private:
  int m_threads;
};

}  // namespace clipscope
