// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/digit_strokes.h"

#include <array>
#include <cmath>
#include <numbers>

namespace clipscope {

namespace {

/// Part of an ellipse, angles in degrees, 0 to the right and 90 downwards.
Stroke arc(double cx, double cy, double rx, double ry, double from, double to) {
  constexpr int pieces = 14;
  Stroke stroke;
  for (int k = 0; k <= pieces; ++k) {
    const double angle = (from + (to - from) * k / pieces) * std::numbers::pi / 180;
    stroke.push_back({cx + rx * std::cos(angle), cy + ry * std::sin(angle)});
  }
  return stroke;
}

Stroke joined(Stroke first, const Stroke& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

using Style = std::vector<Stroke>;
using Styles = std::vector<Style>;

std::array<Styles, 10> makeStyles() {
  std::array<Styles, 10> digits;
  digits[0] = {{arc(.5, .5, .24, .36, -80, 280)}, {arc(.5, .5, .19, .37, -100, 262)}};
  digits[1] = {{Stroke{{.5, .13}, {.5, .87}}},
               {Stroke{{.36, .3}, {.52, .14}, {.52, .87}}},
               {Stroke{{.38, .28}, {.51, .14}, {.51, .86}}, Stroke{{.34, .86}, {.68, .86}}}};
  digits[2] = {{joined(arc(.5, .33, .22, .19, 190, 395), Stroke{{.28, .84}, {.75, .84}})},
               {joined(joined(arc(.49, .33, .22, .19, 200, 410), Stroke{{.36, .74}}),
                       joined(arc(.36, .79, .09, .06, 270, 90), Stroke{{.44, .79}, {.75, .86}}))}};
  digits[3] = {
      {joined(arc(.47, .32, .22, .18, 205, 450), arc(.47, .67, .25, .19, 270, 515))},
      {joined(Stroke{{.29, .15}, {.7, .15}, {.47, .44}}, arc(.46, .65, .25, .21, 272, 505))}};
  digits[4] = {{Stroke{{.57, .13}, {.25, .6}, {.77, .6}}, Stroke{{.62, .38}, {.62, .88}}},
               {Stroke{{.31, .16}, {.29, .52}, {.72, .52}}, Stroke{{.69, .14}, {.67, .88}}}};
  digits[5] = {
      {joined(Stroke{{.72, .15}, {.35, .15}, {.32, .46}}, arc(.47, .64, .25, .22, 228, 510))},
      {joined(Stroke{{.36, .17}, {.34, .45}}, arc(.47, .65, .24, .21, 235, 500)),
       Stroke{{.36, .17}, {.74, .14}}}};
  digits[6] = {{joined(arc(.7, .62, .42, .49, 262, 180), arc(.5, .66, .22, .2, 180, 530))},
               {joined(Stroke{{.6, .13}, {.38, .45}}, arc(.5, .66, .21, .2, 200, 560))}};
  digits[7] = {{Stroke{{.26, .17}, {.74, .16}, {.45, .87}}},
               {Stroke{{.26, .17}, {.74, .16}, {.47, .87}}, Stroke{{.4, .52}, {.7, .5}}}};
  digits[8] = {{arc(.5, .32, .18, .17, -90, 270), arc(.5, .67, .23, .19, -90, 270)},
               {joined(arc(.51, .31, .19, .17, -60, -270), arc(.49, .67, .22, .2, -90, 240)),
                Stroke{{.4, .55}, {.62, .22}}}};
  digits[9] = {{joined(arc(.49, .35, .21, .2, 0, 360), arc(.3, .35, .4, .52, 0, 68))},
               {arc(.49, .34, .2, .19, 0, 360), Stroke{{.69, .33}, {.66, .87}}}};
  return digits;
}

}  // namespace

const std::vector<std::vector<Stroke>>& digitStyles(int digit) {
  static const std::array<Styles, 10> styles = makeStyles();
  return styles[static_cast<std::size_t>(digit)];
}

}  // namespace clipscope
