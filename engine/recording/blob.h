// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bit>
#include <cstring>
#include <span>
#include <string>

namespace clipscope {

/// Numbers as the bytes of a recording: little-endian, one after another. A NaN stays a NaN.
static_assert(std::endian::native == std::endian::little,
              "recordings are little-endian; this machine would need its bytes swapped");

/// Appends `values`, each converted to T: float norms of a table in double, 32-bit indices.
template <class T, class Source>
void appendBlob(std::string& bytes, std::span<const Source> values) {
  const std::size_t from = bytes.size();
  bytes.resize(from + values.size() * sizeof(T));
  char* to = bytes.data() + from;
  for (const Source& value : values) {
    const T stored = static_cast<T>(value);
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

}  // namespace clipscope
