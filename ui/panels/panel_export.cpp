// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/panel_export.h"

#include <QBuffer>
#include <QImage>

#include "engine/error.h"
#include "engine/formats/atomic_file.h"
#include "ui/panels/panel.h"

namespace clipscope {

QByteArray panelPng(const Panel& panel) {
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  panel.image(2.0).save(&buffer, "PNG");
  return bytes;
}

void exportPanel(const Panel& panel, const QString& path) {
  const std::filesystem::path target = path.toStdString();
  if (path.endsWith(QLatin1String(".csv"), Qt::CaseInsensitive)) {
    writeFileAtomically(target, panel.csv().toStdString());
    return;
  }
  if (!path.endsWith(QLatin1String(".png"), Qt::CaseInsensitive))
    throw FileError(target.string() + ": name a file that ends in .png or .csv");
  const QByteArray bytes = panelPng(panel);
  writeFileAtomically(target,
                      std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size())));
}

}  // namespace clipscope
