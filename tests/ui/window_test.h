// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QApplication>
#include <QSettings>
#include <QStandardPaths>
#include <QTest>
#include <memory>

#include "ui/theme.h"
#include "ui/window/main_window.h"
#include "ui/window/number_edit.h"

namespace clipscope::test {

/// A test of the real MainWindow: each function gets a fresh window, at the smallest size that it
/// is meant for, with a small experiment opened and its first batch taken up to Clip.
class WindowTest : public QObject {
  Q_OBJECT

 protected:
  static Experiment small() {
    Experiment e;
    e.data.digits.count = 400;
    e.model.preset = "mlp";
    e.sampling.expectedBatchSize = 40;
    e.clipping.maxGradNorm = 3;
    return e;
  }
  MainWindow* window() { return m_window.get(); }
  Controller* controller() { return m_window->controller(); }
  const StepRecord& record() { return *controller()->record(); }
  void settle() { QTRY_VERIFY_WITH_TIMEOUT(!controller()->isBusy(), 60000); }
  /// Pauses a run. It may stop within a step before its norms are known, which then are computed.
  void pauseWithNorms() {
    controller()->pause();
    settle();
    if (record().has(Phase::Norms)) return;
    controller()->advanceTo(Phase::Norms);
    settle();
  }
  void type(NumberEdit* field, const QString& text) {
    field->setFocus();
    field->selectAll();
    QTest::keyClicks(field, text);
    QTest::keyClick(field, Qt::Key_Return);
  }

 private slots:
  void initTestCase() {
    QStandardPaths::setTestModeEnabled(true);
    QCoreApplication::setOrganizationName(QStringLiteral("ClipscopeTest"));
    QCoreApplication::setApplicationName(QString::fromLatin1(metaObject()->className()));
    applyTheme(*qApp, ThemeChoice::Light);
  }
  void init() {
    QSettings().clear();
    m_window = std::make_unique<MainWindow>();
    m_window->resize(1280, 800);
    m_window->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
    controller()->openExperiment(small());
    settle();
    QVERIFY(controller()->record());
  }
  void cleanup() { m_window.reset(); }

 protected:
  std::unique_ptr<MainWindow> m_window;
};

}  // namespace clipscope::test
