// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

namespace clipscope {

/// Rows of a name, one or two bars and a number, as tall as they need to be: norms by tensor before
/// and after clipping, or the scores of the classes.
class PairedBars : public QWidget {
  Q_OBJECT

 public:
  struct Row {
    QString name;
    double first = 0;   ///< in the colour of "before"
    double second = 0;  ///< in the colour of "after"; NaN for none
    QString number;
    bool marked = false;  ///< its name is bold
    QString tip;
  };

  explicit PairedBars(const QString& accessibleName, QWidget* parent = nullptr);

  /// `scale`: the value of a full bar; 0: the largest of the rows.
  void show(std::vector<Row> rows, double scale = 0);
  using QWidget::show;
  const std::vector<Row>& rows() const { return m_rows; }
  QSize sizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;
  bool event(QEvent* event) override;

 private:
  std::vector<Row> m_rows;
  double m_scale = 1;
};

}  // namespace clipscope
