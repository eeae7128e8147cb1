// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/selection.h"

#include <algorithm>

namespace clipscope {

bool Selection::contains(Index example) const {
  return std::binary_search(m_examples.begin(), m_examples.end(), example);
}

void Selection::select(Index example) { set({example}, example); }

void Selection::selectMany(std::vector<Index> examples) {
  const Index current = examples.empty() ? -1 : examples.front();
  set(std::move(examples), current);
}

void Selection::add(std::vector<Index> examples) {
  const Index current = examples.empty() ? m_current : examples.back();
  examples.insert(examples.end(), m_examples.begin(), m_examples.end());
  set(std::move(examples), current);
}

void Selection::toggle(Index example) {
  std::vector<Index> examples = m_examples;
  const auto found = std::find(examples.begin(), examples.end(), example);
  const bool wasIn = found != examples.end();
  if (wasIn)
    examples.erase(found);
  else
    examples.push_back(example);
  const Index current = wasIn ? (examples.empty() ? -1 : examples.back()) : example;
  set(std::move(examples), current);
}

void Selection::clear() { set({}, -1); }

void Selection::set(std::vector<Index> examples, Index current) {
  std::sort(examples.begin(), examples.end());
  examples.erase(std::unique(examples.begin(), examples.end()), examples.end());
  if (examples == m_examples && current == m_current) return;
  m_examples = std::move(examples);
  m_current = current;
  emit changed();
}

}  // namespace clipscope
