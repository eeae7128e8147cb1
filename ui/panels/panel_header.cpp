// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/panel_header.h"

#include <QContextMenuEvent>
#include <QHBoxLayout>
#include <QHelpEvent>
#include <QLabel>
#include <QStyle>
#include <QToolButton>
#include <QToolTip>

namespace clipscope {

PanelHeader::PanelHeader(const QString& title, QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("cardHeader"));
  setAttribute(Qt::WA_StyledBackground);
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(8);
  m_title = new QLabel(title, this);
  m_title->setObjectName(QStringLiteral("cardTitle"));
  m_summary = new QLabel(this);
  m_summary->setObjectName(QStringLiteral("cardSummary"));
  m_summary->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
  // A long line is cut rather than allowed to widen the card.
  m_summary->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_menu = new QToolButton(this);
  m_menu->setText(QStringLiteral("⋯"));
  m_menu->setObjectName(QStringLiteral("cardMenu"));
  m_menu->setAccessibleName(tr("Menu of %1").arg(title));
  m_menu->setToolTip(tr("Export, copy, float, close"));
  m_menu->setFocusPolicy(Qt::TabFocus);
  row->addWidget(m_title);
  row->addWidget(m_summary, 1);
  row->addWidget(m_menu);
  connect(m_menu, &QToolButton::clicked, this,
          [this] { emit menuRequested(m_menu->mapToGlobal(QPoint(0, m_menu->height()))); });
}

QString PanelHeader::title() const { return m_title->text(); }
QString PanelHeader::summary() const { return m_text; }

void PanelHeader::setSummary(const QString& text) {
  m_text = text;
  fitSummary();
}

void PanelHeader::fitSummary() {
  const int room = width() - (m_title->isHidden() ? 0 : m_title->sizeHint().width()) -
                   m_menu->sizeHint().width() - layout()->contentsMargins().left() -
                   layout()->contentsMargins().right() - 2 * layout()->spacing();
  m_summary->setText(m_summary->fontMetrics().elidedText(m_text, Qt::ElideRight, room));
}

QString PanelHeader::tip() const {
  const QString words = m_words ? m_words() : QString();
  return words.isEmpty() ? m_text : QStringLiteral("<p>%1</p>").arg(m_text.toHtmlEscaped()) + words;
}

bool PanelHeader::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  // Words are long, and counted out only when somebody asks.
  QToolTip::showText(static_cast<QHelpEvent*>(event)->globalPos(), tip(), this);
  return true;
}

void PanelHeader::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  fitSummary();
}

void PanelHeader::setTitleShown(bool shown) {
  m_title->setVisible(shown);
  fitSummary();
}

void PanelHeader::setDocked(bool docked) {
  setProperty("docked", docked);
  layout()->setContentsMargins(docked ? QMargins(12, 6, 6, 2) : QMargins());
  style()->unpolish(this);
  style()->polish(this);
}

void PanelHeader::contextMenuEvent(QContextMenuEvent* event) {
  emit menuRequested(event->globalPos());
}

}  // namespace clipscope
