// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QWidget>
#include <functional>
#include <memory>
#include <vector>

#include "engine/training/step_record.h"

class QLabel;
class QMenu;
class QVBoxLayout;

namespace clipscope {

class PanelHeader;
class Selection;

/// A card of the centre: a title at the left, one line of the most important numbers at the right,
/// and a body. A panel takes a record and shows it; it knows the Selection, and neither the trainer
/// nor another panel. With nothing to show it says what would fill it.
class Panel : public QWidget {
  Q_OBJECT

 public:
  Panel(const QString& title, Selection* selection, QWidget* parent = nullptr);

  QString title() const;
  /// "clip_factors": the title as a file's name.
  QString fileName() const;
  /// The line at the right of the title; also the panel's accessible description.
  QString summary() const;
  /// Title and summary; a dock may take it as its title bar.
  PanelHeader* header() const { return m_header; }

  /// Shows a record, whatever phase it has reached. Cheap when hidden: the record is kept and drawn
  /// when the panel is shown.
  void setRecord(std::shared_ptr<const StepRecord> record);
  const std::shared_ptr<const StepRecord>& record() const { return m_record; }
  /// Shows a record of a step that was not taken, and says before the summary under what condition
  /// it holds; "" for one that was.
  void setRecord(std::shared_ptr<const StepRecord> record, const QString& condition);

  /// The data behind the picture: a header line, '.' as the decimal point, floats that round-trip.
  virtual QString csv() const = 0;
  /// Brings a hidden panel up to date and lays it out, so that it can be drawn into a file.
  void prepareForPicture();
  /// Where the picture of a panel that no screen shows can be drawn well.
  virtual QSize pictureSize() const { return {720, 460}; }
  /// Draws the panel at `scale` device pixels a logical pixel.
  QImage image(double scale);
  /// Writes a .png (at `scale`), .svg, .pdf or .csv and says so in a message; false where it could
  /// not.
  bool exportTo(const QString& path, double scale = 2);
  /// Adds its entries, and the copy and export entries that every panel has.
  void fillMenu(QMenu& menu);
  /// Entries below those, of the dock that holds the panel.
  void setDockEntries(std::function<void(QMenu&)> add) { m_dockEntries = std::move(add); }

 signals:
  /// A line for the message bar: an export's result, an error.
  void message(const QString& text, bool isError);

 protected:
  virtual void showRecord() = 0;  ///< draw record(); called only while visible
  /// Waits for work on another thread that the picture or the table needs.
  virtual void finishWork() {}
  virtual void showSelection() = 0;  ///< light what is selected; called only while visible
  /// Text in the middle of an empty body; "" removes it.
  void setEmptyText(const QString& text);
  void setSummary(const QString& text);
  /// Where a panel puts its widgets.
  QVBoxLayout* body() const { return m_body; }
  Selection* selection() const { return m_selection; }
  void showEvent(QShowEvent* event) override;
  void contextMenuEvent(QContextMenuEvent* event) override;
  /// Entries of its own, above the export entries that every panel has.
  virtual void addActions(QMenu&) {}

 private:
  void refresh();
  void openMenu(const QPoint& globalPosition);
  void askAndExport(const QString& kind, double scale = 1);

  std::shared_ptr<const StepRecord> m_record;
  Selection* m_selection;
  PanelHeader* m_header;
  QLabel* m_empty;
  QWidget* m_content;
  QVBoxLayout* m_body;
  std::function<void(QMenu&)> m_dockEntries;
  QString m_condition;
  bool m_recordPending = false;
  bool m_selectionPending = false;
};

}  // namespace clipscope
