// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/start_page.h"

#include <QCheckBox>
#include <QFileInfo>
#include <QGraphicsDropShadowEffect>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>
#include <QSettings>
#include <QToolButton>
#include <QVBoxLayout>

namespace clipscope {

namespace {
constexpr int cardWidth = 600, cardHeight = 500;
const auto wantedKey = QStringLiteral("startPage/wanted");
}  // namespace

StartPage::StartPage(QWidget* window) : QFrame(window), m_window(window) {
  setObjectName(QStringLiteral("startPage"));
  setAccessibleName(tr("Start page"));
  setFocusPolicy(Qt::StrongFocus);
  auto* shadow = new QGraphicsDropShadowEffect(this);
  shadow->setBlurRadius(40);
  shadow->setOffset(0, 8);
  shadow->setColor(QColor(0, 0, 0, 90));
  setGraphicsEffect(shadow);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(24, 20, 24, 18);
  column->setSpacing(10);
  auto* head = new QHBoxLayout;
  auto* icon = new QLabel(this);
  icon->setPixmap(QIcon(QStringLiteral(":/icons/clipscope.svg")).pixmap(28, 28));
  auto* title = new QLabel(tr("Clipscope"), this);
  title->setObjectName(QStringLiteral("startTitle"));
  auto* close = new QToolButton(this);
  close->setText(QStringLiteral("✕"));
  close->setAccessibleName(tr("Close the start page"));
  connect(close, &QToolButton::clicked, this, &QWidget::hide);
  head->addWidget(icon);
  head->addWidget(title, 1);
  head->addWidget(close);
  column->addLayout(head);

  auto* area = new QScrollArea(this);
  area->setObjectName(QStringLiteral("startList"));
  area->setFrameShape(QFrame::NoFrame);
  area->setWidgetResizable(true);
  area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  auto* list = new QWidget(area);
  list->setObjectName(QStringLiteral("startEntries"));
  m_entries = new QVBoxLayout(list);
  m_entries->setContentsMargins(0, 0, 8, 0);
  m_entries->setSpacing(2);
  area->setWidget(list);
  column->addWidget(area, 1);

  auto* foot = new QHBoxLayout;
  auto* fresh = new QPushButton(tr("Default run"), this);
  fresh->setProperty("primary", true);
  fresh->setToolTip(tr("Generated digits, a small convolutional network: open behind this page"));
  auto* open = new QPushButton(tr("Open…"), this);
  open->setToolTip(tr("Data, an experiment or a recording"));
  auto* wanted = new QCheckBox(tr("Show at the start"), this);
  wanted->setChecked(isWanted());
  connect(wanted, &QCheckBox::toggled, this, [](bool on) { QSettings().setValue(wantedKey, on); });
  connect(fresh, &QPushButton::clicked, this, [this] {
    hide();
    emit defaultRequested();
  });
  connect(open, &QPushButton::clicked, this, [this] {
    hide();
    emit openRequested();
  });
  foot->addWidget(fresh);
  foot->addWidget(open);
  foot->addStretch(1);
  foot->addWidget(wanted);
  column->addLayout(foot);
  window->installEventFilter(this);
  hide();
}

bool StartPage::isWanted() { return QSettings().value(wantedKey, true).toBool(); }

void StartPage::addHeading(const QString& text) {
  auto* heading = new QLabel(text, this);
  heading->setObjectName(QStringLiteral("startHeading"));
  m_entries->addWidget(heading);
}

void StartPage::addEntry(const QString& title, const QString& detail, const QString& path,
                         const QString& removeTip) {
  auto* row = new QWidget(this);
  auto* layout = new QHBoxLayout(row);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(4);
  auto* button = new QPushButton(row);
  button->setObjectName(QStringLiteral("startEntry"));
  button->setAccessibleName(title + QStringLiteral(", ") + detail);
  button->setProperty("path", path);
  auto* lines = new QVBoxLayout(button);
  lines->setContentsMargins(10, 6, 10, 6);
  lines->setSpacing(1);
  for (const auto& [text, name] : {std::pair(title, QStringLiteral("startEntryTitle")),
                                   std::pair(detail, QStringLiteral("startEntryDetail"))}) {
    auto* label = new QLabel(button);
    label->setObjectName(name);
    label->setAttribute(Qt::WA_TransparentForMouseEvents);
    label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    label->setText(label->fontMetrics().elidedText(text, Qt::ElideMiddle, cardWidth - 120));
    lines->addWidget(label);
  }
  button->setMinimumHeight(46);
  button->setToolTip(path);
  connect(button, &QPushButton::clicked, this, [this, path] {
    hide();
    emit pathChosen(path);
  });
  layout->addWidget(button, 1);
  if (!removeTip.isEmpty()) {
    auto* remove = new QToolButton(row);
    remove->setText(QStringLiteral("✕"));
    remove->setToolTip(removeTip);
    remove->setAccessibleName(removeTip);
    connect(remove, &QToolButton::clicked, this, [this, path, row] {
      row->hide();
      emit removeRequested(path);
    });
    layout->addWidget(remove);
  }
  m_entries->addWidget(row);
}

void StartPage::open(const std::vector<RecoveredRun>& runs, const QStringList& recent) {
  while (QLayoutItem* item = m_entries->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  const QLocale locale;
  for (const bool crashed : {true, false}) {
    bool first = true;
    for (const RecoveredRun& run : runs) {
      if (run.crashed != crashed) continue;
      if (std::exchange(first, false))
        addHeading(crashed ? tr("Not closed: every recorded step is there")
                           : tr("Runs that were not saved under a name"));
      addEntry(run.text, locale.toString(run.when, QLocale::ShortFormat), run.path,
               tr("Delete this run for good"));
    }
  }
  if (!recent.isEmpty()) addHeading(tr("Recent"));
  for (const QString& path : recent) {
    const QFileInfo file(path);
    addEntry(file.fileName(), file.absolutePath(), path, QString());
  }
  if (runs.empty() && recent.isEmpty()) {
    auto* none = new QLabel(tr("No recent files, and no run that was left. The default run is open "
                               "behind this page: Space takes it apart phase by phase."),
                            this);
    none->setWordWrap(true);
    m_entries->addWidget(none);
  }
  m_entries->addStretch(1);
  place();
  show();
  raise();
  setFocus();
}

void StartPage::place() {
  const QSize room = m_window->size();
  const QSize size(std::min(cardWidth, room.width() - 40),
                   std::min(cardHeight, room.height() - 80));
  setGeometry(
      QRect(QPoint((room.width() - size.width()) / 2, (room.height() - size.height()) / 2), size));
}

bool StartPage::event(QEvent* event) {
  // Keys of the window behind it stay there.
  if (event->type() == QEvent::ShortcutOverride) event->accept();
  return QFrame::event(event);
}

void StartPage::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Escape)
    hide();
  else
    QFrame::keyPressEvent(event);
}

bool StartPage::eventFilter(QObject* watched, QEvent* event) {
  if (watched == m_window && event->type() == QEvent::Resize && isVisible()) place();
  return QFrame::eventFilter(watched, event);
}

}  // namespace clipscope
