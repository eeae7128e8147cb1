// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QWidget>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/model/layers/registry.h"

class QGridLayout;
class QLabel;
class QLineEdit;
class QVBoxLayout;

namespace clipscope {

/// The fields of one layer, made from what the registry says of its kind: name, what it takes,
/// default, explanation.
class LayerForm : public QWidget {
  Q_OBJECT

 public:
  explicit LayerForm(QWidget* parent = nullptr);

  struct Subject {
    std::string pointer;
    nlohmann::json fields;
    QString name;         ///< as the report has it: shown in grey when it is not given
    QString error;        ///< of this layer; ""
    QStringList earlier;  ///< layers that "reuse" may name
  };
  /// Builds the fields anew only for another layer or kind: the one being typed in stays.
  void showLayer(const Subject& subject);
  /// What stands there when no layer is selected.
  void showNothing(const QString& text);

  /// The field's widget; null where the layer has no such field.
  QWidget* field(const QString& name) const { return m_fields.value(name); }
  QLineEdit* nameField() const { return m_name; }

 signals:
  void fieldChanged(const std::string& layer, const std::string& field,
                    const nlohmann::json& value);
  void nameChanged(const std::string& layer, const QString& name);

 private:
  void clear();
  void build(const LayerKind& kind);
  void addRow(const QString& label, QWidget* field, const QString& help);
  QWidget* makeField(const LayerField& field);
  void fill();

  Subject m_subject;
  std::string m_type;
  QVBoxLayout* m_layout;
  QLabel *m_title, *m_help;
  QWidget* m_rows = nullptr;
  QGridLayout* m_grid = nullptr;
  QLineEdit* m_name = nullptr;
  QHash<QString, QWidget*> m_fields;
};

}  // namespace clipscope
