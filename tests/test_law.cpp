// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDirIterator>
#include <QFile>
#include <QRegularExpression>
#include <QTest>

/// The law of the house, read from the #include lines: app → ui → engine, no Qt below ui, and
/// inside the engine no file that includes from a floor above its own.
class TestLaw : public QObject {
  Q_OBJECT

 private:
  struct Include {
    QString file, line, target;
  };
  static QList<Include> includesOf(const QString& folder);

 private slots:
  void theEngineHasNoQt();
  void noFloorLooksUp();
  void theWindowKnowsNoProgram();
};

QList<TestLaw::Include> TestLaw::includesOf(const QString& folder) {
  static const QRegularExpression pattern(
      QStringLiteral("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"]"));
  QList<Include> includes;
  const QString root = QStringLiteral(SOURCE_DIR) + QLatin1Char('/');
  QDirIterator files(root + folder, {QStringLiteral("*.h"), QStringLiteral("*.cpp")}, QDir::Files,
                     QDirIterator::Subdirectories);
  while (files.hasNext()) {
    QFile file(files.next());
    if (!file.open(QIODevice::ReadOnly)) qFatal("cannot read %s", qPrintable(file.fileName()));
    for (const QByteArray& bytes : file.readAll().split('\n')) {
      const QString line = QString::fromUtf8(bytes);
      const auto match = pattern.match(line);
      if (match.hasMatch())
        includes.append({file.fileName().mid(root.size()), line, match.captured(1)});
    }
  }
  return includes;
}

void TestLaw::theEngineHasNoQt() {
  const auto includes = includesOf(QStringLiteral("engine"));
  QVERIFY(includes.size() > 100);
  static const QRegularExpression qt(QStringLiteral("^(Q[A-Za-z]|Qt|qcustomplot|ui/|app/|tests/)"));
  for (const Include& include : includes)
    QVERIFY2(!qt.match(include.target).hasMatch(),
             qPrintable(include.file + QStringLiteral(": ") + include.line));
}

void TestLaw::noFloorLooksUp() {
  // From the ground up; floors of one height know nothing of one another.
  const QMap<QString, int> heights{{"tensor", 0},    {"formats", 1},    {"data", 2},
                                   {"model", 3},     {"clipping", 3},   {"noise", 3},
                                   {"optimizer", 3}, {"accounting", 3}, {"training", 4},
                                   {"recording", 5}, {"session", 6},    {"interchange", 7}};
  int inner = 0;
  for (const Include& include : includesOf(QStringLiteral("engine"))) {
    if (!include.target.startsWith(QStringLiteral("engine/")) || include.target.count('/') < 2)
      continue;
    const QString from = include.file.section('/', 1, 1), to = include.target.section('/', 1, 1);
    QVERIFY2(heights.contains(from) && heights.contains(to),
             qPrintable(QStringLiteral("an unknown floor: ") + include.file + include.line));
    ++inner;
    QVERIFY2(from == to || heights[to] < heights[from],
             qPrintable(include.file + QStringLiteral(" looks up: ") + include.line));
  }
  QVERIFY(inner > 50);
}

void TestLaw::theWindowKnowsNoProgram() {
  const auto includes = includesOf(QStringLiteral("ui"));
  QVERIFY(includes.size() > 50);
  for (const Include& include : includes)
    QVERIFY2(!include.target.startsWith(QStringLiteral("app/")) &&
                 !include.target.startsWith(QStringLiteral("tests/")),
             qPrintable(include.file + QStringLiteral(": ") + include.line));
}

QTEST_APPLESS_MAIN(TestLaw)
#include "test_law.moc"
