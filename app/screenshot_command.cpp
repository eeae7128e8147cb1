// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/screenshot_command.h"

#include <QApplication>
#include <QBuffer>
#include <QDockWidget>
#include <QElapsedTimer>
#include <QSettings>
#include <QTemporaryDir>
#include <cstdio>
#include <functional>
#include <iostream>

#include "app/exit_code.h"
#include "app/offscreen.h"
#include "engine/error.h"
#include "engine/formats/atomic_file.h"
#include "ui/panels/panel.h"
#include "ui/theme.h"
#include "ui/window/main_window.h"
#include "ui/window/message_bar.h"
#include "ui/window/panel_docks.h"

namespace clipscope {

namespace {

QSize parseSize(const std::string& text) {
  int width = 0, height = 0;
  char end = 0;
  if (std::sscanf(text.c_str(), "%dx%d%c", &width, &height, &end) != 2 || width < 200 ||
      height < 150 || width > 16384 || height > 16384)
    throw SettingError("--size: \"" + text +
                       "\" is not a size; give WIDTHxHEIGHT in pixels, from 200x150 to "
                       "16384x16384");
  return {width, height};
}

void waitUntil(const std::function<bool()>& done) {
  while (!done()) QApplication::processEvents(QEventLoop::WaitForMoreEvents, 50);
}

/// Plots are drawn, and work after a pause is done, from the event queue.
void settle(const Controller& controller) {
  QElapsedTimer quiet;
  quiet.start();
  while (quiet.elapsed() < 400) {
    QApplication::processEvents(QEventLoop::AllEvents, 20);
    if (controller.isBusy() || controller.isPreparing()) quiet.restart();
  }
}

Panel* panelNamed(const PanelDocks& docks, const std::string& name) {
  std::string names;
  const QString wanted =
      QString::fromStdString(name).toLower().replace(QLatin1Char(' '), QLatin1Char('_'));
  for (Panel* panel : docks.panels()) {
    if (panel->fileName() == wanted) return panel;
    names += (names.empty() ? "" : ", ") + panel->fileName().toStdString();
  }
  throw SettingError("--panel: \"" + name + "\" is not a panel; choose one of " + names);
}

}  // namespace

ScreenshotCommand::ScreenshotCommand(CLI::App& program)
    : m_app(program.add_subcommand("screenshot",
                                   "Draw the window into a picture, without a display as well")) {
  m_app->add_option("out", m_out, "The picture, OUT.png")->required();
  m_app->add_option("--panel", m_panel, "Only this panel: norms, layers, …");
  m_app->add_option("--theme", m_theme, "light or dark")->check(CLI::IsMember({"light", "dark"}));
  m_app->add_option("--size", m_size, "WIDTHxHEIGHT of the picture in pixels");
  m_app->add_option("--scale", m_scale, "Pixels of the picture to one of the layout, 0.5 to 4")
      ->check(CLI::Range(0.5, 4.0));
  m_stepsOption =
      m_app->add_option("--steps", m_steps, "Steps to train first; 0: the first batch, clipped")
          ->check(CLI::Range(0, 1000000));
  m_app->add_option("--data", m_data,
                    "Experiment (JSON), data set or recording in place of the default");
}

int ScreenshotCommand::execute() {
  const QSize size = (QSizeF(parseSize(m_size)) / m_scale).toSize();
  if (m_out.size() < 4 || m_out.substr(m_out.size() - 4) != ".png")
    throw SettingError("out: \"" + m_out + "\" must end in .png");
  // Offscreen always: a display would bound the size and bring its own scale.
  drawOffscreen();
  qputenv("QT_SCALE_FACTOR", QByteArray::number(m_scale));
  // The layout of a first start, whatever the user's own is; and theirs stays as it is.
  const QTemporaryDir settings;
  QSettings::setDefaultFormat(QSettings::IniFormat);
  QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, settings.path());

  char name[] = "clipscope";
  char* arguments[] = {name, nullptr};
  int count = 1;
  QApplication application(count, arguments);
  QCoreApplication::setOrganizationName(QStringLiteral("Clipscope"));
  QCoreApplication::setApplicationName(QStringLiteral("Clipscope"));
  applyTheme(application, m_theme == "dark" ? ThemeChoice::Dark : ThemeChoice::Light);
  MainWindow window;
  Panel* panel = m_panel.empty() ? nullptr : panelNamed(*window.docks(), m_panel);
  Controller* controller = window.controller();
  std::string failure;
  QObject::connect(controller, &Controller::message, &window,
                   [&](const QString& text, bool isError) {
                     if (isError && failure.empty()) failure = text.toStdString();
                   });
  if (!panel) window.resize(size);
  window.resetLayout();
  window.show();
  controller->openFirst(QString::fromStdString(m_data));
  waitUntil([&] { return !controller->isBusy() && controller->record(); });
  // A picture must not go on with somebody's run.
  if (!controller->recording().path.empty()) {
    if (m_stepsOption->count() > 0)
      throw SettingError("--steps: " + m_data +
                         " is a recording, which is drawn at its newest step; leave --steps out");
    m_steps = 0;
  }
  for (int step = 0; step < m_steps && failure.empty(); ++step) {
    controller->step();
    waitUntil([&] { return !controller->isBusy(); });
  }
  if (!failure.empty()) throw Error(failure);
  QWidget* target = &window;
  if (panel) {
    QDockWidget* dock = window.docks()->dockOf(panel);
    window.docks()->show(panel);
    dock->setFloating(true);
    dock->resize(size);
    target = dock;
  }
  settle(*controller);
  for (Panel* shown : window.docks()->panels())
    if (shown->isVisible()) shown->prepareForPicture();
  settle(*controller);
  if (QWidget* focused = QApplication::focusWidget()) focused->clearFocus();
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  target->grab().save(&buffer, "PNG");
  writeFileAtomically(m_out,
                      std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size())));
  std::cout << m_out << " (not private)\n";
  return exitOk;
}

}  // namespace clipscope
