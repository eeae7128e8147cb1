// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDockWidget>
#include <memory>

#include "engine/training/experiment.h"
#include "ui/worker/training_worker.h"

class QButtonGroup;
class QCheckBox;
class QComboBox;
class QGridLayout;
class QLabel;
class QPushButton;
class QVBoxLayout;

namespace clipscope {

class ClipSlider;
class NumberEdit;

/// The settings of the run. It shows an experiment, and emits a changed copy of it; what becomes of
/// the change is the controller's affair.
class ExperimentDock : public QDockWidget {
  Q_OBJECT

 public:
  explicit ExperimentDock(QWidget* parent = nullptr);

  void showExperiment(const Experiment& experiment);
  void showSession(const Session& session);

  ClipSlider* slider() const { return m_slider; }
  NumberEdit* maxGradNorm() const { return m_maxGradNorm; }
  QButtonGroup* grouping() const { return m_grouping; }
  QComboBox* strategy() const { return m_strategy; }
  QPushButton* browseButton() const { return m_browse; }
  QPushButton* editModelButton() const { return m_editModel; }
  QLabel* classLine() const { return m_classes; }

 signals:
  void edited(const clipscope::Experiment& experiment);
  void openDataRequested();
  void browseDataRequested();
  void editModelRequested();
  /// The segment Custom was pressed: the groups are to be made, or made anew.
  void groupsRequested();

 private:
  void section(const QString& title);
  QWidget* row(const QString& label, QWidget* field, const QString& tip);
  template <class Set>
  NumberEdit* numberRow(const QString& label, const QString& tip, double low, double high,
                        bool lowIncluded, bool whole, Set set);
  template <class Set>
  QComboBox* comboRow(const QString& label, const QString& tip, const QStringList& names,
                      const QStringList& titles, Set set);
  template <class Change>
  void change(Change&& change);
  void buildData();
  void buildModel();
  void buildClipping();
  void buildRest();
  void showConstants();
  void showClasses(const Dataset& data);

  Experiment m_experiment;
  bool m_showing = false;
  QVBoxLayout* m_body;
  QGridLayout* m_rows = nullptr;
  QLabel *m_source, *m_counts, *m_modelTitle, *m_privateNote, *m_classes;
  QGridLayout* m_layers;
  QComboBox *m_normalise, *m_preset, *m_strategy, *m_thresholds, *m_allocation, *m_accountant;
  QButtonGroup* m_grouping;
  QPushButton *m_browse, *m_editModel;
  NumberEdit *m_testShare, *m_maxGradNorm, *m_constant, *m_sigma, *m_batch, *m_rate, *m_physical,
      *m_learningRate, *m_momentum, *m_dampening, *m_weightDecay, *m_delta, *m_seed, *m_evaluate;
  ClipSlider* m_slider;
  QLabel* m_constantLabel;
  QLabel* m_thresholdsLabel;
  QCheckBox* m_nesterov;
  Index m_trainExamples = 0;
};

}  // namespace clipscope
