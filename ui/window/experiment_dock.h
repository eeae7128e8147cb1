// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDockWidget>
#include <optional>
#include <vector>

#include "engine/training/experiment.h"
#include "ui/worker/training_worker.h"

class QButtonGroup;
class QComboBox;

namespace clipscope {

class ClippingSection;
class DockSection;
class NumberEdit;

/// The settings of the run, section by section (dock/). It shows an experiment, and emits a changed
/// copy of it; what becomes of the change is the controller's affair.
class ExperimentDock : public QDockWidget {
  Q_OBJECT

 public:
  explicit ExperimentDock(QWidget* parent = nullptr);

  void showExperiment(const Experiment& experiment);
  void showSession(const Session& session);

  NumberEdit* maxGradNorm() const;
  QButtonGroup* grouping() const;
  QComboBox* strategy() const;

 signals:
  void edited(const clipscope::Experiment& experiment);
  /// A change that does not fit, of a field that cannot say so itself; it was taken back.
  void refused(const QString& reason);
  void openDataRequested();

 private:
  /// Throws SettingError where a change does not fit the run under way.
  void checkFit(const Experiment& experiment) const;

  std::vector<DockSection*> m_sections;
  ClippingSection* m_clipping;
  std::optional<Session> m_session;
};

}  // namespace clipscope
