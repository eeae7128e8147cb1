// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <memory>

#include "engine/session/individual_privacy.h"
#include "engine/session/privacy_curves.h"
#include "engine/session/privacy_ledger.h"
#include "engine/training/experiment.h"
#include "ui/panels/panel.h"
#include "ui/worker/background.h"

class QLabel;
class QStackedWidget;
class QTimer;
class QToolButton;

namespace clipscope {

class EpsilonPlot;
class IndividualPlot;
class LedgerTable;

/// What the steps so far cost, in four views: ε over the steps by every accountant and on to the
/// planned end, ε over δ, ε of single examples, and the ledger of the branches. Everything follows
/// from the summaries of the steps; it is worked out beside training, only for the view that is
/// seen, and while the run goes on at most an eighth of the time.
class PrivacyPanel : public Panel {
  Q_OBJECT

 public:
  enum class View { Steps, Delta, Examples, Ledger };

  explicit PrivacyPanel(Selection* selection, QWidget* parent = nullptr);

  /// Both outlive the panel; their changes are drawn with the next record.
  void setHistory(const RunHistory* history, const ExampleHistory* draws);
  void setBranches(std::shared_ptr<const std::vector<BranchLine>> branches);
  /// Lanes that there are or were beside the run: uses of the data as well (ledgerLineOf).
  void setLaneUses(std::function<std::vector<BranchLine>()> uses) { m_laneUses = std::move(uses); }
  void lanesChanged();
  /// `trained`: the dataset indices that are drawn from, of `examples` in all.
  void setData(std::vector<Index> trained, Index examples);
  /// Where δ, the accountant and the planned steps come from.
  void setExperiment(const Experiment& experiment);
  void setRunning(bool running);

  void setView(View view);
  View view() const;
  QString csv() const override;
  QSize pictureSize() const override { return {720, 420}; }
  EpsilonPlot* overSteps() const { return m_overSteps; }
  EpsilonPlot* overDelta() const { return m_overDelta; }
  IndividualPlot* individual() const { return m_individual; }
  LedgerTable* ledger() const { return m_ledger; }

 protected:
  void showRecord() override;
  void showSelection() override;
  void finishWork() override;
  void addActions(QMenu& menu) override;

 private:
  void takeHistory();
  void work();
  void workOverSteps();
  void workOverDelta();
  void workOnExamples();
  void showSummary();
  double delta() const { return m_experiment.privacy.delta; }

  const RunHistory* m_history = nullptr;
  const ExampleHistory* m_draws = nullptr;
  std::shared_ptr<const std::vector<BranchLine>> m_branches;
  std::function<std::vector<BranchLine>()> m_laneUses;
  std::vector<Index> m_trained;
  Index m_examples = 0;
  Experiment m_experiment;
  bool m_running = false;

  SpentSamples m_spent;
  Index m_revision = 0;                             ///< of the history that they are of
  std::shared_ptr<const EpsilonOverSteps> m_known;  ///< what was worked out of these samples

  QStackedWidget* m_views;
  std::vector<QToolButton*> m_buttons;
  QLabel* m_working;
  EpsilonPlot *m_overSteps, *m_overDelta;
  IndividualPlot* m_individual;
  LedgerTable* m_ledger;
  Background<EpsilonOverSteps> m_stepsWork;
  Background<EpsilonOverDelta> m_deltaWork;
  Background<IndividualPrivacy> m_examplesWork;
  QTimer* m_later;
  QElapsedTimer m_started, m_ended;  ///< of the last work
  qint64 m_took = 0;                 ///< ms
};

}  // namespace clipscope
