// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/history_overlay.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ui/panels/branch_colour.h"
#include "ui/plots/plot.h"

namespace clipscope {

namespace {

const BranchLine* find(const std::vector<BranchLine>& branches, int number) {
  const auto found = std::ranges::find(branches, number, &BranchLine::number);
  return found == branches.end() ? nullptr : &*found;
}

/// Steps of `branch` that the active branch has as well.
Index sharedSteps(const std::vector<BranchLine>& branches, int branch, int active) {
  // An ancestor shares what the branch that left it towards the active one took along.
  Index shared = 0;
  for (const BranchLine* line = find(branches, active); line; line = find(branches, line->parent)) {
    if (line->number == branch) return line->number == active ? line->steps : shared;
    shared = line->fork;
  }
  return 0;
}

}  // namespace

void HistoryOverlay::setBranches(std::shared_ptr<const std::vector<BranchLine>> branches,
                                 int active) {
  m_lines.clear();
  m_branches = std::move(branches);
  for (const BranchLine& branch : *m_branches) {
    if (branch.number == active || branch.own.empty()) continue;
    const Index shared = std::max(sharedSteps(*m_branches, branch.number, active), branch.fork);
    const auto first = static_cast<std::size_t>(shared - branch.fork);
    if (first >= branch.own.size()) continue;
    Line line{&branch, first, {}};
    line.levels.extend(branch.own.size(), [&](std::size_t i) { return value(line, i); });
    m_lines.push_back(std::move(line));
  }
  while (m_graphs.size() > m_lines.size()) {
    m_plot->removeGraph(m_graphs.back());
    m_graphs.pop_back();
  }
  while (m_graphs.size() < m_lines.size()) {
    QCPGraph* graph = m_plot->addGraph();
    // Behind the branch that is shown.
    graph->setLayer(QStringLiteral("grid"));
    m_graphs.push_back(graph);
  }
  recolour();
}

void HistoryOverlay::recolour() {
  for (std::size_t k = 0; k < m_lines.size(); ++k)
    m_graphs[k]->setPen(QPen(branchColour(m_lines[k].branch->number), 1));
}

std::pair<std::size_t, std::size_t> HistoryOverlay::range(const Line& line, double from,
                                                          double to) const {
  const double offset = static_cast<double>(line.branch->fork) + 1;
  const auto count = static_cast<double>(line.branch->own.size());
  const auto first = static_cast<double>(line.first);
  return {static_cast<std::size_t>(std::clamp(std::floor(from) - 1 - offset, first, count)),
          static_cast<std::size_t>(std::clamp(std::ceil(to) + 2 - offset, first, count))};
}

void HistoryOverlay::draw(double from, double to, int columns, bool logarithmic) {
  for (std::size_t k = 0; k < m_lines.size(); ++k) {
    const Line& line = m_lines[k];
    const auto [begin, end] = range(line, from, to);
    QVector<QCPGraphData> data;
    const auto put = [&](double index, double v) {
      if (!std::isfinite(v) || (logarithmic && v <= 0)) return;
      data.append(QCPGraphData(static_cast<double>(line.branch->fork) + 1 + index,
                               logarithmic ? std::log10(v) : v));
    };
    const std::size_t width =
        std::max<std::size_t>(1, (end - begin) / static_cast<std::size_t>(columns));
    for (std::size_t i = begin; i < end; i += width) {
      const std::size_t next = std::min(i + width, end);
      const double middle = static_cast<double>(i + next - 1) / 2;
      const MinMax found =
          line.levels.over(i, next, [&](std::size_t index) { return value(line, index); });
      put(middle, found.low);
      if (found.high != found.low) put(middle, found.high);
    }
    m_graphs[k]->setScatterStyle(data.size() == 1 ? QCPScatterStyle(QCPScatterStyle::ssDisc, 4)
                                                  : QCPScatterStyle::ssNone);
    m_graphs[k]->data()->set(data, true);
  }
}

MinMax HistoryOverlay::extremes(double from, double to) const {
  MinMax all;
  for (const Line& line : m_lines) {
    const auto [begin, end] = range(line, from, to);
    all.add(line.levels.over(begin, end, [&](std::size_t index) { return value(line, index); }));
  }
  return all;
}

Index HistoryOverlay::lastStep() const {
  Index last = 0;
  for (const Line& line : m_lines) last = std::max(last, line.branch->steps);
  return last;
}

}  // namespace clipscope
