// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLineEdit>
#include <nlohmann/json.hpp>

#include "engine/model/layers/registry.h"

namespace clipscope {

/// A line for one field of a layer: a number, a pair as "3" or "3×5", extents as "16×8×8". Left
/// empty it means the default, which it shows in grey. What cannot be read goes into the spec as a
/// text, so that the engine says of it what it says of any wrong value.
class FieldEdit : public QLineEdit {
  Q_OBJECT

 public:
  explicit FieldEdit(const LayerField& field, QWidget* parent = nullptr);

  const LayerField& field() const { return m_field; }
  /// Shows a value (null: none) without emitting. A text under someone's fingers stays as it is
  /// while it means this value.
  void setJson(const nlohmann::json& value);
  /// Marks it as wrong, with the reason; "" takes the mark away.
  void setProblem(const QString& reason);

  static nlohmann::json parse(const LayerField& field, const QString& text);
  static QString textOf(const nlohmann::json& value);

 signals:
  void changed(const nlohmann::json& value);

 private:
  LayerField m_field;
  QString m_tip;
};

}  // namespace clipscope
