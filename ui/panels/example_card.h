// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QWidget>

#include "engine/data/dataset.h"
#include "ui/panels/example_facts.h"

namespace clipscope {

/// The head of the Example panel: the picture with what the model makes of it, or, for a row of
/// values, those values; below, its norm before, clip factor and norm after.
class ExampleCard : public QWidget {
  Q_OBJECT

 public:
  explicit ExampleCard(QWidget* parent = nullptr);

  void show(std::shared_ptr<const Dataset> data, std::shared_ptr<const RunInfo> info,
            const ExampleFacts& facts, Index batchSize);
  using QWidget::show;
  /// The example as a picture, a pixel a pixel; null for a row of values.
  const QImage& picture() const { return m_picture; }
  /// The lines beside the picture, as painted.
  QStringList lines() const;
  QSize sizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  int valueRows() const;
  void makePicture();

  std::shared_ptr<const Dataset> m_data;
  std::shared_ptr<const RunInfo> m_info;
  ExampleFacts m_facts;
  Index m_batchSize = 0;
  std::vector<float> m_values;
  QImage m_picture;
};

}  // namespace clipscope
