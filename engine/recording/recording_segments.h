// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

namespace clipscope {

/// A series of recordings that together are one: RUN.0001.clipscope, RUN.0002.clipscope, … of the
/// series RUN.clipscope. The one that is being written has ".part" behind its name, so that a
/// folder can be read over a network, where a log cannot: what has its final name does not change.

/// RUN.0003.clipscope
std::filesystem::path segmentPath(const std::filesystem::path& series, int number);
/// RUN.0003.clipscope.part
std::filesystem::path openSegmentPath(const std::filesystem::path& series, int number);
/// The series that a segment (a closed one, by its name) belongs to; nothing for another name.
std::optional<std::filesystem::path> seriesOf(const std::filesystem::path& segment);
/// Numbers of the closed segments that are there, ascending.
std::vector<int> closedSegments(const std::filesystem::path& series);
/// The number of the one that is, or was, being written.
std::optional<int> openSegment(const std::filesystem::path& series);

}  // namespace clipscope
