// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/properties.h"

/// Runs a fuzz target over the files of its corpus, where there is no libFuzzer: each is an input
/// that once broke something, or that leads somewhere. Fails where one breaks a property, and where
/// there are none.
int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  int broken = 0;
  for (const auto& path : files) {
    // Said before it is run: a crash leaves no time to say it afterwards.
    std::fprintf(stderr, "%s\n", path.filename().c_str());
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    try {
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    } catch (const std::exception& error) {
      std::fprintf(stderr, "  %s\n", error.what());
      ++broken;
    }
  }
  std::fprintf(stderr, "%zu inputs, %d broken\n", files.size(), broken);
  return files.empty() || broken > 0 ? 1 : 0;
}
