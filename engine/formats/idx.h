// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// The content of an IDX file of unsigned bytes, MNIST's format: a big-endian magic 00 00 08 RANK,
/// RANK extents of 32 bits, then the values.
struct IdxFile {
  std::vector<Index> extents;  ///< the first counts the examples
  std::vector<std::uint8_t> values;
};

/// True when the file (plain or .gz) begins like an IDX file.
bool looksLikeIdx(const std::filesystem::path& path);

/// Reads a plain or .gz file. Throws FileError, with the byte, for another magic or element type,
/// an extent of 0, sizes that the file cannot hold (checked before anything is allocated), a file
/// that is shorter or longer than its header says.
IdxFile readIdx(const std::filesystem::path& path);

/// The labels that usually lie beside an images file: "…images-idx3-ubyte[.gz]" has
/// "…labels-idx1-ubyte[.gz]"; also with ".idx3-ubyte". Empty when there is none.
std::optional<std::filesystem::path> labelsBeside(const std::filesystem::path& images);

}  // namespace clipscope
