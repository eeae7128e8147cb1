// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/ui/window_test.h"
#include "ui/plots/plot.h"
#include "ui/plots/threshold_handle.h"
#include "ui/window/panel_docks.h"

namespace clipscope::test {

/// A test of the window that tries other thresholds on the batch.
class WhatIfTest : public WindowTest {
  Q_OBJECT

 protected:
  WhatIfState& state() { return *controller()->whatIf(); }
  void prepare() {
    QTRY_VERIFY_WITH_TIMEOUT(!controller()->isBusy() && !controller()->isPreparing(), 60000);
    QTRY_VERIFY(state().hasGram());
  }
  /// Norms is in front on a first start; others are raised.
  void raise(Panel* panel) {
    window()->docks()->show(panel);
    QTRY_VERIFY(window()->docks()->isShown(panel));
    QTest::qWait(20);
  }
  void drag(ThresholdHandle* handle, Plot* plot, double pixels) {
    const QPoint from(qRound(handle->linePixel()), plot->axisRect()->bottom() - 10);
    QTest::mousePress(plot, Qt::LeftButton, {}, from);
    for (int k = 1; k <= 5; ++k) QTest::mouseMove(plot, from + QPoint(qRound(pixels * k / 5), 0));
  }
  void drop(ThresholdHandle* handle, Plot* plot) {
    QTest::mouseRelease(plot, Qt::LeftButton, {},
                        QPoint(qRound(handle->linePixel()), plot->axisRect()->bottom() - 10));
  }
};

}  // namespace clipscope::test
