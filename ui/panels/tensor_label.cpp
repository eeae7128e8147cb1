// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/tensor_label.h"

namespace clipscope {

QString tensorLabel(QString name, const QFontMetrics& metrics, int width) {
  if (metrics.horizontalAdvance(name) > width) {
    name.replace(QStringLiteral(".weight"), QStringLiteral(".W"));
    name.replace(QStringLiteral(".bias"), QStringLiteral(".b"));
  }
  return metrics.elidedText(name, Qt::ElideMiddle, width);
}

}  // namespace clipscope
