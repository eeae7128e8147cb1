// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QString>
#include <array>

class QApplication;

namespace clipscope {

enum class ThemeChoice { System, Light, Dark };

/// The window's colours. A quantity has the same colour in every panel: `before` and `after`
/// clipping, `threshold` (which is also the noise), `good`. Categories such as layers take
/// `category()`, whose colours have no fixed meaning and avoid those.
struct Theme {
  bool dark = false;
  QColor background, panel, edge, ink, dim, grid, accent, accentInk;
  QColor before, after, threshold, good, field, selection;

  static Theme light();
  static Theme darkTheme();
  /// The theme in force; changes with applyTheme().
  static const Theme& current();
  /// Okabe–Ito without the colours that mean something here; wraps around.
  QColor category(int index) const;
  /// −1 … 1 around 0, which has the panel's own colour: for values with a sign. Clamped.
  QColor diverging(double value) const;
  /// 0 … 1 on viridis, the same in light and dark.
  static QColor viridis(double value);
};

/// Sets palette, style sheet and font of the application; every widget then gets a PaletteChange,
/// on which plots recolour themselves (QCustomPlot does not follow the palette by itself).
void applyTheme(QApplication& application, ThemeChoice choice);

}  // namespace clipscope
