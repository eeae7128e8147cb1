// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <vector>

namespace clipscope {

/// Memory for `bytes`, and its return: on 64-byte boundaries (a full vector register and a cache
/// line, so that kernels never straddle one: an unaligned 64-byte access was measured to cost a
/// third); from a megabyte on in pages of two, where the system has them, so that a walk through a
/// matrix does not wait for the page table. Throws std::bad_alloc.
void* allocateAligned(std::size_t bytes);
void releaseAligned(void* memory, std::size_t bytes);

template <class T>
struct AlignedAllocator {
  using value_type = T;

  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT: conversion is required by the standard

  T* allocate(std::size_t count) { return static_cast<T*>(allocateAligned(count * sizeof(T))); }
  void deallocate(T* pointer, std::size_t count) { releaseAligned(pointer, count * sizeof(T)); }

  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace clipscope
