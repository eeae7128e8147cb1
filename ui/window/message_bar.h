// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <functional>

class QLabel;
class QPushButton;
class QTimer;

namespace clipscope {

/// A line above the panels for errors, results and questions, in place of dialogs.
class MessageBar : public QFrame {
  Q_OBJECT

 public:
  explicit MessageBar(QWidget* parent = nullptr);

  /// An error stays until it is closed; other messages go by themselves.
  void show(const QString& text, bool isError);
  /// Stays, with a button that does something, and perhaps another.
  void ask(const QString& text, const QString& button, std::function<void()> action,
           std::function<void()> dismissed);
  void offerInstead(const QString& button, std::function<void()> action);
  QString text() const;
  bool isError() const;
  QPushButton* actionButton() const { return m_action; }
  QPushButton* otherButton() const { return m_other; }

 private:
  void present(const QString& text, bool isError);
  void dismiss();

  QLabel* m_text;
  QPushButton *m_action, *m_other;
  QTimer* m_timer;
  std::function<void()> m_onAction, m_onOther, m_onDismiss;
};

}  // namespace clipscope
