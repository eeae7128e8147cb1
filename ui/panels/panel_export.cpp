// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/panel_export.h"

#include <QAbstractButton>
#include <QAbstractScrollArea>
#include <QAbstractSlider>
#include <QBuffer>
#include <QComboBox>
#include <QLineEdit>
#include <QPdfWriter>

#include "engine/error.h"
#include "engine/formats/atomic_file.h"
#include "ui/panels/panel.h"
#include "ui/panels/panel_header.h"
#include "ui/plots/plot.h"
#include "ui/plots/svg_device.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

constexpr int margin = 12;

/// What does nothing on paper.
bool isControl(const QWidget* widget) {
  return qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QLineEdit*>(widget) ||
         qobject_cast<const QAbstractSlider*>(widget);
}

/// What is chosen in it belongs to the picture; its frame and arrow do not.
void paintChoice(const QComboBox& box, QCPPainter& painter) {
  painter.setFont(box.font());
  painter.setPen(Theme::current().ink);
  painter.drawText(QRect(QPoint(), box.size()), Qt::AlignLeft | Qt::AlignVCenter,
                   box.fontMetrics().elidedText(box.currentText(), Qt::ElideRight, box.width()));
}

/// Draws a widget and what it holds with its upper left corner at the painter's origin.
void paintWidget(QWidget* widget, QCPPainter& painter) {
  if (auto* plot = qobject_cast<Plot*>(widget)) {
    plot->toPainter(&painter, plot->width(), plot->height());
    return;
  }
  if (const auto* box = qobject_cast<QComboBox*>(widget)) {
    paintChoice(*box, painter);
    return;
  }
  const bool scrolls = qobject_cast<QAbstractScrollArea*>(widget);
  widget->render(&painter, QPoint(), QRegion(), {});
  for (QObject* object : widget->children()) {
    auto* child = qobject_cast<QWidget*>(object);
    if (!child || child->isWindow() || child->isHidden() || isControl(child)) continue;
    // The frames of an area's own scroll bars; a table's header has such frames inside itself.
    if (scrolls && child->objectName().startsWith(QLatin1String("qt_scrollarea_")) &&
        child->objectName().endsWith(QLatin1String("container")))
      continue;
    painter.save();
    painter.translate(child->pos());
    paintWidget(child, painter);
    painter.restore();
  }
}

void paintPanel(Panel& panel, QCPPainter& painter) {
  const QSize size = panelSize(panel);
  painter.fillRect(QRect(QPoint(), size), Theme::current().panel);
  PanelHeader* header = panel.header();
  if (header->parentWidget() == &panel) {
    paintWidget(&panel, painter);
    return;
  }
  // The dock has the header: it is drawn anew above the body.
  QFont bold = panel.font();
  bold.setPixelSize(14);
  bold.setBold(true);
  const QRect line(margin, 8, size.width() - 2 * margin, 18);
  painter.setFont(bold);
  painter.setPen(Theme::current().ink);
  painter.drawText(line, Qt::AlignLeft | Qt::AlignVCenter, panel.title());
  const int taken = QFontMetrics(bold).horizontalAdvance(panel.title()) + 12;
  painter.setFont(panel.font());
  painter.setPen(Theme::current().dim);
  painter.drawText(
      line, Qt::AlignRight | Qt::AlignVCenter,
      QFontMetrics(panel.font()).elidedText(panel.summary(), Qt::ElideRight, line.width() - taken));
  painter.translate(0, size.height() - panel.height());
  paintWidget(&panel, painter);
}

}  // namespace

QSize panelSize(const Panel& panel) {
  const bool hasHeader = panel.header()->parentWidget() == &panel;
  return panel.size() + QSize(0, hasHeader ? 0 : 28);
}

QImage panelImage(Panel& panel, double scale) {
  panel.prepareForPicture();
  QImage image((QSizeF(panelSize(panel)) * scale).toSize(), QImage::Format_ARGB32_Premultiplied);
  image.setDevicePixelRatio(scale);
  image.fill(Theme::current().panel);
  QCPPainter painter(&image);
  paintPanel(panel, painter);
  return image;
}

QByteArray panelPng(Panel& panel, double scale) {
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  panelImage(panel, scale).save(&buffer, "PNG");
  return bytes;
}

QByteArray panelSvg(Panel& panel) {
  panel.prepareForPicture();
  SvgDevice device(panelSize(panel), panel.title(),
                   Panel::tr("%1 (not private)").arg(panel.summary()));
  QCPPainter painter;
  painter.begin(&device);
  painter.setMode(QCPPainter::pmVectorized);
  paintPanel(panel, painter);
  painter.end();
  return device.document();
}

QByteArray panelPdf(Panel& panel) {
  panel.prepareForPicture();
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  QPdfWriter writer(&buffer);
  const QSize size = panelSize(panel);
  // A logical pixel is 1/96 inch, as in the SVG.
  writer.setResolution(96);
  writer.setPageSize(
      QPageSize(QSizeF(size) * 72.0 / 96.0, QPageSize::Point, QString(), QPageSize::ExactMatch));
  writer.setPageMargins(QMarginsF());
  writer.setTitle(panel.title());
  QCPPainter painter;
  painter.begin(&writer);
  painter.setMode(QCPPainter::pmVectorized);
  paintPanel(panel, painter);
  painter.end();
  return bytes;
}

void appendPlots(Attachments& files, Panel& panel) {
  const std::string name = "plots/" + panel.fileName().toStdString();
  files.emplace_back(name + ".png", panelPng(panel, 2).toStdString());
  files.emplace_back(name + ".svg", panelSvg(panel).toStdString());
  files.emplace_back(name + ".pdf", panelPdf(panel).toStdString());
  files.emplace_back(name + ".csv", panel.csv().toStdString());
}

void exportPanel(Panel& panel, const QString& path, double scale) {
  QByteArray bytes;
  const auto isKind = [&](const char* ending) {
    return path.endsWith(QLatin1String(ending), Qt::CaseInsensitive);
  };
  if (isKind(".csv"))
    bytes = panel.csv().toUtf8();
  else if (isKind(".png"))
    bytes = panelPng(panel, scale);
  else if (isKind(".svg"))
    bytes = panelSvg(panel);
  else if (isKind(".pdf"))
    bytes = panelPdf(panel);
  else
    throw FileError(path.toStdString() + ": name a file that ends in .png, .svg, .pdf or .csv");
  writeFileAtomically(path.toStdString(),
                      std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size())));
}

}  // namespace clipscope
