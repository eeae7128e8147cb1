// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/idx.h"

#include <array>

#include "engine/error.h"
#include "engine/formats/byte_source.h"

namespace clipscope {

namespace {

constexpr std::uint8_t unsignedByte = 0x08;
constexpr int mostRank = 4;

std::uint8_t byteAt(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

}  // namespace

bool looksLikeIdx(const std::filesystem::path& path) {
  ByteSource source(path);
  std::array<std::byte, 4> magic{};
  return source.read(magic) == magic.size() && byteAt(magic, 0) == 0 && byteAt(magic, 1) == 0 &&
         byteAt(magic, 2) >= 0x08 && byteAt(magic, 2) <= 0x0E && byteAt(magic, 3) >= 1;
}

IdxFile readIdx(const std::filesystem::path& path) {
  ByteSource source(path);
  std::array<std::byte, 4> magic{};
  if (source.read(magic) != magic.size())
    throw FileError(source.name() + ": ends inside its header, at byte " +
                    std::to_string(source.position()) + "; it is not a whole IDX file");
  if (byteAt(magic, 0) != 0 || byteAt(magic, 1) != 0)
    throw FileError(source.name() +
                    ": does not begin with 00 00, so it is not an IDX file (byte 0)");
  if (byteAt(magic, 2) != unsignedByte)
    throw FileError(source.name() + ": has element type " + std::to_string(byteAt(magic, 2)) +
                    " at byte 2; only unsigned bytes (8) are read");
  const int rank = byteAt(magic, 3);
  if (rank < 1 || rank > mostRank)
    throw FileError(source.name() + ": has rank " + std::to_string(rank) +
                    " at byte 3; 1 to 4 is expected");

  IdxFile file;
  std::size_t size = 1;
  for (int axis = 0; axis < rank; ++axis) {
    std::array<std::byte, 4> word{};
    if (source.read(word) != word.size())
      throw FileError(source.name() + ": ends inside its header, at byte " +
                      std::to_string(source.position()) + "; it is not a whole IDX file");
    std::size_t extent = 0;
    for (std::size_t k = 0; k < 4; ++k) extent = extent << 8 | byteAt(word, k);
    const std::string where = " (byte " + std::to_string(4 + 4 * axis) + ")";
    if (extent == 0)
      throw FileError(source.name() + ": its header says 0 for extent " + std::to_string(axis + 1) +
                      where + "; there is nothing in it");
    // Against what the file can hold, before anything is allocated or a product can overflow.
    if (extent > source.mostLeft() / size)
      throw FileError(source.name() + ": its header promises more values than the file can hold" +
                      where + "; it is damaged or cut off");
    size *= extent;
    file.extents.push_back(static_cast<Index>(extent));
  }

  // Grown as bytes arrive: a .gz may promise a thousand times its size and hold nothing.
  constexpr std::size_t piece = std::size_t{1} << 22;
  while (file.values.size() < size) {
    const std::size_t start = file.values.size();
    const std::size_t want = std::min(piece, size - start);
    file.values.resize(start + want);
    const std::size_t got =
        source.read(std::as_writable_bytes(std::span(file.values.data() + start, want)));
    if (got < want)
      throw FileError(source.name() + ": ends at byte " + std::to_string(source.position()) +
                      " where its header promises " +
                      std::to_string(4 + 4 * static_cast<std::size_t>(rank) + size) +
                      " bytes; it is cut off");
  }
  std::array<std::byte, 1> more{};
  if (source.read(more) != 0)
    throw FileError(source.name() + ": goes on after the " + std::to_string(size) +
                    " values that its header promises; it is damaged");
  return file;
}

std::optional<std::filesystem::path> labelsBeside(const std::filesystem::path& images) {
  std::string name = images.filename().string();
  const auto replace = [&name](const std::string& from, const std::string& to) {
    const auto at = name.rfind(from);
    if (at == std::string::npos) return false;
    name.replace(at, from.size(), to);
    return true;
  };
  if (!replace("images", "labels")) return std::nullopt;
  replace("idx3", "idx1");
  for (const bool compressed : {name.ends_with(".gz"), !name.ends_with(".gz")}) {
    std::string candidate = name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
    if (compressed) candidate += ".gz";
    const auto path = images.parent_path() / candidate;
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path;
  }
  return std::nullopt;
}

}  // namespace clipscope
