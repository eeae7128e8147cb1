// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <optional>
#include <utility>

#include "engine/tensor/shape.h"

class QCPItemRect;

namespace clipscope {

class Plot;

/// A band over a span of steps, behind the curves of a plot whose x axis is steps.
class SpanBand {
 public:
  explicit SpanBand(Plot* plot);
  void show(const std::optional<std::pair<Index, Index>>& steps);
  void recolour();

 private:
  QPointer<QCPItemRect> m_band;
};

}  // namespace clipscope
