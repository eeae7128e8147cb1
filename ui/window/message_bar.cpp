// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/message_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QStyle>
#include <QTimer>
#include <QToolButton>

namespace clipscope {

MessageBar::MessageBar(QWidget* parent) : QFrame(parent), m_timer(new QTimer(this)) {
  setObjectName(QStringLiteral("messageBar"));
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(12, 4, 6, 4);
  m_text = new QLabel(this);
  m_text->setWordWrap(true);
  m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
  row->addWidget(m_text, 1);
  m_action = new QPushButton(this);
  m_action->setProperty("primary", true);
  m_other = new QPushButton(this);
  row->addWidget(m_other);
  row->addWidget(m_action);
  auto* close = new QToolButton(this);
  close->setText(QStringLiteral("✕"));
  close->setAccessibleName(tr("Close message"));
  row->addWidget(close);
  m_timer->setSingleShot(true);
  m_timer->setInterval(8000);
  connect(m_timer, &QTimer::timeout, this, &QWidget::hide);
  connect(close, &QToolButton::clicked, this, &MessageBar::dismiss);
  for (auto [button, chosen] : {std::pair(m_action, &m_onAction), std::pair(m_other, &m_onOther)})
    connect(button, &QPushButton::clicked, this, [this, chosen = chosen] {
      const auto action = std::exchange(*chosen, nullptr);
      m_onAction = m_onOther = m_onDismiss = nullptr;
      hide();
      if (action) action();
    });
  hide();
}

QString MessageBar::text() const { return m_text->text(); }
bool MessageBar::isError() const { return property("error").toBool(); }

void MessageBar::show(const QString& text, bool isError) {
  m_onAction = m_onOther = m_onDismiss = nullptr;
  m_action->hide();
  m_other->hide();
  present(text, isError);
  if (!isError) m_timer->start();
}

void MessageBar::ask(const QString& text, const QString& button, std::function<void()> action,
                     std::function<void()> dismissed) {
  m_other->hide();
  m_onOther = nullptr;
  m_onAction = std::move(action);
  m_onDismiss = std::move(dismissed);
  m_action->setText(button);
  m_action->show();
  present(text, false);
}

void MessageBar::offerInstead(const QString& button, std::function<void()> action) {
  m_onOther = std::move(action);
  m_other->setText(button);
  m_other->show();
}

void MessageBar::present(const QString& text, bool isError) {
  m_timer->stop();
  m_text->setText(text);
  setAccessibleName(text);
  setProperty("error", isError);
  style()->unpolish(this);
  style()->polish(this);
  QFrame::show();
}

void MessageBar::dismiss() {
  hide();
  const auto dismissed = std::exchange(m_onDismiss, nullptr);
  m_onAction = m_onOther = nullptr;
  if (dismissed) dismissed();
}

}  // namespace clipscope
