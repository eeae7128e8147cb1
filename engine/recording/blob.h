// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace clipscope {

/// Numbers as the bytes of a recording: little-endian, one after another. A NaN stays a NaN.
static_assert(std::endian::native == std::endian::little,
              "recordings are little-endian; this machine would need its bytes swapped");

/// A finite number stays finite, whatever T: a norm that float cannot hold is float's largest.
template <class T, class Source>
T storedAs(Source value) {
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Source, double>) {
    constexpr double most = std::numeric_limits<float>::max();
    if (std::isfinite(value) && std::abs(value) > most)
      return std::copysign(std::numeric_limits<float>::max(),
                           static_cast<float>(value > 0 ? 1 : -1));
  }
  return static_cast<T>(value);
}

/// Appends `values`, each converted to T: float norms of a table in double, 32-bit indices.
template <class T, class Source>
void appendBlob(std::string& bytes, std::span<const Source> values) {
  const std::size_t from = bytes.size();
  bytes.resize(from + values.size() * sizeof(T));
  char* to = bytes.data() + from;
  for (const Source& value : values) {
    const T stored = storedAs<T>(value);
    std::memcpy(to, &stored, sizeof stored);
    to += sizeof stored;
  }
}

template <class T, class Source>
std::string blobOf(std::span<const Source> values) {
  std::string bytes;
  appendBlob<T>(bytes, values);
  return bytes;
}

/// The other way; bytes that are no whole T are left out.
template <class T, class Target, class Allocator>
void readBlob(std::span<const char> bytes, std::vector<Target, Allocator>& values) {
  values.resize(bytes.size() / sizeof(T));
  const char* from = bytes.data();
  for (Target& value : values) {
    T stored;
    std::memcpy(&stored, from, sizeof stored);
    value = static_cast<Target>(stored);
    from += sizeof stored;
  }
}

}  // namespace clipscope
