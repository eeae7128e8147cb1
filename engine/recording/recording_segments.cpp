// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_segments.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>

namespace clipscope {

namespace {

constexpr std::string_view partSuffix = ".part";
constexpr std::size_t leastDigits = 4;

std::string nameOf(const std::filesystem::path& series, int number) {
  char digits[16];
  std::snprintf(digits, sizeof digits, ".%04d", number);
  return series.stem().string() + digits + series.extension().string();
}

/// The number of "RUN.0003.clipscope" in the series RUN.clipscope; 0 for another name.
int numberOf(const std::filesystem::path& series, const std::string& name) {
  const std::string before = series.stem().string() + ".", after = series.extension().string();
  if (name.size() < before.size() + leastDigits + after.size() || !name.starts_with(before) ||
      !name.ends_with(after))
    return 0;
  const char* from = name.data() + before.size();
  const char* to = name.data() + name.size() - after.size();
  int number = 0;
  const auto [end, error] = std::from_chars(from, to, number);
  const bool whole = error == std::errc() && end == to && number > 0;
  return whole && nameOf(series, number) == name ? number : 0;
}

/// Numbers of the names in the series' folder that end in `suffix`.
std::vector<int> numbersThere(const std::filesystem::path& series, std::string_view suffix) {
  std::vector<int> numbers;
  const auto folder = series.has_parent_path() ? series.parent_path() : ".";
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::string name = at->path().filename().string();
    if (!name.ends_with(suffix)) continue;
    name.resize(name.size() - suffix.size());
    if (const int number = numberOf(series, name); number > 0) numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace

std::filesystem::path segmentPath(const std::filesystem::path& series, int number) {
  return series.parent_path() / nameOf(series, number);
}

std::filesystem::path openSegmentPath(const std::filesystem::path& series, int number) {
  return segmentPath(series, number).string() + std::string(partSuffix);
}

std::optional<std::filesystem::path> seriesOf(const std::filesystem::path& segment) {
  const std::filesystem::path numbered = segment.stem();  // RUN.0003
  const auto series =
      segment.parent_path() / (numbered.stem().string() + segment.extension().string());
  if (numberOf(series, segment.filename().string()) == 0) return std::nullopt;
  return series;
}

std::vector<int> closedSegments(const std::filesystem::path& series) {
  return numbersThere(series, "");
}

std::optional<int> openSegment(const std::filesystem::path& series) {
  const std::vector<int> numbers = numbersThere(series, partSuffix);
  if (numbers.empty()) return std::nullopt;
  return numbers.back();
}

}  // namespace clipscope
