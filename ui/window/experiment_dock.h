// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDockWidget>
#include <optional>
#include <vector>

#include "engine/training/experiment.h"
#include "ui/worker/training_worker.h"

class QButtonGroup;
class QComboBox;
class QLabel;
class QPushButton;
class QScrollArea;
class QStackedWidget;

namespace clipscope {

class ClipSlider;
class ClippingSection;
class DataSection;
class DockSection;
class LibrarySection;
class ModelSection;
class NumberEdit;

/// The settings of the run, section by section (dock/). It shows an experiment, and emits a changed
/// copy of it; what becomes of the change is the controller's affair.
class ExperimentDock : public QDockWidget {
  Q_OBJECT

 public:
  explicit ExperimentDock(QWidget* parent = nullptr);

  void showExperiment(const Experiment& experiment);
  void showSession(const Session& session);
  /// Of a run that trains elsewhere, whose settings are not shown but what was recorded of them.
  void showRecord(const StepRecord& record);
  LibrarySection* library() const { return m_library; }

  /// Brings the field of a setting, "privacy.delta", into view and gives it the focus; false for
  /// one that has no field.
  bool focusSetting(const QString& path);

  ClipSlider* slider() const;
  NumberEdit* maxGradNorm() const;
  QButtonGroup* grouping() const;
  QComboBox* strategy() const;
  QPushButton* browseButton() const;
  QPushButton* editModelButton() const;
  QLabel* classLine() const;

 signals:
  void edited(const clipscope::Experiment& experiment);
  /// A change that does not fit, of a field that cannot say so itself; it was taken back.
  void refused(const QString& reason);
  void openDataRequested();
  void browseDataRequested();
  void editModelRequested();
  /// The segment Custom was pressed: the groups are to be made, or made anew.
  void groupsRequested();

 private:
  /// Throws SettingError where a change does not fit the run under way.
  void checkFit(const Experiment& experiment) const;

  QStackedWidget* m_pages;  ///< the settings, or what is known of another library's run
  LibrarySection* m_library;
  QScrollArea* m_scroll;
  std::vector<DockSection*> m_sections;
  DataSection* m_data;
  ModelSection* m_model;
  ClippingSection* m_clipping;
  std::optional<Session> m_session;
};

}  // namespace clipscope
