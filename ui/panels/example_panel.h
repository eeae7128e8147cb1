// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>

#include "engine/data/dataset.h"
#include "ui/panels/example_facts.h"
#include "ui/panels/example_track.h"
#include "ui/panels/panel.h"
#include "ui/worker/example_view.h"

class QComboBox;
class QLabel;
class QScrollArea;

namespace clipscope {

class ExampleCard;
class GradientMap;
class PairedBars;

/// One example closely: what it is, what the model makes of it, its norm by tensor, its gradient as
/// a picture before and after clipping, and its history. It shows the current one of the selection,
/// or the one with the largest norm. What a record does not hold it asks for with lookRequested().
class ExamplePanel : public Panel {
  Q_OBJECT

 public:
  /// An example's steps so far, and how many steps there were.
  using History = std::function<std::pair<std::vector<ExamplePoint>, Index>(Index example)>;

  explicit ExamplePanel(Selection* selection, QWidget* parent = nullptr);

  /// Of the run that is shown; drops what is shown of another.
  void setDataset(std::shared_ptr<const Dataset> data);
  /// Where an example's past is looked up; without one the current step is all of it.
  void setHistory(History history) { m_history = std::move(history); }
  /// The answer to lookRequested(). One that is not of the example and step shown is dropped.
  void setView(std::shared_ptr<const ExampleView> view);

  QString csv() const override;
  /// The chosen tensor's gradient: "index,before,after".
  QString gradientCsv() const;
  const ExampleFacts& facts() const { return m_facts; }
  ExampleCard* card() const { return m_card; }
  PairedBars* norms() const { return m_norms; }
  PairedBars* scores() const { return m_scores; }
  GradientMap* gradient() const { return m_gradient; }
  ExampleTrack* track() const { return m_track; }
  QComboBox* tensorChoice() const { return m_tensor; }

 signals:
  void lookRequested(clipscope::Index example);

 protected:
  void showRecord() override {}  // showSelection() follows, and shows both
  void showSelection() override;
  void addActions(QMenu& menu) override;

 private:
  QLabel* heading(const QString& text, QVBoxLayout* column);
  void fillTensors();
  void showNorms();
  void showGradient();
  void showScores();
  void showTrack();
  bool fits(const ExampleView* view) const;
  double factorOf(Index tensor) const;

  std::shared_ptr<const Dataset> m_data;
  std::shared_ptr<const ExampleView> m_view;
  History m_history;
  ExampleFacts m_facts;
  ExampleCard* m_card;
  PairedBars *m_norms, *m_scores;
  QLabel *m_normsHeading, *m_scoresHeading, *m_shape;
  QComboBox* m_tensor;
  GradientMap* m_gradient;
  ExampleTrack* m_track;
  std::vector<std::string> m_tensors;
};

}  // namespace clipscope
