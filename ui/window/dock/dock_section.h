// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QWidget>
#include <functional>

#include "engine/training/experiment.h"
#include "ui/window/number_edit.h"
#include "ui/worker/training_worker.h"

class QCheckBox;
class QComboBox;
class QGridLayout;
class QLabel;
class QVBoxLayout;

namespace clipscope {

QString fromView(std::string_view text);

/// One section of the experiment dock: a title, rows of label and field, and hints. It shows an
/// experiment and emits a changed copy. A change that does not fit is said at its field, or, where
/// a field cannot say it, by refused(), and what was there comes back.
class DockSection : public QWidget {
  Q_OBJECT

 public:
  using Change = std::function<void(Experiment&)>;
  using SetNumber = std::function<void(Experiment&, double)>;
  using SetText = std::function<void(Experiment&, const std::string&)>;
  /// Throws Error where an experiment cannot take the place of the one that runs.
  using Fits = std::function<void(const Experiment&)>;

  explicit DockSection(const QString& title, QWidget* parent);

  void showExperiment(const Experiment& experiment);
  virtual void showSession(const Session&) {}
  void setFits(Fits fits) { m_fits = std::move(fits); }

  // For sections and parts of them.
  NumberEdit* addNumber(const QString& label, const QString& tip, NumberEdit::Range range,
                        SetNumber set);
  QComboBox* addCombo(const QString& label, const QString& tip, const QStringList& names,
                      const QStringList& titles, SetText set);
  QCheckBox* addCheck(const QString& text, const QString& tip,
                      std::function<void(Experiment&, bool)> set);
  QLabel* addRow(const QString& label, QWidget* field, const QString& tip);
  /// A dim line over both columns, which wraps.
  QLabel* addHint(const QString& text = {});
  /// Over both columns.
  void addWide(QWidget* widget);
  void addWide(QLayout* layout);
  /// A row's label and field, or a hint.
  void setRowVisible(QWidget* field, bool visible);
  QLabel* labelOf(QWidget* field) const { return m_labels.value(field); }
  void change(QWidget* field, const Change& change);
  const Experiment& experiment() const { return m_experiment; }

  /// Selects the entry of that name, without emitting.
  static void select(QComboBox* combo, const QString& name);

 signals:
  void edited(const clipscope::Experiment& experiment);
  void refused(const QString& reason);

 protected:
  virtual void display(const Experiment& experiment) = 0;
  QVBoxLayout* body() { return m_body; }

 private:
  Experiment m_experiment;
  bool m_showing = false;
  Fits m_fits;
  QVBoxLayout* m_body;
  QGridLayout* m_rows;
  QHash<QWidget*, QLabel*> m_labels;
};

}  // namespace clipscope
