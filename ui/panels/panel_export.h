// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QImage>
#include <QString>

#include "ui/attachments.h"

namespace clipscope {

class Panel;

/// A panel's picture, drawn by one path into pixels and into vectors: title and summary, then the
/// body, whose plots are drawn anew at the target's resolution. Buttons, fields and scroll bars are
/// left out: they do nothing on paper. Of a list to choose from stays what is chosen.

/// Its extent in logical pixels.
QSize panelSize(const Panel& panel);
/// `scale` device pixels a logical pixel.
QImage panelImage(Panel& panel, double scale);
QByteArray panelPng(Panel& panel, double scale);
QByteArray panelSvg(Panel& panel);
/// One page of the panel's size. It carries the date, so its bytes differ from run to run.
QByteArray panelPdf(Panel& panel);

/// The picture in all three, the PNG at twice its logical size, and the data as CSV: files of
/// plots/.
void appendPlots(Attachments& files, Panel& panel);

/// Writes the panel's picture (.png, .svg, .pdf) or data (.csv), whole or not at all. Throws
/// FileError.
void exportPanel(Panel& panel, const QString& path, double scale);

}  // namespace clipscope
