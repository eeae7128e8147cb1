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

bool Selection::hasTensor(const std::string& name) const {
  return std::ranges::binary_search(m_tensors, name);
}

void Selection::selectTensor(const std::string& name) {
  if (m_tensors == std::vector{name}) return;
  m_tensors = {name};
  emit changed();
}

void Selection::toggleTensor(const std::string& name) {
  const auto at = std::ranges::lower_bound(m_tensors, name);
  if (at != m_tensors.end() && *at == name)
    m_tensors.erase(at);
  else
    m_tensors.insert(at, name);
  emit changed();
}

void Selection::clearTensors() {
  if (m_tensors.empty()) return;
  m_tensors.clear();
  emit changed();
}

void Selection::selectSteps(Index first, Index last) {
  const std::pair span(std::max<Index>(1, std::min(first, last)), std::max(first, last));
  if (span.second < 1 || m_steps == span) return;
  m_steps = span;
  emit changed();
}

void Selection::clearSteps() {
  if (!m_steps) return;
  m_steps.reset();
  emit changed();
}

void Selection::clear() {
  const bool isMore = !m_tensors.empty() || m_steps.has_value();
  m_tensors.clear();
  m_steps.reset();
  const bool hasExamples = !m_examples.empty() || m_current >= 0;
  set({}, -1);
  if (isMore && !hasExamples) emit changed();
}

void Selection::set(std::vector<Index> examples, Index current) {
  std::sort(examples.begin(), examples.end());
  examples.erase(std::unique(examples.begin(), examples.end()), examples.end());
  if (examples == m_examples && current == m_current) return;
  m_examples = std::move(examples);
  m_current = current;
  emit changed();
}

}  // namespace clipscope
