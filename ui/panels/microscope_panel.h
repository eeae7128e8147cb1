// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMap>

#include "engine/data/dataset.h"
#include "engine/session/example_statistics.h"
#include "engine/session/individual_privacy.h"
#include "engine/session/run_history.h"
#include "ui/panels/panel.h"
#include "ui/worker/background.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QMenu;
class QStackedWidget;
class QTableView;
class QTableWidget;
class QTimer;
class QToolButton;

namespace clipscope {

class MicroscopeModel;

/// The run from the side of its examples: how often each was drawn and clipped, its norms, losses
/// and ε, over all steps that are remembered; by class as well. Sorted and filtered; selections get
/// names and are kept with the data.
class MicroscopePanel : public Panel {
  Q_OBJECT

 public:
  /// What is looked for first.
  enum class Order {
    LargestNorm,
    MostClipped,
    NeverClipped,
    LargestLoss,
    LargestEpsilon,
    MostDrawn
  };
  enum class View { Examples, Classes };

  explicit MicroscopePanel(Selection* selection, QWidget* parent = nullptr);

  void setHistory(const RunHistory* history, const ExampleHistory* draws);
  void setData(std::shared_ptr<const Dataset> data);
  void setExperiment(const Experiment& experiment) { m_delta = experiment.privacy.delta; }
  void setRunning(bool running);
  void setOrder(Order order);
  void setView(View view);
  void setFilter(const QString& text);
  /// Gives the selected examples a name; they are kept with the data's fingerprint.
  void keepSelection(const QString& name);
  void forgetSelection(const QString& name);
  const QMap<QString, std::vector<Index>>& selections() const { return m_kept; }

  MicroscopeModel* model() const { return m_model; }
  QTableView* table() const { return m_table; }
  QTableWidget* classes() const { return m_classes; }
  QLineEdit* filter() const { return m_filter; }
  QLabel* problem() const { return m_problem; }
  QSize pictureSize() const override { return {820, 460}; }
  QString csv() const override;

 protected:
  void showRecord() override;
  void showSelection() override;
  void finishWork() override;
  void addActions(QMenu& menu) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void setCatalogue(std::vector<int> labels, std::vector<std::string> names);
  void readCatalogue();
  void work();
  void fillClasses();
  /// The steps selected, or all.
  StepSpan span() const;
  void fillSelections();
  void store();
  QString settingsKey() const;

  const RunHistory* m_history = nullptr;
  const ExampleHistory* m_draws = nullptr;
  std::shared_ptr<const Dataset> m_data;
  Index m_size = 0;                       ///< examples of the data; 0 where nothing is known
  std::vector<std::string> m_classNames;  ///< empty for a regression
  double m_delta = 1e-5;
  bool m_running = false;
  Index m_shownSteps = -1, m_shownRevision = -1;
  std::optional<std::pair<Index, Index>> m_shownSpan;
  QMap<QString, std::vector<Index>> m_kept;
  MicroscopeModel* m_model;
  Background<IndividualPrivacy> m_epsilonWork;
  QComboBox* m_order;
  QLineEdit* m_filter;
  QToolButton *m_examplesButton, *m_classesButton, *m_selectionsButton;
  QMenu* m_selectionsMenu;
  QLabel* m_problem;
  QStackedWidget* m_views;
  QTableView* m_table;
  QTableWidget* m_classes;
  QTimer* m_later;
  bool m_syncing = false;
};

}  // namespace clipscope
