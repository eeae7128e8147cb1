// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_place.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/recording/recording_segments.h"
#include "engine/recording/run_rows.h"

namespace clipscope {

namespace {

constexpr const char* segmentStepsKey = "segment_steps";

Index segmentStepsOf(RecordingFile& file) {
  const auto meta = file.meta();
  return std::max<Index>(0, metaNumber(meta, segmentStepsKey));
}

}  // namespace

RecordingPlace::RecordingPlace(std::filesystem::path path, Index segmentSteps)
    : m_path(std::move(path)),
      m_lock(std::make_unique<RecordingLock>(m_path)),
      m_segmentSteps(segmentSteps) {}

std::unique_ptr<RecordingPlace> RecordingPlace::create(
    const std::filesystem::path& path, const std::map<std::string, std::string>& meta,
    const RunInfo& info, const Experiment& experiment, Index segmentSteps) {
  std::unique_ptr<RecordingPlace> place(new RecordingPlace(path, segmentSteps));
  if (segmentSteps == 0) {
    place->m_file = RecordingFile::create(path, meta, info, experiment);
    return place;
  }
  if (!closedSegments(path).empty() || openSegment(path))
    throw FileError("segments of this name are there already; name a new file for the recording");
  auto described = meta;
  described[segmentStepsKey] = std::to_string(segmentSteps);
  place->m_file = RecordingFile::create(openSegmentPath(path, 1), described, info, experiment);
  return place;
}

std::unique_ptr<RecordingPlace> RecordingPlace::append(const std::filesystem::path& path,
                                                       Index segmentSteps) {
  if (const auto series = seriesOf(path)) return appendSeries(*series, segmentSteps);
  std::error_code error;
  if (!std::filesystem::exists(path, error) && (!closedSegments(path).empty() || openSegment(path)))
    return appendSeries(path, segmentSteps);
  if (!std::filesystem::is_regular_file(path, error)) throw FileError("there is no such file");
  std::unique_ptr<RecordingPlace> place(new RecordingPlace(path, 0));
  place->m_file = RecordingFile::append(path);
  return place;
}

std::unique_ptr<RecordingPlace> RecordingPlace::appendSeries(const std::filesystem::path& series,
                                                             Index segmentSteps) {
  std::unique_ptr<RecordingPlace> place(new RecordingPlace(series, segmentSteps));
  if (const auto open = openSegment(series)) {
    place->m_segment = *open;
    place->m_file = RecordingFile::append(openSegmentPath(series, *open));
    place->m_steps = place->m_file->stepCount();
    if (segmentSteps == 0) place->m_segmentSteps = segmentStepsOf(*place->m_file);
    if (place->m_segmentSteps == 0) throw FileError("the length of its segments is missing");
    // What was saved is for readers too.
    if (place->m_steps > 0) place->nextSegment();
    return place;
  }
  const std::vector<int> closed = closedSegments(series);
  if (closed.empty()) throw FileError("there is no such file");
  place->m_segment = closed.back() + 1;
  place->m_file = RecordingFile::createLike(openSegmentPath(series, place->m_segment),
                                            segmentPath(series, closed.back()));
  if (segmentSteps == 0) place->m_segmentSteps = segmentStepsOf(*place->m_file);
  if (place->m_segmentSteps == 0) throw FileError("the length of its segments is missing");
  return place;
}

void RecordingPlace::closeSegment() {
  m_file->makeOneFile();
  m_file->rename(segmentPath(m_path, m_segment));
}

void RecordingPlace::nextSegment() {
  // The next one first: where there is no room for it, this one stays open.
  auto next = RecordingFile::createLike(openSegmentPath(m_path, m_segment + 1), m_file->path());
  try {
    closeSegment();
  } catch (...) {
    RecordingFile::discard(std::move(next));
    throw;
  }
  m_file = std::move(next);
  ++m_segment;
  m_steps = 0;
}

void RecordingPlace::moveTo(const std::filesystem::path& path) {
  if (m_segmentSteps > 0)
    throw FileError("a series of segments stays where it is; stop the run, and move its files");
  auto lock = std::make_unique<RecordingLock>(path);
  auto moved = m_file->copyTo(path);
  std::swap(m_file, moved);
  RecordingFile::discard(std::move(moved));
  m_lock = std::move(lock);
  m_path = path;
}

void RecordingPlace::close() {
  if (m_segmentSteps > 0)
    closeSegment();
  else
    m_file->makeOneFile();
}

void RecordingPlace::discard() {
  RecordingFile::discard(std::move(m_file));
  if (m_segmentSteps == 0) return;
  std::error_code error;
  for (const int number : closedSegments(m_path))
    std::filesystem::remove(segmentPath(m_path, number), error);
}

}  // namespace clipscope
