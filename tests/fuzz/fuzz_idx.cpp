// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/data/dataset_loader.h"
#include "engine/formats/idx.h"
#include "tests/fuzz/gz.h"
#include "tests/fuzz/loaded_data.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/properties.h"

using namespace clipscope;
using namespace clipscope::fuzz;

/// An input is a file, plain or .gz: read as IDX, and where it holds images, loaded as a data set
/// with labels made up for it.

namespace {

std::string idxOf(const std::vector<Index>& extents, std::string_view values) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(extents.size())};
  for (const Index extent : extents)
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes += static_cast<char>(static_cast<std::uint8_t>(extent >> shift));
  return bytes.append(values);
}

std::string_view textOf(const std::vector<std::uint8_t>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size()};
}

void loadImages(const MemoryFile& images, Index count) {
  std::string ids;
  for (Index i = 0; i < count; ++i) ids += static_cast<char>(static_cast<std::uint8_t>(i % 10));
  const MemoryFile labels(idxOf({count}, ids));
  for (const NormalisationRule rule :
       {NormalisationRule::Default, NormalisationRule::Standardise}) {
    DataSettings settings;
    settings.source = DataSource::Idx;
    settings.path = images.path();
    settings.labels = labels.path();
    settings.normalisation = rule;
    checkLoaded(loadDataset(settings), rule == NormalisationRule::Standardise);
  }
  // The file itself as labels: of another rank, so refused.
  DataSettings settings;
  settings.source = DataSource::Idx;
  settings.path = settings.labels = images.path();
  expect(!accepts<FileError>([&] { loadDataset(settings); }), "images are no labels");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const MemoryFile file(bytes);
  bool looks = false;
  accepts<FileError>([&] { looks = looksLikeIdx(file.path()); });
  IdxFile idx;
  if (!accepts<FileError>([&] { idx = readIdx(file.path()); })) return 0;

  expect(looks, "what is read looks like IDX");
  expect(!idx.extents.empty() && idx.extents.size() <= 4, "a rank from 1 to 4");
  Index product = 1;
  for (const Index extent : idx.extents) {
    expect(extent >= 1, "no extent of 0");
    product *= extent;
  }
  expect(product == static_cast<Index>(idx.values.size()), "as many values as the header says");
  const std::string again = idxOf(idx.extents, textOf(idx.values));
  if (!isGz(bytes)) expect(again == bytes, "all of the file is read");
  const IdxFile other = readIdx(MemoryFile(isGz(bytes) ? again : packed(again)).path());
  expect(other.extents == idx.extents && other.values == idx.values, "plain and .gz are the same");
  if (idx.extents.size() >= 3) loadImages(file, idx.extents[0]);
  return 0;
}
