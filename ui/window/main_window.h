// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMainWindow>

#include "ui/window/controller.h"

class QAction;
class QLabel;
class QMenuBar;
class QProgressBar;
class QToolButton;
class QPushButton;

namespace clipscope {

class DataPanel;
class Editors;
class ClipFactorsPanel;
class ExamplePanel;
class BranchesPanel;
class BudgetPanel;
class ComparePanel;
class ExamplesPanel;
class ExperimentDock;
class ExportAll;
class HelpWindow;
class HistoryPanel;
class LayersPanel;
class MessageBar;
class NoisePanel;
class NormsPanel;
class Panel;
class PanelDocks;
class PhaseRail;
class BreakpointsPanel;
class LanesPanel;
class MicroscopePanel;
class GeometryPanel;
class LintPanel;
class PlannerPanel;
class PrivacyPanel;
class StartPage;

/// The window: lays out rail, dock, panels and status bar and connects them to the Controller,
/// which does the work.
class MainWindow : public QMainWindow {
  Q_OBJECT

 public:
  explicit MainWindow(QWidget* parent = nullptr);
  ~MainWindow() override;

  Controller* controller() { return &m_controller; }
  PhaseRail* rail() const { return m_rail; }
  ExperimentDock* dock() const { return m_dock; }
  NormsPanel* norms() const { return m_norms; }
  ExamplesPanel* examples() const { return m_examples; }
  LayersPanel* layers() const { return m_layers; }
  DataPanel* data() const { return m_data; }
  Editors* editors() const { return m_editors; }
  ClipFactorsPanel* clipFactors() const { return m_clipFactors; }
  NoisePanel* noise() const { return m_noise; }
  ExamplePanel* example() const { return m_example; }
  HistoryPanel* history() const { return m_history; }
  ComparePanel* compare() const { return m_compare; }
  BudgetPanel* budget() const { return m_budget; }
  BranchesPanel* branches() const { return m_branches; }
  PrivacyPanel* privacy() const { return m_privacy; }
  PlannerPanel* planner() const { return m_planner; }
  LintPanel* lint() const { return m_lint; }
  BreakpointsPanel* breakpoints() const { return m_breakpoints; }
  LanesPanel* lanes() const { return m_lanes; }
  GeometryPanel* geometry() const { return m_geometry; }
  MicroscopePanel* microscope() const { return m_microscope; }
  /// The gravest of the lint, in the status bar; a click opens its panel.
  QToolButton* lintButton() const { return m_lintButton; }
  /// What is said of the recording in the status bar.
  QLabel* saved() const { return m_saved; }
  /// Every panel, and the docks that hold them.
  PanelDocks* docks() const { return m_docks; }
  MessageBar* messages() const { return m_messages; }
  QLabel* sentence() const { return m_sentence; }
  ExportAll* exporter() const { return m_exporter; }

  /// Records every run into this folder until it gets a name, and offers what lies there.
  void keepRunsIn(const QString& recoveryFolder);
  StartPage* startPage();
  /// Shows the start page: with `onlyIfUseful` where there is something to go on with, and it was
  /// not switched off.
  void openStartPage(bool onlyIfUseful = false);

  /// Sizes and places as on a first start.
  void resetLayout();

 protected:
  void closeEvent(QCloseEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void buildPanels();
  void buildTop();
  void buildStatusBar();
  void buildMenus();
  void buildFileMenu();
  void buildEditMenu();
  void buildRunMenu();
  void buildViewMenu();
  void buildHelpMenu();
  void connectController();
  void showRecord();
  /// What is tried, in the panels that show records.
  void showTried();
  void showState();
  void showTitle();
  void editGroups();
  void askOpen();
  void askSave();
  void askExport();
  // Recordings and branches (main_window_recording.cpp).
  void connectRecording();
  void connectPrivacy();
  // Lint, breakpoints and lanes (main_window_inspection.cpp).
  void connectInspection();
  void showLint();
  void restoreBreakpoints();
  void buildStartPage();
  void showRecording();
  void askSaveRecording();
  void rememberRecent(const QString& path);
  void fillRecent();
  void showChanges();
  void showHelp();
  void selectAll(bool invert);
  bool transportKeyYields() const;

  Controller m_controller;
  PhaseRail* m_rail;
  MessageBar* m_messages;
  ExperimentDock* m_dock;
  NormsPanel* m_norms;
  LayersPanel* m_layers;
  HistoryPanel* m_history;
  ExamplesPanel* m_examples;
  DataPanel* m_data;
  Editors* m_editors;
  ClipFactorsPanel* m_clipFactors;
  NoisePanel* m_noise;
  ExamplePanel* m_example;
  ComparePanel* m_compare;
  BudgetPanel* m_budget;
  BranchesPanel* m_branches;
  PrivacyPanel* m_privacy;
  PlannerPanel* m_planner;
  LintPanel* m_lint;
  BreakpointsPanel* m_breakpoints;
  LanesPanel* m_lanes;
  GeometryPanel* m_geometry;
  MicroscopePanel* m_microscope;
  QToolButton* m_lintButton;
  StartPage* m_startPage = nullptr;
  QString m_recoveryFolder;
  PanelDocks* m_docks;
  QMenuBar* m_menuBar;
  QLabel *m_sentence, *m_batch, *m_selected, *m_notPrivate, *m_saved;
  QProgressBar* m_progress;
  QPushButton* m_cancel;
  QMenu* m_recent;
  ExportAll* m_exporter;
  HelpWindow* m_help = nullptr;
  QAction *m_runAction, *m_saveAction, *m_saveRecordingAction, *m_undo, *m_redo;
  QAction *m_stepBackAction, *m_phaseBackAction, *m_previousStepAction, *m_nextKnownAction;
};

}  // namespace clipscope
