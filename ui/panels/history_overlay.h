// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "engine/session/run_news.h"
#include "ui/plots/min_max_levels.h"

class QCPGraph;
class QCustomPlot;

namespace clipscope {

/// The other branches of a run in one of History's small plots: a thin line each, of one number,
/// over the steps that the branch shown does not share with it.
class HistoryOverlay {
 public:
  HistoryOverlay(QCustomPlot* plot, double StepSummary::*value) : m_plot(plot), m_value(value) {}

  /// `active`: the branch shown, and where on it is drawn otherwise.
  void setBranches(std::shared_ptr<const std::vector<BranchLine>> branches, int active);
  /// Draws the steps `from` … `to` from the extremes of so many columns.
  void draw(double from, double to, int columns, bool logarithmic);
  /// Of the steps `from` … `to`, over all branches.
  MinMax extremes(double from, double to) const;
  void recolour();
  /// The newest step of any branch drawn; 0 for none.
  Index lastStep() const;
  /// What is drawn of each branch: for tests.
  const std::vector<QCPGraph*>& graphs() const { return m_graphs; }

 private:
  struct Line {
    const BranchLine* branch;
    std::size_t first;  ///< of its own steps, the first that is drawn
    MinMaxLevels levels;
  };
  double value(const Line& line, std::size_t index) const {
    return line.branch->own[index].*m_value;
  }
  std::pair<std::size_t, std::size_t> range(const Line& line, double from, double to) const;

  QCustomPlot* m_plot;
  double StepSummary::*m_value;
  std::shared_ptr<const std::vector<BranchLine>> m_branches;
  std::vector<Line> m_lines;
  std::vector<QCPGraph*> m_graphs;
};

}  // namespace clipscope
