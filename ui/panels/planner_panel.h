// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "engine/accounting/planner.h"
#include "engine/training/experiment.h"
#include "ui/panels/panel.h"
#include "ui/worker/background.h"

class QLabel;
class QPushButton;
class QTimer;
class QToolButton;

namespace clipscope {

class NumberEdit;
class PlanMap;

/// What other batch sizes and numbers of steps would ask for at the privacy budget of the run: the
/// noise multiplier σ, the noise on the mean gradient σC√d/B and σ/B, as a heat map; and what
/// doubling B or halving the steps would buy, in a sentence. A point that was picked can become the
/// experiment.
class PlannerPanel : public Panel {
  Q_OBJECT

 public:
  explicit PlannerPanel(Selection* selection, QWidget* parent = nullptr);

  void setExperiment(const Experiment& experiment);
  /// Another run: its budget is its own.
  void startOver() { m_typed.reset(); }

  QString csv() const override;
  QSize pictureSize() const override { return {720, 460}; }
  PlanMap* map() const { return m_map; }
  QString sentence() const;
  /// The budget: typed in, or what the experiment's planned steps will have spent.
  double budget() const { return m_settings.epsilon; }

 signals:
  /// A batch size, steps and the σ for them, to go on with.
  void chosen(double batchSize, qint64 steps, double sigma);

 protected:
  void showRecord() override;
  void showSelection() override {}
  void finishWork() override;
  void addActions(QMenu& menu) override;

 private:
  struct Moves {
    PlanPoint run;
    std::optional<PlanPoint> doubled, halved;  ///< B, T
    double epsilon = 0;                        ///< the budget they are for
  };
  struct Plan {
    PlanGrid grid;
    double batchSize = 0;
    std::int64_t steps = 0;
  };
  void work();
  void takeMoves(const Moves& moves);
  void showPicked();

  Experiment m_experiment;
  std::optional<double> m_typed;
  PlanSettings m_settings;
  std::optional<PlanSettings> m_shown;  ///< what is worked out, or being
  double m_shownBatch = 0;
  std::int64_t m_shownSteps = 0;
  std::optional<double> m_shownSigma;
  std::shared_ptr<std::atomic<double>> m_done = std::make_shared<std::atomic<double>>(0.0);

  std::vector<QToolButton*> m_buttons;
  NumberEdit* m_budget;
  QLabel *m_at, *m_working, *m_sentence, *m_picked;
  QPushButton* m_use;
  PlanMap* m_map;
  QTimer* m_progress;
  std::optional<Moves> m_moves;
  Background<Moves> m_movesWork;
  Background<Plan> m_planWork;
};

}  // namespace clipscope
