// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/panels/panel.h"

class QToolButton;

namespace clipscope {

class LayersMap;

/// How each example's norm splits over the parameter tensors, weight and bias apart.
class LayersPanel : public Panel {
  Q_OBJECT

 public:
  explicit LayersPanel(Selection* selection, QWidget* parent = nullptr);

  QString csv() const override;
  LayersMap* map() const { return m_map; }

 protected:
  void showRecord() override;
  void showSelection() override;

 private:
  LayersMap* m_map;
  QToolButton* m_after;
};

}  // namespace clipscope
