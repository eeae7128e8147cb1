// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <functional>

class QLabel;
class QToolButton;

namespace clipscope {

/// The top of a card: its title, one line of the most important numbers, and a button that opens
/// the card's menu, which the keyboard can reach as well. A dock takes it as its title bar:
/// dragging it moves the dock.
class PanelHeader : public QWidget {
  Q_OBJECT

 public:
  explicit PanelHeader(const QString& title, QWidget* parent = nullptr);

  QString title() const;
  QString summary() const;
  void setSummary(const QString& text);
  /// What the numbers of the summary are, asked for when the mouse rests on it: rich text.
  void setWords(std::function<QString()> words) { m_words = std::move(words); }
  /// The whole summary, and the words.
  QString tip() const;
  /// Among tabs, which say the title, it need not be said again.
  void setTitleShown(bool shown);
  /// A dock's title bar draws the upper half of the card's edge.
  void setDocked(bool docked);
  QToolButton* menuButton() const { return m_menu; }

 signals:
  void menuRequested(const QPoint& globalPosition);

 protected:
  void contextMenuEvent(QContextMenuEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  bool event(QEvent* event) override;

 private:
  void fitSummary();

  QLabel *m_title, *m_summary;
  QString m_text;  ///< the whole summary
  QToolButton* m_menu;
  std::function<QString()> m_words;
};

}  // namespace clipscope
