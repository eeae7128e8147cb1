// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QRectF>
#include <QWidget>
#include <array>
#include <memory>

#include "engine/training/step_record.h"

namespace clipscope {

/// Is the noise scaled to what clipping lets through? The largest clipped gradient against the
/// sensitivity, the effective noise multiplier beside the one that was asked for, and the noise
/// that a weight feels. What is wrong is said in words and with a mark, not by colour alone.
class NoiseCheck : public QWidget {
  Q_OBJECT

 public:
  explicit NoiseCheck(QWidget* parent = nullptr);

  void show(std::shared_ptr<const StepRecord> record);
  using QWidget::show;

  /// The three verdicts as they are painted.
  struct Verdict {
    QString caption, text;
    enum class Kind { Good, Alarm, Plain } kind = Kind::Plain;
  };
  Verdict contribution() const;
  Verdict multiplier() const;
  Verdict update() const;
  /// What the verdict at a place is: formula, with the numbers of the step, and source.
  QString tipAt(const QPoint& at) const;
  QSize sizeHint() const override;

 protected:
  bool event(QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  bool isWide() const { return width() >= 620; }
  /// Where each of the three verdicts stands.
  std::array<QRectF, 3> cells() const;
  void drawVerdict(QPainter& painter, const QRectF& cell, const Verdict& verdict) const;

  std::shared_ptr<const StepRecord> m_record;
};

}  // namespace clipscope
