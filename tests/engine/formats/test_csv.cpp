// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "engine/error.h"
#include "engine/formats/csv.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;

class TestCsv : public QObject {
  Q_OBJECT

 private slots:
  void reads_data();
  void reads();
  void refuses_data();
  void refuses();
  void numbers();
};

void TestCsv::reads_data() {
  QTest::addColumn<QByteArray>("text");
  QTest::addColumn<QStringList>("header");
  QTest::addColumn<QStringList>("rows");
  QTest::newRow("header") << QByteArray("a,b\n1,2\n3,4\n") << QStringList{"a", "b"}
                          << QStringList{"1|2", "3|4"};
  QTest::newRow("none") << QByteArray("1,2\n3,4") << QStringList{} << QStringList{"1|2", "3|4"};
  QTest::newRow("quotes") << QByteArray("\"a, \"\"b\"\"\",c\n\"1\",x\n")
                          << QStringList{"a, \"b\"", "c"} << QStringList{"1|x"};
  QTest::newRow("windows, semicolons, mark") << QByteArray(
                                                    "\xEF\xBB\xBF"
                                                    "a;b\r\n1;2\r\n\r\n3;4\r\n")
                                             << QStringList{"a", "b"} << QStringList{"1|2", "3|4"};
  QTest::newRow("tabs") << QByteArray("1\t2\n3\t4\n") << QStringList{} << QStringList{"1|2", "3|4"};
  QTest::newRow("line feed in quotes")
      << QByteArray("x,y\n\"1\n2\",3\n") << QStringList{"x", "y"} << QStringList{"1\n2|3"};
  QTest::newRow("separators in quotes") << QByteArray("\"1,5\";\"2,5\";a\n\"3,5\";\"4,5\";b\n")
                                        << QStringList{} << QStringList{"1,5|2,5|a", "3,5|4,5|b"};
  QTest::newRow("short header") << QByteArray("id,kind\n1,M,3\n2,B,4\n")
                                << QStringList{"id", "kind", "column 3"}
                                << QStringList{"1|M|3", "2|B|4"};
}

void TestCsv::reads() {
  QFETCH(QByteArray, text);
  QFETCH(QStringList, header);
  QFETCH(QStringList, rows);
  const Folder folder;
  for (const auto& path : {folder.write("a.csv", text.toStdString()),
                           folder.writeGz("a.csv.gz", text.toStdString())}) {
    const CsvTable table = readCsv(path);
    QStringList gotHeader, gotRows;
    for (const auto& cell : table.header) gotHeader << QString::fromStdString(cell);
    for (const auto& row : table.rows) {
      QStringList cells;
      for (const auto& cell : row) cells << QString::fromStdString(cell);
      gotRows << cells.join('|');
    }
    QCOMPARE(gotHeader, header);
    QCOMPARE(gotRows, rows);
  }
}

void TestCsv::refuses_data() {
  QTest::addColumn<QByteArray>("text");
  QTest::addColumn<QStringList>("words");
  QTest::newRow("empty") << QByteArray() << QStringList{"empty"};
  QTest::newRow("blank lines") << QByteArray("\n\n\n") << QStringList{"no rows"};
  QTest::newRow("ragged") << QByteArray("a,b\n1,2\n3\n4,5\n")
                          << QStringList{"line 3", "1 cells", "2"};
  QTest::newRow("ragged, long") << QByteArray("1,2\n1,2,3\n") << QStringList{"line 2", "3 cells"};
  QTest::newRow("after a quoted feed")
      << QByteArray("a,b\n\"1\n1\",2\n3\n") << QStringList{"line 4"};
  QTest::newRow("open quote") << QByteArray("a,b\n1,\"2\n3,4\n")
                              << QStringList{"line 2", "never closed"};
  QTest::newRow("stray quote") << QByteArray("a,b\n1,2\"x\n") << QStringList{"line 2", "quotation"};
  QTest::newRow("binary") << QByteArray(
                                 "a,b\n1,\0"
                                 "2\n",
                                 9)
                          << QStringList{"zero byte"};
  QTest::newRow("columns without end") << QByteArray(300000, ',') << QStringList{"columns"};
  QTest::newRow("header alone") << QByteArray("a,b\n") << QStringList{};
}

void TestCsv::refuses() {
  QFETCH(QByteArray, text);
  QFETCH(QStringList, words);
  const Folder folder;
  const auto path = folder.write("bad.csv", text.toStdString());
  try {
    const CsvTable table =
        readCsv(path, words.isEmpty() ? CsvHeader::Present : CsvHeader::Automatic);
    QFAIL("accepted");
  } catch (const FileError& error) {
    for (const QString& word : words + QStringList{"bad.csv"})
      QVERIFY2(QString::fromUtf8(error.what()).contains(word), error.what());
  }
}

void TestCsv::numbers() {
  double v = 0;
  QVERIFY(parseNumber(" 1.5e3 ", v));
  QCOMPARE(v, 1500.0);
  QVERIFY(parseNumber("+2", v));
  QCOMPARE(v, 2.0);
  for (const char* text : {"", " ", "1,5", "1.5x", "0x10", "--1"})
    QVERIFY2(!parseNumber(text, v), text);
}

QTEST_GUILESS_MAIN(TestCsv)
#include "test_csv.moc"
