// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// What is selected, for all panels: they know this object and not each other. Examples are dataset
/// indices (not rows), so that a selection survives the next step. The last one picked is the
/// current example, which the Example panel shows. Beside them tensors, by name, and a span of
/// steps.
class Selection : public QObject {
  Q_OBJECT

 public:
  using QObject::QObject;

  /// Sorted, without repeats.
  const std::vector<Index>& examples() const { return m_examples; }
  bool contains(Index example) const;
  /// −1 when nothing is selected.
  Index current() const { return m_current; }
  bool isEmpty() const { return m_examples.empty(); }
  /// Sorted names of parameter tensors, "fc1.weight".
  const std::vector<std::string>& tensors() const { return m_tensors; }
  bool hasTensor(const std::string& name) const;
  /// The first and the last step of a span.
  const std::optional<std::pair<Index, Index>>& steps() const { return m_steps; }

 public slots:
  void select(Index example);
  void selectMany(std::vector<Index> examples);
  void add(std::vector<Index> examples);
  void toggle(Index example);
  void selectTensor(const std::string& name);
  void toggleTensor(const std::string& name);
  void clearTensors();
  void selectSteps(Index first, Index last);
  void clearSteps();
  /// Examples, tensors and steps.
  void clear();

 signals:
  void changed();

 private:
  void set(std::vector<Index> examples, Index current);

  std::vector<Index> m_examples;
  Index m_current = -1;
  std::vector<std::string> m_tensors;
  std::optional<std::pair<Index, Index>> m_steps;
};

}  // namespace clipscope
