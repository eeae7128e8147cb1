// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cstring>

#include "tests/fuzz/gz.h"
#include "tests/fuzz/properties.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

/// A change to the bytes of a .gz seldom leaves one whose checksum is right, so what it holds is
/// changed and packed again; and now and then a plain file is packed.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  using namespace clipscope::fuzz;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const bool whole = isGz(bytes) && seed % 4 != 0, pack = !isGz(bytes) && seed % 64 == 0;
  if (!whole && !pack) return LLVMFuzzerMutate(data, size, most);
  std::string content = whole ? unpacked(bytes, most) : std::string(bytes);
  const std::size_t held = content.size();
  content.resize(std::max(most, std::size_t{1}));
  content.resize(
      LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(content.data()), held, content.size()));
  const std::string result = packed(content);
  if (result.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, result.data(), result.size());
  return result.size();
}
