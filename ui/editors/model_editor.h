// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <nlohmann/json.hpp>

#include "engine/model/spec_report.h"
#include "ui/editors/spec_edits.h"

class QComboBox;
class QLabel;
class QMenu;
class QPushButton;
class QToolButton;
class QUndoStack;

namespace clipscope {

class LayerForm;
class LayerTree;
class LayerTreeModel;

/// Edits a model's spec: a tree of layers, the selected layer's fields beside it, and at each
/// change the shapes and counts, or the reason why a layer cannot stand where it does. It leaves
/// what is being trained alone: accepted() hands over the spec, closing drops it.
class ModelEditor : public QDialog {
  Q_OBJECT

 public:
  explicit ModelEditor(QWidget* parent = nullptr);
  ~ModelEditor() override;

  /// What the model gets and what it is asked for.
  void setData(const Shape& input, const TargetKind& targets);
  /// Starts afresh with this spec; what could be undone is forgotten.
  void setSpec(const nlohmann::json& spec);

  const nlohmann::json& spec() const { return m_spec; }
  const SpecReport& report() const { return m_report; }
  QUndoStack* undoStack() const { return m_undo; }
  LayerTree* tree() const { return m_tree; }
  LayerTreeModel* model() const { return m_model; }
  LayerForm* form() const { return m_form; }
  QComboBox* loss() const { return m_loss; }
  QLabel* totals() const { return m_totals; }
  QMenu* addMenu() const { return m_addMenu; }
  QMenu* presetMenu() const { return m_presetMenu; }
  QPushButton* okButton() const { return m_ok; }
  QPushButton* cancelButton() const { return m_cancel; }
  /// The button "Use GroupNorm" of the line that refuses batch normalisation.
  QPushButton* instead() const { return m_instead; }
  QLabel* refusal() const { return m_refusal; }

 public slots:
  /// "batchnorm2d" is refused with the engine's reason.
  void addLayer(const QString& type);
  void removeSelected();
  void duplicateSelected();
  void moveSelected(int direction);
  void startFrom(const QString& preset);

 signals:
  void specAccepted(const nlohmann::json& spec);

 private:
  class Change;
  QWidget* buildTools();
  QWidget* buildFoot();
  void buildAddMenu();
  void buildShortcuts();
  /// Puts a change on the undo stack; ones with the same key that follow each other become one.
  void push(const QString& text, nlohmann::json spec, const std::string& selected,
            const std::string& key = {});
  void apply(const nlohmann::json& spec, const std::string& selected);
  void showSelected();
  void showTotals();
  void refuse(const QString& reason);
  std::string selected() const;
  /// Shape in front of a gap, as far as the report knows it.
  Shape inputAt(const SpecGap& gap) const;

  nlohmann::json m_spec;
  SpecReport m_report;
  Shape m_input;
  TargetKind m_targets;
  QUndoStack* m_undo;
  LayerTreeModel* m_model;
  LayerTree* m_tree;
  LayerForm* m_form;
  QComboBox* m_loss;
  QLabel *m_totals, *m_refusal;
  QWidget* m_refusalLine;
  QMenu *m_addMenu, *m_presetMenu;
  QToolButton *m_remove, *m_duplicate, *m_up, *m_down;
  QPushButton *m_ok, *m_cancel, *m_instead;
};

}  // namespace clipscope
