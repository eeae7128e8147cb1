// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/plots/number_format.h"

#include <cmath>

namespace clipscope {

namespace {

QString special(double value) {
  if (std::isnan(value)) return QStringLiteral("–");
  return value > 0 ? QStringLiteral("∞") : QStringLiteral("−∞");
}

}  // namespace

QString shortNumber(double value, int digits) {
  if (!std::isfinite(value)) return special(value);
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-3 || size >= 1e6)) return QString::number(value, 'g', digits);
  // Zeros behind the point are no digits of the number: 0.0123, not 0.012.
  const int power = size == 0 ? 0 : static_cast<int>(std::floor(std::log10(size)));
  const int whole = size != 0 && size < 0.1 ? power + 2 : std::max(1, power + 1);
  return QString::number(value, 'f', std::max(0, digits - whole));
}

QString percent(double share) {
  if (!std::isfinite(share)) return special(share);
  return QString::number(100 * share, 'f', 1) + QStringLiteral(" %");
}

QString grouped(qint64 value) {
  QString text = QString::number(std::llabs(value));
  for (qsizetype at = text.size() - 3; at > 0; at -= 3) text.insert(at, QLatin1Char(','));
  return value < 0 ? QStringLiteral("−") + text : text;
}

}  // namespace clipscope
