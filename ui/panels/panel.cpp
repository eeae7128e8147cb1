// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/panel.h"

#include <QClipboard>
#include <QContextMenuEvent>
#include <QFileDialog>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QVBoxLayout>

#include "engine/error.h"
#include "ui/panels/panel_export.h"
#include "ui/selection.h"
#include "ui/theme.h"

namespace clipscope {

Panel::Panel(const QString& title, Selection* selection, QWidget* parent)
    : QWidget(parent), m_selection(selection) {
  setObjectName(QStringLiteral("card"));
  setAttribute(Qt::WA_StyledBackground);
  setAccessibleName(title);
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(12, 8, 12, 10);
  outer->setSpacing(4);
  auto* head = new QHBoxLayout;
  head->setSpacing(12);
  m_title = new QLabel(title, this);
  m_title->setObjectName(QStringLiteral("cardTitle"));
  m_summary = new QLabel(this);
  m_summary->setObjectName(QStringLiteral("cardSummary"));
  m_summary->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
  // A long line is cut rather than allowed to widen the card.
  m_summary->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  head->addWidget(m_title);
  head->addWidget(m_summary, 1);
  outer->addLayout(head);
  m_content = new QWidget(this);
  m_body = new QVBoxLayout(m_content);
  m_body->setContentsMargins(0, 0, 0, 0);
  m_body->setSpacing(4);
  outer->addWidget(m_content, 1);
  m_empty = new QLabel(this);
  m_empty->setObjectName(QStringLiteral("empty"));
  m_empty->setAlignment(Qt::AlignCenter);
  m_empty->setWordWrap(true);
  m_empty->hide();
  outer->addWidget(m_empty, 1);
  connect(selection, &Selection::changed, this, [this] {
    m_selectionPending = true;
    if (isVisible()) refresh();
  });
}

QString Panel::title() const { return m_title->text(); }
QString Panel::summary() const { return m_summary->text(); }

void Panel::setRecord(std::shared_ptr<const StepRecord> record) {
  m_record = std::move(record);
  m_recordPending = true;
  if (isVisible()) refresh();
}

void Panel::refresh() {
  if (m_recordPending && m_record) {
    m_recordPending = false;
    m_selectionPending = false;
    showRecord();
    showSelection();
  } else if (m_selectionPending && m_record) {
    m_selectionPending = false;
    showSelection();
  }
}

void Panel::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  refresh();
}

void Panel::setEmptyText(const QString& text) {
  m_empty->setText(text);
  m_empty->setVisible(!text.isEmpty());
  m_content->setVisible(text.isEmpty());
}

void Panel::setSummary(const QString& text) {
  if (m_summary->text() == text) return;
  m_summary->setText(text);
  m_summary->setToolTip(text);
  setAccessibleDescription(text);
}

QImage Panel::image(double scale) const {
  QImage image((QSizeF(size()) * scale).toSize(), QImage::Format_ARGB32_Premultiplied);
  image.setDevicePixelRatio(scale);
  image.fill(Theme::current().panel);
  const_cast<Panel*>(this)->render(&image);
  return image;
}

void Panel::contextMenuEvent(QContextMenuEvent* event) {
  QMenu menu(this);
  addActions(menu);
  if (!menu.isEmpty()) menu.addSeparator();
  menu.addAction(tr("Copy image"), this,
                 [this] { QGuiApplication::clipboard()->setImage(image(devicePixelRatioF())); });
  menu.addAction(tr("Copy data"), this, [this] { QGuiApplication::clipboard()->setText(csv()); });
  menu.addSeparator();
  menu.addAction(tr("Export PNG…"), this, [this] { askAndExport(QStringLiteral("png")); });
  menu.addAction(tr("Export CSV…"), this, [this] { askAndExport(QStringLiteral("csv")); });
  menu.exec(event->globalPos());
}

void Panel::askAndExport(const QString& kind) {
  const QString suggestion = title().toLower() + QLatin1Char('.') + kind;
  const QString path = QFileDialog::getSaveFileName(
      this, tr("Export %1").arg(title()), suggestion,
      kind == QLatin1String("png") ? tr("Picture (*.png)") : tr("Table (*.csv)"));
  if (!path.isEmpty()) exportTo(path);
}

bool Panel::exportTo(const QString& path) {
  try {
    exportPanel(*this, path);
  } catch (const Error& error) {
    emit message(QString::fromUtf8(error.what()), true);
    return false;
  }
  emit message(tr("%1 written to %2 (not private)").arg(title(), path), false);
  return true;
}

}  // namespace clipscope
