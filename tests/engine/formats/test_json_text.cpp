// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "engine/error.h"
#include "engine/formats/json_text.h"
#include "engine/formats/shortened.h"

using namespace clipscope;

class TestJsonText : public QObject {
  Q_OBJECT

 private slots:
  void reads();
  void refuses_data();
  void refuses();
  void shortens();
};

void TestJsonText::reads() {
  QCOMPARE(parseJson(R"({"a": [1, 2.5, "ä"]})", "x").dump(), R"({"a":[1,2.5,"ä"]})");
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  QCOMPARE(parseJson(deep, "x").dump(), deep);
}

void TestJsonText::refuses_data() {
  QTest::addColumn<QByteArray>("text");
  QTest::addColumn<QString>("words");
  QTest::newRow("empty") << QByteArray() << "line 1";
  QTest::newRow("cut off") << QByteArray("{\n\"a\":") << "line 2";
  QTest::newRow("beyond double") << QByteArray("[1e999]") << "1e999";
  QTest::newRow("not UTF-8") << QByteArray("[\"\xFF\"]") << "UTF-8";
  QTest::newRow("101 deep") << QByteArray(101, '[') + QByteArray(101, ']') << "more than 100";
  QTest::newRow("a million deep") << QByteArray(1000000, '[') << "more than 100";
}

void TestJsonText::refuses() {
  QFETCH(QByteArray, text);
  QFETCH(QString, words);
  try {
    parseJson(text.toStdString(), "x.json");
    QFAIL("accepted");
  } catch (const FileError& error) {
    const QString message = QString::fromUtf8(error.what());
    QVERIFY2(message.startsWith("x.json: "), error.what());
    QVERIFY2(message.contains(words), error.what());
    QVERIFY2(!message.contains("json.exception"), error.what());
  }
  // What is quoted of a long word is cut.
  try {
    parseJson("[" + std::string(100000, 'x'), "x.json");
    QFAIL("accepted");
  } catch (const FileError& error) {
    QVERIFY(std::string(error.what()).size() < 1000);
  }
}

void TestJsonText::shortens() {
  QCOMPARE(shortened("abc", 3), "abc");
  QCOMPARE(shortened("abcd", 3), "abc…");
  QCOMPARE(shortened("aäb", 2), "a…");
  QCOMPARE(shortened("aäb", 3), "aä…");
  QCOMPARE(shortened("ä", 0), "…");
}

QTEST_APPLESS_MAIN(TestJsonText)
#include "test_json_text.moc"
