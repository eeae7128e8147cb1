// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/panels/noise_table.h"
#include "ui/panels/panel.h"

class QLabel;
class QToolButton;

namespace clipscope {

class NoiseBars;
class NoiseCheck;
class NoiseNormal;

/// Signal beside noise by tensor, the drawn noise over the normal density, and whether the noise is
/// scaled to what clipping lets through. The two pictures stand side by side where there is room.
class NoisePanel : public Panel {
  Q_OBJECT

 public:
  explicit NoisePanel(Selection* selection, QWidget* parent = nullptr);

  QString csv() const override;
  NoiseBars* bars() const { return m_bars; }
  NoiseNormal* normal() const { return m_normal; }
  NoiseCheck* check() const { return m_check; }
  QToolButton* tensorButton() const { return m_byTensor; }
  QToolButton* normalButton() const { return m_byDraw; }
  const NoiseTable& table() const { return m_table; }

 protected:
  void showRecord() override;
  void showSelection() override;
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void arrange();
  void fillLegend();

  QLabel* m_legend;
  QToolButton *m_byTensor, *m_byDraw;
  NoiseBars* m_bars;
  NoiseNormal* m_normal;
  NoiseCheck* m_check;
  NoiseTable m_table;
};

}  // namespace clipscope
