// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/panel_docks.h"

#include <QDockWidget>
#include <QLayout>
#include <QMainWindow>
#include <QMenu>
#include <QTabBar>
#include <QTimer>

#include "ui/panels/panel.h"
#include "ui/panels/panel_header.h"

namespace clipscope {

namespace {
constexpr int leftWidth = 306, sideWidth = 306;
}  // namespace

PanelDocks::PanelDocks(QMainWindow* window) : QObject(window), m_window(window) {
  // Animated docks would draw every panel at sizes that nobody looks at.
  window->setDockOptions(QMainWindow::AllowNestedDocks | QMainWindow::AllowTabbedDocks |
                         QMainWindow::GroupedDragging);
  window->setTabPosition(Qt::AllDockWidgetAreas, QTabWidget::North);
}

QDockWidget* PanelDocks::add(Panel* panel, Place place) {
  auto* dock = new QDockWidget(panel->title(), m_window);
  dock->setObjectName(panel->fileName() + QStringLiteral("Dock"));
  panel->setProperty("docked", true);
  panel->header()->setDocked(true);
  panel->layout()->setContentsMargins(12, 2, 12, 10);
  dock->setTitleBarWidget(panel->header());
  dock->setWidget(panel);
  // What stands in columns of figures must not be cut at a side.
  if (place == Place::Side) panel->setMinimumWidth(sideWidth);
  panel->setDockEntries([this, panel](QMenu& menu) { addDockEntries(menu, panel); });
  m_panels.push_back(panel);
  m_entries.insert(panel, {dock, place});
  // Which docks are tabs is known only after the window has laid them out.
  const auto later = [this] { QTimer::singleShot(0, this, &PanelDocks::showTitlesWhereAlone); };
  connect(dock, &QDockWidget::dockLocationChanged, this, later);
  connect(dock, &QDockWidget::topLevelChanged, this, later);
  connect(dock, &QDockWidget::visibilityChanged, this, later);
  return dock;
}

QDockWidget* PanelDocks::dockOf(const Panel* panel) const {
  return m_entries.value(panel, {nullptr, Place::Closed}).dock;
}

void PanelDocks::show(Panel* panel) {
  QDockWidget* dock = dockOf(panel);
  dock->show();
  dock->raise();
  panel->setFocus();
}

bool PanelDocks::isShown(const Panel* panel) const {
  // A dock behind other tabs is neither hidden nor to be seen.
  return !panel->visibleRegion().isEmpty();
}

std::vector<QDockWidget*> PanelDocks::docksAt(Place place) const {
  std::vector<QDockWidget*> docks;
  for (const Panel* panel : m_panels)
    if (m_entries[panel].place == place) docks.push_back(m_entries[panel].dock);
  return docks;
}

void PanelDocks::arrange(QSize room) {
  const bool wide = room.width() >= 1400, tall = room.height() >= 850;
  for (const Panel* panel : m_panels) {
    QDockWidget* dock = m_entries[panel].dock;
    dock->setFloating(false);
    m_window->removeDockWidget(dock);
    dock->setVisible(m_entries[panel].place != Place::Closed);
  }
  if (m_left) {
    m_left->setFloating(false);
    m_window->addDockWidget(Qt::LeftDockWidgetArea, m_left);
    m_left->show();
  }
  std::vector<QDockWidget*> topLeft = docksAt(Place::TopLeft), topRight = docksAt(Place::TopRight),
                            bottomLeft = docksAt(Place::BottomLeft),
                            bottomRight = docksAt(Place::BottomRight), row = docksAt(Place::Wide),
                            side = docksAt(Place::Side), left = docksAt(Place::Left);
  if (!wide) std::exchange(side, {}).swap(left);
  if (!tall && !bottomRight.empty()) {
    bottomRight.insert(bottomRight.end(), row.begin(), row.end());
    row.clear();
  }
  const auto tabs = [&](const std::vector<QDockWidget*>& docks) {
    for (std::size_t k = 1; k < docks.size(); ++k)
      m_window->tabifyDockWidget(docks[k - 1], docks[k]);
  };
  // Closed panels have a place in the layout too, so that opening one does not tear it.
  for (QDockWidget* closed : docksAt(Place::Closed)) topLeft.push_back(closed);
  if (topLeft.empty()) return;
  m_window->addDockWidget(Qt::RightDockWidgetArea, topLeft.front());
  // The first of each place, from the outside in; then the tabs.
  if (!side.empty()) m_window->splitDockWidget(topLeft.front(), side.front(), Qt::Horizontal);
  if (!row.empty()) m_window->splitDockWidget(topLeft.front(), row.front(), Qt::Vertical);
  QDockWidget* below = !bottomLeft.empty()    ? bottomLeft.front()
                       : !bottomRight.empty() ? bottomRight.front()
                                              : nullptr;
  if (below) m_window->splitDockWidget(topLeft.front(), below, Qt::Vertical);
  if (!topRight.empty())
    m_window->splitDockWidget(topLeft.front(), topRight.front(), Qt::Horizontal);
  if (!bottomLeft.empty() && !bottomRight.empty())
    m_window->splitDockWidget(bottomLeft.front(), bottomRight.front(), Qt::Horizontal);
  if (m_left) left.insert(left.begin(), m_left);
  for (const auto* place : {&topLeft, &topRight, &bottomLeft, &bottomRight, &row, &side, &left}) {
    tabs(*place);
    if (!place->empty()) place->front()->raise();
  }
  const int sides = (m_left ? leftWidth : 0) + (side.empty() ? 0 : sideWidth);
  const int half = std::max(200, (room.width() - sides) / 2);
  if (m_left) m_window->resizeDocks({m_left}, {leftWidth}, Qt::Horizontal);
  if (!side.empty()) m_window->resizeDocks({side.front()}, {sideWidth}, Qt::Horizontal);
  if (!topRight.empty())
    m_window->resizeDocks({topLeft.front(), topRight.front()}, {half, half}, Qt::Horizontal);
  if (!bottomLeft.empty() && !bottomRight.empty())
    m_window->resizeDocks({bottomLeft.front(), bottomRight.front()}, {half, half}, Qt::Horizontal);
  if (below) {
    const int height = room.height() / (row.empty() ? 2 : 3);
    QList<QDockWidget*> rows{topLeft.front(), below};
    QList<int> heights{height, height};
    if (!row.empty()) rows << row.front(), heights << height * 9 / 10;
    m_window->resizeDocks(rows, heights, Qt::Vertical);
  }
  showTitlesWhereAlone();
}

void PanelDocks::showTitlesWhereAlone() {
  for (const Panel* panel : m_panels) {
    const QDockWidget* dock = m_entries[panel].dock;
    bool alone = true;
    for (const QDockWidget* other : m_window->tabifiedDockWidgets(const_cast<QDockWidget*>(dock)))
      alone = alone && other->isHidden();
    panel->header()->setTitleShown(alone || dock->isFloating());
  }
  if (auto* header = m_left ? qobject_cast<PanelHeader*>(m_left->titleBarWidget()) : nullptr) {
    bool alone = true;
    for (const QDockWidget* other : m_window->tabifiedDockWidgets(m_left))
      alone = alone && other->isHidden();
    header->setTitleShown(alone || m_left->isFloating());
  }
  for (QTabBar* bar : m_window->findChildren<QTabBar*>(QString(), Qt::FindDirectChildrenOnly)) {
    bar->setDrawBase(false);
    bar->setExpanding(false);
    bar->setDocumentMode(true);
    bar->setElideMode(Qt::ElideRight);
    if (bar->accessibleName().isEmpty()) bar->setAccessibleName(tr("Panels"));
  }
}

void PanelDocks::addDockEntries(QMenu& menu, Panel* panel) {
  QDockWidget* dock = dockOf(panel);
  menu.addAction(dock->isFloating() ? tr("Back into the window") : tr("Float"), dock,
                 [dock] { dock->setFloating(!dock->isFloating()); });
  menu.addAction(tr("Close panel"), dock, &QDockWidget::close);
}

void PanelDocks::fillMenu(QMenu& menu) {
  for (Panel* panel : m_panels) menu.addAction(dockOf(panel)->toggleViewAction());
}

}  // namespace clipscope
