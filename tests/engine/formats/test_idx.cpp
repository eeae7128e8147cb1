// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>

#include <QTest>

#include "engine/error.h"
#include "engine/formats/idx.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;

class TestIdx : public QObject {
  Q_OBJECT

 private slots:
  void readsPlainAndCompressed();
  void refuses_data();
  void refuses();
  void findsLabelsBeside();
  void realFile();
};

void TestIdx::readsPlainAndCompressed() {
  const Folder folder;
  std::string bytes = idxHeader({2, 3, 2});
  for (int k = 0; k < 12; ++k) bytes += static_cast<char>(20 * k);
  for (const auto& path : {folder.write("plain", bytes), folder.writeGz("packed.gz", bytes),
                           folder.writeGz("named-otherwise", bytes)}) {
    QVERIFY(looksLikeIdx(path));
    const IdxFile file = readIdx(path);
    QCOMPARE(file.extents, (std::vector<Index>{2, 3, 2}));
    QCOMPARE(file.values.size(), std::size_t{12});
    QCOMPARE(int{file.values[11]}, 220);
  }
  QVERIFY(!looksLikeIdx(folder.write("text.csv", "1,2,3\n")));
}

void TestIdx::refuses_data() {
  QTest::addColumn<QByteArray>("bytes");
  QTest::addColumn<QString>("words");
  const auto bad = [](const char* name, std::string bytes, const char* words) {
    QTest::newRow(name) << QByteArray::fromStdString(bytes) << QString::fromUtf8(words);
  };
  const std::string whole = idxHeader({2, 2, 2}) + std::string(8, 'x');
  bad("empty", "", "empty");
  bad("half a magic", std::string("\0\0", 2), "header");
  bad("cut in the header", whole.substr(0, 9), "header");
  bad("cut in the values", whole.substr(0, 19), "promises");
  bad("goes on", whole + "y", "goes on");
  bad("other magic", "PNG\r" + whole.substr(4), "IDX");
  bad("floats", std::string("\0\0\x0D\x03", 4) + whole.substr(4), "type 13");
  bad("rank 9", std::string("\0\0\x08\x09", 4) + whole.substr(4), "rank 9");
  bad("zero extent", idxHeader({2, 0, 2}), "0 for extent 2");
  bad("huge counts", idxHeader({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}) + "abc", "promises more");
  bad("product overflows", idxHeader({0x10000, 0x10000, 0x10000, 0x10000}) + "abc",
      "promises more");
}

void TestIdx::refuses() {
  QFETCH(QByteArray, bytes);
  QFETCH(QString, words);
  const Folder folder;
  for (const bool packed : {false, true}) {
    if (packed && bytes.isEmpty()) continue;
    const auto path = packed ? folder.writeGz("bad.gz", bytes.toStdString())
                             : folder.write("bad", bytes.toStdString());
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    try {
      readIdx(path);
      QFAIL("accepted");
    } catch (const FileError& error) {
      const QString message = QString::fromUtf8(error.what());
      QVERIFY2(message.contains(words), error.what());
      QVERIFY2(message.contains(QString::fromStdString(path.filename().string())), error.what());
    }
    getrusage(RUSAGE_SELF, &after);
    QVERIFY(after.ru_maxrss - before.ru_maxrss < 64 * 1024);  // KiB: nothing huge was allocated
  }
}

void TestIdx::findsLabelsBeside() {
  const Folder folder;
  folder.write("a-images-idx3-ubyte.gz", "x");
  QVERIFY(!labelsBeside(folder / "a-images-idx3-ubyte.gz"));
  folder.write("a-labels-idx1-ubyte", "x");
  QCOMPARE(labelsBeside(folder / "a-images-idx3-ubyte.gz")->filename().string(),
           "a-labels-idx1-ubyte");
  folder.write("a-labels-idx1-ubyte.gz", "x");
  QCOMPARE(labelsBeside(folder / "a-images-idx3-ubyte.gz")->filename().string(),
           "a-labels-idx1-ubyte.gz");
  folder.write("b-labels.idx1-ubyte", "x");
  QCOMPARE(labelsBeside(folder / "b-images.idx3-ubyte")->filename().string(),
           "b-labels.idx1-ubyte");
  QVERIFY(!labelsBeside(folder / "pictures"));
}

void TestIdx::realFile() {
  const std::filesystem::path path = SOURCE_DIR "/../shared/data/t10k-images-idx3-ubyte.gz";
  if (!std::filesystem::exists(path)) QSKIP("MNIST is not here: nothing was checked");
  QCOMPARE(readIdx(path).extents, (std::vector<Index>{10000, 28, 28}));
  QCOMPARE(readIdx(*labelsBeside(path)).extents, (std::vector<Index>{10000}));
}

QTEST_GUILESS_MAIN(TestIdx)
#include "test_idx.moc"
