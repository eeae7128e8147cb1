// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme.h"

#include <QApplication>
#include <QFontDatabase>
#include <QGuiApplication>
#include <QPalette>
#include <QStyleFactory>
#include <QStyleHints>
#include <algorithm>
#include <cmath>

/// A static library's resources are linked in by name; the macro must stand outside any namespace.
static void linkResources() { Q_INIT_RESOURCE(clipscope); }

namespace clipscope {

namespace {

Theme& active() {
  static Theme theme = Theme::light();
  return theme;
}

QPalette paletteOf(const Theme& t) {
  QPalette p;
  p.setColor(QPalette::Window, t.background);
  p.setColor(QPalette::WindowText, t.ink);
  p.setColor(QPalette::Base, t.panel);
  p.setColor(QPalette::AlternateBase, t.field);
  p.setColor(QPalette::Text, t.ink);
  p.setColor(QPalette::PlaceholderText, t.dim);
  p.setColor(QPalette::Button, t.field);
  p.setColor(QPalette::ButtonText, t.ink);
  p.setColor(QPalette::Highlight, t.accent);
  p.setColor(QPalette::HighlightedText, t.accentInk);
  p.setColor(QPalette::ToolTipBase, t.panel);
  p.setColor(QPalette::ToolTipText, t.ink);
  p.setColor(QPalette::Link, t.accent);
  for (const auto role : {QPalette::Text, QPalette::WindowText, QPalette::ButtonText})
    p.setColor(QPalette::Disabled, role, t.dim);
  return p;
}

QString styleSheetOf(const Theme& t) {
  QString sheet = QStringLiteral(R"(
QMainWindow, QDialog { background: @background; }
QMenuBar { background: @background; border-bottom: 1px solid @edge; padding: 2px 4px; }
QMenuBar::item { padding: 4px 10px; background: transparent; border-radius: 4px; }
QMenuBar::item:selected { background: @edge; }
QMenu { background: @panel; border: 1px solid @edge; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 22px; border-radius: 4px; }
QMenu::item:selected { background: @accent; color: @accentInk; }
QMenu::item:disabled { color: @dim; }
QMenu::separator { height: 1px; background: @edge; margin: 4px 6px; }
QStatusBar { background: @background; border-top: 1px solid @edge; color: @dim; }
QStatusBar::item { border: none; }
QStatusBar QLabel { color: @dim; }
QToolTip { background: @panel; color: @ink; border: 1px solid @edge; padding: 4px; }
QSplitter::handle { background: transparent; }
QScrollArea, QScrollArea > QWidget > QWidget { background: @panel; border: none; }
QMainWindow::separator { background: @background; width: 8px; height: 8px; }
QMainWindow::separator:hover { background: @edge; }
QMainWindow > QTabBar { background: @background; }
QMainWindow > QTabBar::tab { background: transparent; color: @dim; padding: 4px 12px;
  border: none; border-bottom: 2px solid transparent; }
QMainWindow > QTabBar::tab:selected { color: @ink; font-weight: bold;
  border-bottom: 2px solid @accent; }
QMainWindow > QTabBar::tab:hover { color: @ink; }
#card { background: @panel; border: 1px solid @edge; border-radius: 6px; }
#card[docked="true"] { border-top: none; border-top-left-radius: 0; border-top-right-radius: 0; }
#cardHeader { background: @panel; }
#cardHeader[docked="true"] { border: 1px solid @edge; border-bottom: none;
  border-top-left-radius: 6px; border-top-right-radius: 6px; }
#cardMenu { font-size: 14px; padding: 0 4px; }
#cardTitle { font-weight: bold; font-size: 14px; color: @ink; }
#cardSummary, #hint, #section { color: @dim; }
#section { font-weight: bold; font-size: 11px; }
#empty { color: @dim; font-size: 13px; }
#stepTitle { font-weight: bold; font-size: 14px; }
#stepTitle[past="true"] { color: @accent; }
#railSmall { color: @dim; font-size: 10px; }
#startPage { background: @panel; border: 1px solid @edge; border-radius: 10px; }
#startTitle { font-weight: bold; font-size: 18px; }
#startHeading { color: @dim; font-weight: bold; font-size: 11px; padding: 8px 0 2px 2px; }
#startEntry { text-align: left; border: 1px solid transparent; background: transparent; }
#startEntry:hover, #startEntry:focus { background: @field; border-color: @edge; }
#startEntryTitle { font-weight: bold; background: transparent; }
#startEntryDetail { color: @dim; font-size: 11px; background: transparent; }
#saved { color: @dim; }
#saved[failed="true"] { color: @threshold; font-weight: bold; }
#popup { background: @panel; border: 1px solid @edge; border-radius: 6px; }
QPushButton[transport="true"] { padding: 4px 8px; }
QSlider::groove:horizontal { height: 3px; background: @edge; border-radius: 1px; }
QSlider::sub-page:horizontal { background: @accent; border-radius: 1px; }
QSlider::sub-page:horizontal:disabled { background: @edge; }
QSlider::handle:horizontal { background: @panel; border: 1px solid @accent; width: 9px;
  margin: -4px 0; border-radius: 5px; }
QSlider::handle:horizontal:focus, QSlider::handle:horizontal:hover { background: @accent; }
QSlider::handle:horizontal:disabled { background: @panel; border-color: @edge; }
#notPrivate { color: @threshold; border: 1px solid @threshold; border-radius: 9px;
  padding: 1px 10px; margin-right: 8px; font-weight: bold; }
QLineEdit, QComboBox, QAbstractSpinBox { background: @field; border: 1px solid @edge;
  border-radius: 4px; padding: 3px 6px; min-height: 18px; selection-background-color: @accent;
  selection-color: @accentInk; }
QLineEdit:focus, QComboBox:focus { border-color: @accent; }
QLineEdit[invalid="true"] { border: 1px solid @threshold; }
QLineEdit:disabled, QComboBox:disabled { color: @dim; }
QComboBox::drop-down { border: none; width: 18px; }
QComboBox::down-arrow { image: url(:/icons/arrow-@shade.svg); width: 9px; height: 9px; }
QHeaderView::up-arrow { image: url(:/icons/arrow-up-@shade.svg); width: 8px; height: 8px;
  subcontrol-position: center left; subcontrol-origin: padding; left: 2px; }
QHeaderView::down-arrow { image: url(:/icons/arrow-@shade.svg); width: 8px; height: 8px;
  subcontrol-position: center left; subcontrol-origin: padding; left: 2px; }
QComboBox QAbstractItemView { background: @panel; border: 1px solid @edge; outline: none;
  selection-background-color: @accent; selection-color: @accentInk; }
QPushButton { background: @field; border: 1px solid @edge; border-radius: 5px;
  padding: 5px 14px; }
QPushButton:hover { border-color: @accent; }
QPushButton:focus { border-color: @accent; }
QPushButton:disabled { color: @dim; border-color: @edge; }
QPushButton[primary="true"] { background: @accent; color: @accentInk; border-color: @accent;
  font-weight: bold; }
QPushButton[primary="true"]:disabled { background: @edge; color: @dim; border-color: @edge; }
QPushButton[segment="true"] { border-radius: 0; padding: 3px 4px; margin: 0; }
QPushButton[segment="true"]:checked { background: @accent; color: @accentInk;
  border-color: @accent; font-weight: bold; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 4px;
  padding: 2px 6px; color: @dim; }
QToolButton:hover { border-color: @edge; color: @ink; }
QToolButton:checked { background: @field; border-color: @edge; color: @ink; font-weight: bold; }
QToolButton:focus { border-color: @accent; }
QCheckBox { spacing: 6px; }
QCheckBox::indicator, QTreeView::indicator, QListView::indicator { width: 13px; height: 13px;
  background: @field; border: 1px solid @dim; border-radius: 3px; }
QCheckBox::indicator:hover, QCheckBox::indicator:focus { border-color: @accent; }
QCheckBox::indicator:checked, QTreeView::indicator:checked, QListView::indicator:checked {
  background: @accent; border-color: @accent; image: url(:/icons/check-@shade.svg); }
QCheckBox::indicator:disabled { border-color: @edge; }
QCheckBox::indicator:checked:disabled { background: @dim; border-color: @dim; }
QDockWidget { color: @ink; }
QTableView, QTreeView, QListView { background: @panel; border: none; gridline-color: @grid;
  selection-background-color: @selection; selection-color: @ink; outline: none; }
QHeaderView { background: @panel; border: none; }
QHeaderView::section { background: @panel; color: @dim; border: none;
  border-bottom: 1px solid @edge; padding: 4px 3px 4px 8px; font-weight: bold; }
QTableCornerButton::section { background: @panel; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @edge; border-radius: 4px; min-height: 24px; min-width: 24px;
  margin: 1px; }
QScrollBar::handle:disabled { background: transparent; }
QScrollBar::handle:hover { background: @dim; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
#messageBar { background: @panel; border: 1px solid @accent; border-radius: 6px; }
#messageBar[error="true"] { border: 1px solid @threshold; }
QProgressBar { border: 1px solid @edge; border-radius: 4px; background: @field; height: 8px;
  text-align: center; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }
)");
  const std::pair<const char*, QColor> colours[] = {{"@background", t.background},
                                                    {"@panel", t.panel},
                                                    {"@edge", t.edge},
                                                    {"@ink", t.ink},
                                                    {"@dim", t.dim},
                                                    {"@grid", t.grid},
                                                    {"@accentInk", t.accentInk},
                                                    {"@accent", t.accent},
                                                    {"@threshold", t.threshold},
                                                    {"@good", t.good},
                                                    {"@field", t.field},
                                                    {"@selection", t.selection}};
  sheet.replace(QLatin1String("@shade"), t.dark ? QLatin1String("dark") : QLatin1String("light"));
  for (const auto& [name, colour] : colours) sheet.replace(QLatin1String(name), colour.name());
  return sheet;
}

bool systemIsDark() {
  const QPalette palette = QGuiApplication::palette();
  return palette.color(QPalette::Window).lightness() < 128;
}

}  // namespace

Theme Theme::light() {
  Theme t;
  t.background = QColor("#f4f5f7");
  t.panel = QColor("#ffffff");
  t.edge = QColor("#d9dde3");
  t.ink = QColor("#1d2430");
  t.dim = QColor("#667085");
  t.grid = QColor("#e8ebef");
  t.accent = QColor("#0072B2");
  t.accentInk = QColor("#ffffff");
  t.after = QColor("#0072B2");
  t.before = QColor("#8a94a6");
  t.threshold = QColor("#D55E00");
  t.good = QColor("#009E73");
  t.field = QColor("#f8f9fb");
  t.selection = QColor("#d6e8f4");
  return t;
}

Theme Theme::darkTheme() {
  Theme t;
  t.dark = true;
  t.background = QColor("#16191f");
  t.panel = QColor("#1e222a");
  t.edge = QColor("#323844");
  t.ink = QColor("#e6e9ef");
  t.dim = QColor("#98a2b3");
  t.grid = QColor("#2b303a");
  t.accent = QColor("#56B4E9");
  t.accentInk = QColor("#0d1117");
  t.after = QColor("#56B4E9");
  t.before = QColor("#8a94a6");
  t.threshold = QColor("#E69F00");
  t.good = QColor("#2fc79a");
  t.field = QColor("#171a20");
  t.selection = QColor("#25415a");
  return t;
}

const Theme& Theme::current() { return active(); }

QColor Theme::category(int index) const {
  // Okabe–Ito without its blue, vermillion and green, which mean something here.
  static const QColor light[] = {QColor("#CC79A7"), QColor("#B59A00"), QColor("#4B9BC4"),
                                 QColor("#7A6FB0"), QColor("#A0785A")};
  static const QColor dark[] = {QColor("#CC79A7"), QColor("#F0E442"), QColor("#7FB2D6"),
                                QColor("#A79CE0"), QColor("#C79F7F")};
  return (this->dark ? dark : light)[index % 5];
}

QColor Theme::diverging(double value) const {
  const QColor end = value < 0 ? (dark ? QColor("#56B4E9") : QColor("#0072B2"))
                               : (dark ? QColor("#E69F00") : QColor("#D55E00"));
  const double weight = std::min(1.0, std::abs(value));
  const auto mix = [weight](int from, int to) {
    return static_cast<int>(std::lround(from + (to - from) * weight));
  };
  return QColor(mix(panel.red(), end.red()), mix(panel.green(), end.green()),
                mix(panel.blue(), end.blue()));
}

QColor Theme::viridis(double value) {
  // Nine anchors of matplotlib's map, linear between.
  static const int anchors[9][3] = {{68, 1, 84},    {72, 40, 120},  {62, 74, 137},
                                    {49, 104, 142}, {38, 130, 142}, {31, 158, 137},
                                    {53, 183, 121}, {110, 206, 88}, {253, 231, 37}};
  const double position = std::clamp(std::isfinite(value) ? value : 0.0, 0.0, 1.0) * 8;
  const int below = std::min(7, static_cast<int>(position));
  const double weight = position - below;
  const auto mix = [&](int channel) {
    return static_cast<int>(
        std::lround(anchors[below][channel] * (1 - weight) + anchors[below + 1][channel] * weight));
  };
  return QColor(mix(0), mix(1), mix(2));
}

void applyTheme(QApplication& application, ThemeChoice choice) {
  linkResources();
  static const bool systemDark = systemIsDark();
  const bool dark = choice == ThemeChoice::Dark || (choice == ThemeChoice::System && systemDark);
  active() = dark ? Theme::darkTheme() : Theme::light();
  application.setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
  QFont font = application.font();
  if (QFontDatabase::families().contains(QStringLiteral("DejaVu Sans")))
    font.setFamily(QStringLiteral("DejaVu Sans"));
  font.setPixelSize(12);
  application.setFont(font);
  application.setPalette(paletteOf(active()));
  application.setStyleSheet(styleSheetOf(active()));
}

}  // namespace clipscope
