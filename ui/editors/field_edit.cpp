// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/field_edit.h"

#include <QRegularExpression>
#include <QStyle>
#include <cmath>

namespace clipscope {

using nlohmann::json;

namespace {

json numberOf(const QString& text) {
  bool ok = false;
  const qlonglong whole = text.toLongLong(&ok);
  if (ok) return static_cast<std::int64_t>(whole);
  const double real = text.toDouble(&ok);
  return ok && std::isfinite(real) ? json(real) : json(text.toStdString());
}

}  // namespace

FieldEdit::FieldEdit(const LayerField& field, QWidget* parent) : QLineEdit(parent), m_field(field) {
  const QString name = QString::fromStdString(field.name);
  setObjectName(name);
  setAccessibleName(name);
  m_tip = tr("%1 Takes %2.")
              .arg(QString::fromStdString(field.help), QString::fromStdString(field.takes()));
  setToolTip(m_tip);
  setAlignment(Qt::AlignRight);
  if (field.required())
    setPlaceholderText(tr("needed"));
  else if (!field.follows.empty())
    setPlaceholderText(tr("as %1").arg(QString::fromStdString(field.follows)));
  else
    setPlaceholderText(textOf(field.fallback));
  connect(this, &QLineEdit::textEdited, this,
          [this](const QString& text) { emit changed(parse(m_field, text)); });
  // Written as the program writes it once the field is left.
  connect(this, &QLineEdit::editingFinished, this, [this] {
    setText(textOf(parse(m_field, this->text())));
    setModified(false);
  });
}

json FieldEdit::parse(const LayerField& field, const QString& text) {
  const QString plain = text.trimmed();
  if (plain.isEmpty()) return nullptr;
  if (field.type != LayerField::Type::Pair && field.type != LayerField::Type::Extents)
    return numberOf(plain);
  static const QRegularExpression between(QStringLiteral("\\s*[×xX*,; ]\\s*"));
  const QStringList parts = plain.split(between, Qt::SkipEmptyParts);
  if (parts.size() == 1) return numberOf(parts.front());
  json list = json::array();
  for (const QString& part : parts) list.push_back(numberOf(part));
  return list;
}

QString FieldEdit::textOf(const json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return QString::fromStdString(value.get<std::string>());
  if (!value.is_array()) return QString::fromStdString(value.dump());
  QStringList parts;
  for (const json& part : value) parts << textOf(part);
  return parts.join(QStringLiteral("×"));
}

void FieldEdit::setJson(const json& value) {
  if (hasFocus() && parse(m_field, text()) == value) return;
  if (const QString shown = textOf(value); shown != text()) setText(shown);
}

void FieldEdit::setProblem(const QString& reason) {
  setToolTip(reason.isEmpty() ? m_tip : reason);
  if (property("invalid").toBool() == !reason.isEmpty()) return;
  setProperty("invalid", !reason.isEmpty());
  style()->unpolish(this);
  style()->polish(this);
}

}  // namespace clipscope
