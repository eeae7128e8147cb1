// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/session/run_history.h"
#include "engine/session/run_session.h"

namespace clipscope {

/// What a lane is made of.
struct LaneSettings {
  std::string name;
  Experiment experiment;

  friend bool operator==(const LaneSettings&, const LaneSettings&) = default;
};

/// What became known of a lane since one last asked; immutable.
struct LaneNews {
  int id = 0;  ///< of this lane and no other of its set
  std::string name;
  std::string change;  ///< what differs from the main run: "max_grad_norm 1 → 0.5"
  std::shared_ptr<const Experiment> experiment;
  std::shared_ptr<const StepRecord> record;  ///< where it stands
  RunNews news;
};

/// A lane as a screen draws it.
struct LaneView {
  int id = 0;
  std::string name, change;
  std::shared_ptr<const Experiment> experiment;
  std::shared_ptr<const StepRecord> record;
  RunHistory history;
};

/// Brings views up to date with the news of all lanes: those without news are gone.
void addLaneNews(const std::vector<LaneNews>& news, std::vector<LaneView>& views);

/// Runs beside a main run, in lockstep with it: the same initial weights, the same batches, the
/// same standard normals, each scaled by its own std. That follows from the same data, model, seed
/// and sampling; what a lane changes is clipping, noise, optimiser, schedules or privacy. The draws
/// are shared: on subtracting two lanes the noise cancels, so that together they have no ε. Not
/// thread-safe; lanes take turns on the thread that owns the main run.
class LaneSet {
 public:
  static constexpr std::size_t mostLanes = 5;  ///< besides the main run

  /// Adds a lane at step 0. Throws SettingError where it does not share what lanes share, where
  /// there are `mostLanes`, where its run would be secure, or for bad settings.
  void add(const LaneSettings& settings, const Experiment& main, const LoadedData& data);
  /// Nothing happens for an id that is gone.
  void remove(int id);
  void clear() { m_lanes.clear(); }
  /// Removes those that no longer share what lanes share with a main run of these settings; their
  /// names.
  std::vector<std::string> removeUnlike(const Experiment& main);
  std::size_t count() const { return m_lanes.size(); }
  const LaneSettings& settings(std::size_t lane) const { return m_lanes[lane].settings; }

  /// Brings every lane to the end of `phase` of step `step` (step 0: before the first): back by its
  /// checkpoints, forward by training. Evaluates where its settings ask for it. Throws Cancelled;
  /// lanes that have come there stay. `onStep`: called after each step that a lane trained, where
  /// there are more to come.
  void follow(Index step, std::optional<Phase> phase, std::stop_token stop = {},
              const std::function<void()>& onStep = {});
  /// True where a lane is not at that place.
  bool isBehind(Index step, std::optional<Phase> phase) const;

  /// Of all lanes; `main`: what changes are told against.
  std::vector<LaneNews> takeNews(const Experiment& main);
  const RunSession& session(std::size_t lane) const { return *m_lanes[lane].session; }

 private:
  struct Lane {
    LaneSettings settings;
    std::unique_ptr<RunSession> session;
    int id = 0;
  };
  std::vector<Lane> m_lanes;
  int m_lastId = 0;
};

/// Why an experiment cannot be a lane of a main run; "" where it can.
std::string whyNoLane(const Experiment& experiment, const Experiment& main);

}  // namespace clipscope
