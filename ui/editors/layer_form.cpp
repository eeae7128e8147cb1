// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/layer_form.h"

#include <QCheckBox>
#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QLineEdit>
#include <QRegularExpressionValidator>
#include <QVBoxLayout>

#include "ui/editors/field_edit.h"

namespace clipscope {

using nlohmann::json;
using Type = LayerField::Type;

LayerForm::LayerForm(QWidget* parent) : QWidget(parent) {
  m_layout = new QVBoxLayout(this);
  m_layout->setContentsMargins(0, 0, 0, 0);
  m_layout->setSpacing(4);
  m_title = new QLabel(this);
  m_title->setObjectName(QStringLiteral("cardTitle"));
  m_help = new QLabel(this);
  m_help->setObjectName(QStringLiteral("hint"));
  m_help->setWordWrap(true);
  m_layout->addWidget(m_title);
  m_layout->addWidget(m_help);
  m_layout->addStretch(1);
}

void LayerForm::clear() {
  delete m_rows;
  m_rows = nullptr;
  m_name = nullptr;
  m_fields.clear();
  m_type.clear();
  m_subject = {};
}

void LayerForm::showNothing(const QString& text) {
  clear();
  m_title->clear();
  m_help->setText(text);
}

void LayerForm::showLayer(const Subject& subject) {
  const std::string type = subject.fields.value("type", "");
  if (subject.pointer != m_subject.pointer || type != m_type || !m_rows) {
    clear();
    m_type = type;
    m_subject = subject;
    for (const LayerKind& kind : layerKinds())
      if (kind.type == type) build(kind);
  }
  m_subject = subject;
  fill();
}

void LayerForm::addRow(const QString& label, QWidget* field, const QString& help) {
  const int row = m_grid->rowCount();
  auto* name = new QLabel(label, m_rows);
  name->setBuddy(field);
  name->setToolTip(field->toolTip());
  m_grid->addWidget(name, row, 0);
  m_grid->addWidget(field, row, 1);
  if (help.isEmpty()) return;
  auto* hint = new QLabel(help, m_rows);
  hint->setObjectName(QStringLiteral("hint"));
  hint->setWordWrap(true);
  m_grid->addWidget(hint, row + 1, 0, 1, 2);
}

void LayerForm::build(const LayerKind& kind) {
  m_title->setText(QString::fromStdString(kind.title));
  m_help->setText(QString::fromStdString(kind.help));
  m_rows = new QWidget(this);
  m_grid = new QGridLayout(m_rows);
  m_grid->setContentsMargins(0, 6, 0, 0);
  m_grid->setHorizontalSpacing(8);
  m_grid->setVerticalSpacing(4);
  m_grid->setColumnStretch(0, 1);
  m_grid->setColumnMinimumWidth(1, 120);
  if (kind.type != "reuse") {
    m_name = new QLineEdit(m_rows);
    m_name->setObjectName(QStringLiteral("layerName"));
    m_name->setAccessibleName(tr("Name"));
    m_name->setAlignment(Qt::AlignRight);
    m_name->setToolTip(tr("Names its parameters: conv1.weight. Left empty, it is numbered."));
    // Tensors are named layer.part.
    m_name->setValidator(
        new QRegularExpressionValidator(QRegularExpression(QStringLiteral("[^.\\s]*")), m_name));
    connect(m_name, &QLineEdit::editingFinished, this, [this] {
      if (m_name->isModified()) emit nameChanged(m_subject.pointer, m_name->text());
    });
    addRow(tr("name"), m_name, {});
  }
  for (const LayerField& field : kind.fields) {
    QString help = QString::fromStdString(field.help);
    if (field.type == Type::Layers) {
      help = field.name == "layers"
                 ? tr("The branch: the layers inside. Drag layers in and out.")
                 : tr("Drag layers onto the row Shortcut where the branch changes the shape.");
      auto* hint = new QLabel(help, m_rows);
      hint->setObjectName(QStringLiteral("hint"));
      hint->setWordWrap(true);
      m_grid->addWidget(hint, m_grid->rowCount(), 0, 1, 2);
      continue;
    }
    QWidget* widget = makeField(field);
    m_fields.insert(QString::fromStdString(field.name), widget);
    addRow(QString::fromStdString(field.name), widget, help);
  }
  m_layout->insertWidget(2, m_rows);
}

QWidget* LayerForm::makeField(const LayerField& field) {
  if (field.type == Type::Flag) {
    auto* box = new QCheckBox(m_rows);
    box->setAccessibleName(QString::fromStdString(field.name));
    box->setToolTip(QString::fromStdString(field.help));
    const bool fallback = field.fallback.get<bool>();
    connect(box, &QCheckBox::clicked, this, [this, name = field.name, fallback](bool on) {
      emit fieldChanged(m_subject.pointer, name, on == fallback ? json() : json(on));
    });
    return box;
  }
  if (field.type == Type::LayerName) {
    auto* names = new QComboBox(m_rows);
    names->setAccessibleName(QString::fromStdString(field.name));
    names->setToolTip(QString::fromStdString(field.help));
    connect(names, &QComboBox::textActivated, this, [this, name = field.name](const QString& text) {
      emit fieldChanged(m_subject.pointer, name, text.toStdString());
    });
    return names;
  }
  auto* edit = new FieldEdit(field, m_rows);
  connect(edit, &FieldEdit::changed, this, [this, name = field.name](const json& value) {
    emit fieldChanged(m_subject.pointer, name, value);
  });
  return edit;
}

void LayerForm::fill() {
  if (m_name && !(m_name->hasFocus() && m_name->isModified())) {
    const QString given = QString::fromStdString(m_subject.fields.value("name", ""));
    if (m_name->text() != given) m_name->setText(given);
    m_name->setPlaceholderText(m_subject.name);
  }
  for (auto entry = m_fields.cbegin(); entry != m_fields.cend(); ++entry) {
    const std::string name = entry.key().toStdString();
    const json value = m_subject.fields.contains(name) ? m_subject.fields.at(name) : json();
    if (auto* box = qobject_cast<QCheckBox*>(entry.value())) {
      bool on = false;
      for (const LayerKind& kind : layerKinds())
        if (kind.type == m_type) on = kind.field(name).fallback.get<bool>();
      box->setChecked(value.is_boolean() ? value.get<bool>() : on);
    } else if (auto* names = qobject_cast<QComboBox*>(entry.value())) {
      names->clear();
      names->addItems(m_subject.earlier);
      names->setCurrentText(FieldEdit::textOf(value));
    } else if (auto* edit = qobject_cast<FieldEdit*>(entry.value())) {
      edit->setJson(value);
      const bool named =
          m_subject.error.contains(QLatin1Char('"') + entry.key() + QLatin1Char('"'));
      edit->setProblem(named ? m_subject.error : QString());
    }
  }
}

}  // namespace clipscope
