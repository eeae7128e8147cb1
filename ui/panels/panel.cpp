// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/panel.h"

#include <QClipboard>
#include <QContextMenuEvent>
#include <QFileDialog>
#include <QGuiApplication>
#include <QLabel>
#include <QMenu>
#include <QVBoxLayout>

#include "engine/error.h"
#include "ui/panels/panel_export.h"
#include "ui/panels/panel_header.h"
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
  m_header = new PanelHeader(title, this);
  connect(m_header, &PanelHeader::menuRequested, this, &Panel::openMenu);
  outer->addWidget(m_header);
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

QString Panel::title() const { return m_header->title(); }
QString Panel::fileName() const {
  return title().toLower().replace(QLatin1Char(' '), QLatin1Char('_'));
}
QString Panel::summary() const { return m_header->summary(); }

void Panel::setRecord(std::shared_ptr<const StepRecord> record) {
  setRecord(std::move(record), QString());
}

void Panel::setRecord(std::shared_ptr<const StepRecord> record, const QString& condition) {
  m_condition = condition;
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
  const QString whole = m_condition.isEmpty() ? text : m_condition + QStringLiteral(" · ") + text;
  if (summary() == whole) return;
  m_header->setSummary(whole);
  setAccessibleDescription(whole);
}

void Panel::prepareForPicture() {
  if (isVisible()) return finishWork();
  if (width() < 200 || height() < 150) resize(pictureSize());
  refresh();
  finishWork();
  // Rendering a hidden widget polishes it, activates its layouts and sends the pending resizes.
  QImage nowhere(1, 1, QImage::Format_ARGB32_Premultiplied);
  render(&nowhere, QPoint(), QRegion(0, 0, 1, 1));
}

QImage Panel::image(double scale) { return panelImage(*this, scale); }

void Panel::contextMenuEvent(QContextMenuEvent* event) { openMenu(event->globalPos()); }

void Panel::openMenu(const QPoint& globalPosition) {
  QMenu menu(this);
  fillMenu(menu);
  menu.exec(globalPosition);
}

void Panel::fillMenu(QMenu& menu) {
  addActions(menu);
  if (!menu.isEmpty()) menu.addSeparator();
  menu.addAction(tr("Copy image"), this,
                 [this] { QGuiApplication::clipboard()->setImage(image(devicePixelRatioF())); });
  menu.addAction(tr("Copy data"), this, [this] { QGuiApplication::clipboard()->setText(csv()); });
  menu.addSeparator();
  QMenu* png = menu.addMenu(tr("Export PNG"));
  for (const int scale : {1, 2, 4})
    png->addAction(tr("%1× (%2 × %3 pixels)…")
                       .arg(scale)
                       .arg(panelSize(*this).width() * scale)
                       .arg(panelSize(*this).height() * scale),
                   this, [this, scale] { askAndExport(QStringLiteral("png"), scale); });
  menu.addAction(tr("Export SVG…"), this, [this] { askAndExport(QStringLiteral("svg")); });
  menu.addAction(tr("Export PDF…"), this, [this] { askAndExport(QStringLiteral("pdf")); });
  menu.addAction(tr("Export CSV…"), this, [this] { askAndExport(QStringLiteral("csv")); });
  if (!m_dockEntries) return;
  menu.addSeparator();
  m_dockEntries(menu);
}

void Panel::askAndExport(const QString& kind, double scale) {
  const QString filter = kind == QLatin1String("csv")   ? tr("Table (*.csv)")
                         : kind == QLatin1String("png") ? tr("Picture (*.png)")
                         : kind == QLatin1String("svg") ? tr("Drawing (*.svg)")
                                                        : tr("Document (*.pdf)");
  const QString path = QFileDialog::getSaveFileName(this, tr("Export %1").arg(title()),
                                                    fileName() + QLatin1Char('.') + kind, filter);
  if (!path.isEmpty()) exportTo(path, scale);
}

bool Panel::exportTo(const QString& path, double scale) {
  try {
    exportPanel(*this, path, scale);
  } catch (const Error& error) {
    emit message(QString::fromUtf8(error.what()), true);
    return false;
  }
  emit message(tr("%1 written to %2 (not private)").arg(title(), path), false);
  return true;
}

}  // namespace clipscope
