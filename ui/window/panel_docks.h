// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHash>
#include <QObject>
#include <vector>

class QDockWidget;
class QMainWindow;
class QMenu;
class QTabBar;

namespace clipscope {

class Panel;

/// The panels as dock widgets: any of them can be moved, tabbed, floated and closed, and arrange()
/// puts them where a first start has them.
class PanelDocks : public QObject {
  Q_OBJECT

 public:
  /// Where arrange() puts a panel. Panels of one place are tabs, the first added in front.
  enum class Place { TopLeft, TopRight, BottomLeft, BottomRight, Wide, Side, Left, Closed };

  explicit PanelDocks(QMainWindow* window);

  /// Wraps a panel; its header becomes the dock's title bar.
  QDockWidget* add(Panel* panel, Place place);
  /// A dock of another kind, at the far left; Place::Left panels are tabs with it.
  void setLeft(QDockWidget* dock) { m_left = dock; }

  const std::vector<Panel*>& panels() const { return m_panels; }
  QDockWidget* dockOf(const Panel* panel) const;
  /// Opens the panel if it is closed, brings it before its tabs and gives it the focus.
  void show(Panel* panel);
  bool isShown(const Panel* panel) const;

  /// The layout of a first start in a window of `room`: with the Example panel and History as a
  /// column and a row of their own where there is room, else as tabs.
  void arrange(QSize room);
  /// Entries that open and close each panel.
  void fillMenu(QMenu& menu);

 private:
  struct Entry {
    QDockWidget* dock;
    Place place;
  };
  std::vector<QDockWidget*> docksAt(Place place) const;
  void addDockEntries(QMenu& menu, Panel* panel);
  void showTitlesWhereAlone();

  QMainWindow* m_window;
  QDockWidget* m_left = nullptr;
  std::vector<Panel*> m_panels;
  QHash<const Panel*, Entry> m_entries;
};

}  // namespace clipscope
