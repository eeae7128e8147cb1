// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <dnnl.hpp>
#include <initializer_list>

namespace clipscope {

/// The process's CPU engine.
const dnnl::engine& onednnEngine();
/// The calling thread's stream.
dnnl::stream& onednnStream();

/// Runs a primitive on the calling thread's stream and waits. As primitive::execute(), without the
/// hash map and vector that it builds for every call: a step makes thousands of small calls.
void execute(const dnnl::primitive& primitive, std::initializer_list<dnnl_exec_arg_t> arguments);

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
