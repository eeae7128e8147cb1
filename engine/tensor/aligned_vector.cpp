// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/aligned_vector.h"

#include <sys/mman.h>

#include <new>

namespace clipscope {

namespace {

constexpr std::size_t line = 64, hugePage = std::size_t{2} << 20, hugeFrom = std::size_t{1} << 20;

std::align_val_t alignmentFor(std::size_t bytes) {
  return std::align_val_t{bytes < hugeFrom ? line : hugePage};
}

}  // namespace

void* allocateAligned(std::size_t bytes) {
  if (bytes < hugeFrom) return ::operator new(bytes, alignmentFor(bytes));
  const std::size_t whole = (bytes + hugePage - 1) / hugePage * hugePage;
  if (whole < bytes) throw std::bad_alloc();
  void* memory = ::operator new(whole, alignmentFor(bytes));
  // A wish: where it is not granted the pages are small ones.
  madvise(memory, whole, MADV_HUGEPAGE);
  return memory;
}

void releaseAligned(void* memory, std::size_t bytes) {
  ::operator delete(memory, alignmentFor(bytes));
}

}  // namespace clipscope
