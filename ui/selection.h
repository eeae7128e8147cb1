// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// What is selected, for all panels: they know this object and not each other. Examples are dataset
/// indices (not rows), so that a selection survives the next step. The last one picked is the
/// current example, which the Example panel shows.
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

 public slots:
  void select(Index example);
  void selectMany(std::vector<Index> examples);
  void add(std::vector<Index> examples);
  void toggle(Index example);
  void clear();

 signals:
  void changed();

 private:
  void set(std::vector<Index> examples, Index current);

  std::vector<Index> m_examples;
  Index m_current = -1;
};

}  // namespace clipscope
