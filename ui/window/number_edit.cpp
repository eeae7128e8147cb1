// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/number_edit.h"

#include <QKeyEvent>
#include <QStyle>
#include <cmath>

namespace clipscope {

NumberEdit::NumberEdit(Range range, const QString& name, QWidget* parent)
    : QLineEdit(parent), m_range(range) {
  setAccessibleName(name);
  setAlignment(Qt::AlignRight);
  connect(this, &QLineEdit::textChanged, this, &NumberEdit::check);
  connect(this, &QLineEdit::textEdited, this, [this] {
    if (const auto now = value()) emit typed(*now);
  });
  connect(this, &QLineEdit::editingFinished, this, [this] {
    const auto now = value();
    if (!now) return;
    setModified(false);  // what is written is what is meant; an undo may now write over it
    if (*now == m_shown) return;
    m_shown = *now;
    emit edited(*now);
  });
}

void NumberEdit::setValue(double value) {
  m_shown = value;
  // Not under the fingers of someone who is typing.
  if (hasFocus() && isModified()) return;
  if (value == 0 && !m_zeroText.isEmpty())
    clear();
  else
    setText(m_range.whole && std::abs(value) < 1e15 ? QString::number(static_cast<qint64>(value))
                                                    : QString::number(value, 'g', 8));
  setModified(false);
}

void NumberEdit::setZeroText(const QString& text) {
  m_zeroText = text;
  setPlaceholderText(text);
  setValue(m_shown);
}

QString NumberEdit::problemOf(const QString& text) const {
  if (text.trimmed().isEmpty() && !m_zeroText.isEmpty()) return {};
  bool isNumber = false;
  const double v = text.trimmed().toDouble(&isNumber);
  if (!isNumber || !std::isfinite(v)) return tr("Not a number");
  if (m_range.whole && v != std::floor(v)) return tr("Must be a whole number");
  if (v < m_range.low || v > m_range.high || (v == m_range.low && !m_range.lowIncluded))
    return tr("Must be %1 %2 and at most %3")
        .arg(m_range.lowIncluded ? tr("at least") : tr("above"))
        .arg(m_range.low)
        .arg(m_range.high);
  return {};
}

std::optional<double> NumberEdit::value() const {
  if (!problemOf(text()).isEmpty()) return std::nullopt;
  return text().trimmed().toDouble();
}

void NumberEdit::setProblem(const QString& reason) {
  setProperty("invalid", !reason.isEmpty());
  if (m_tip.isEmpty()) m_tip = toolTip();
  setToolTip(reason.isEmpty() ? m_tip : reason);
  style()->unpolish(this);
  style()->polish(this);
}

void NumberEdit::check() { setProblem(problemOf(text())); }

void NumberEdit::keyPressEvent(QKeyEvent* event) {
  const int direction = event->key() == Qt::Key_Up ? 1 : event->key() == Qt::Key_Down ? -1 : 0;
  const auto now = value();
  if (direction == 0 || !now) return QLineEdit::keyPressEvent(event);
  double next = *now;
  if (m_range.whole)
    next += direction;
  else
    next = next > 0 ? next * std::pow(10.0, 0.1 * direction) : (direction > 0 ? 0.1 : 0.0);
  next = std::clamp(next, m_range.low, m_range.high);
  const QString text = QString::number(next, 'g', m_range.whole ? 15 : 4);
  if (!problemOf(text).isEmpty()) return;
  setText(text);
  m_shown = text.toDouble();
  emit edited(m_shown);
}

}  // namespace clipscope
