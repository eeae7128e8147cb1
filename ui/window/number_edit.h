// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLineEdit>
#include <functional>
#include <optional>

namespace clipscope {

/// A field for one number: any notation (1e-5), '.' for the point, checked as one types. While the
/// text is no number or out of range the edge is red, the tool tip says why, and nothing is
/// emitted. Up and down multiply by a tenth of a decade, or add one to whole numbers.
class NumberEdit : public QLineEdit {
  Q_OBJECT

 public:
  struct Range {
    double low, high;
    bool lowIncluded = true;
    bool whole = false;
  };

  NumberEdit(Range range, const QString& name, QWidget* parent = nullptr);

  /// Shows a value without emitting.
  void setValue(double value);
  /// What stands in the field for a zero, as "auto, 7"; a 0 typed in means the same.
  void setZeroText(const QString& text);
  std::optional<double> value() const;
  /// Marks the field as wrong for a reason that lies outside it; "" takes the mark away.
  void setProblem(const QString& reason);

 signals:
  /// A new valid value, when the field is left or Return is pressed.
  void edited(double value);
  /// A valid value after each key.
  void typed(double value);

 protected:
  void keyPressEvent(QKeyEvent* event) override;

 private:
  QString problemOf(const QString& text) const;
  void check();

  Range m_range;
  QString m_tip;
  QString m_zeroText;
  double m_shown = 0;
};

}  // namespace clipscope
