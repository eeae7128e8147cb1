// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>
#include <unistd.h>

#include <QTest>
#include <clocale>
#include <cmath>
#include <csignal>
#include <limits>
#include <random>

#include "engine/error.h"
#include "engine/formats/atomic_file.h"
#include "engine/formats/byte_source.h"
#include "engine/formats/number_text.h"
#include "engine/formats/sha256.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;

/// Files that appear whole or not at all, bytes that come in, numbers as text, and hashes.
class TestFiles : public QObject {
  Q_OBJECT

 private slots:
  void appearsOnCommitAlone();
  void replacesWhole();
  void saysWhatTheSystemSaid();
  void fullDisk();
  void sourceRefuses();
  void brokenGz();
  void numbersReadBack();
  void knownHashes();
};

void TestFiles::appearsOnCommitAlone() {
  const Folder folder;
  {
    AtomicFile file(folder / "a.txt");
    file.write("half");
    QVERIFY(!std::filesystem::exists(folder / "a.txt"));
  }
  QCOMPARE(countFiles(folder.path()), 0);
  AtomicFile file(folder / "a.txt");
  file.write("whole");
  file.commit();
  QCOMPARE(readAll(folder / "a.txt"), "whole");
  QCOMPARE(countFiles(folder.path()), 1);
}

void TestFiles::replacesWhole() {
  const Folder folder;
  folder.write("a.txt", "before");
  writeFileAtomically(folder / "a.txt", "after");
  QCOMPARE(readAll(folder / "a.txt"), "after");
  QCOMPARE(countFiles(folder.path()), 1);
}

void TestFiles::saysWhatTheSystemSaid() {
  const Folder folder;
  try {
    writeFileAtomically(folder / "none/a.txt", "x");
    QFAIL("written");
  } catch (const FileError& error) {
    QVERIFY2(QString(error.what()).contains("none/a.txt") &&
                 QString(error.what()).contains("No such file"),
             error.what());
  }
  std::filesystem::create_directory(folder / "taken");
  QVERIFY_EXCEPTION_THROWN(writeFileAtomically(folder / "taken", "x"), FileError);
}

void TestFiles::fullDisk() {
  // A limit on the size of files stands in for a full disk: the write fails half-way.
  const Folder folder;
  folder.write("a.txt", "before");
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = old;
  small.rlim_cur = 100000;
  setrlimit(RLIMIT_FSIZE, &small);
  QString message;
  try {
    writeFileAtomically(folder / "a.txt", std::string(1000000, 'x'));
  } catch (const FileError& error) {
    message = QString::fromUtf8(error.what());
  }
  setrlimit(RLIMIT_FSIZE, &old);
  QVERIFY2(message.contains("a.txt"), qPrintable(message));
  QCOMPARE(readAll(folder / "a.txt"), "before");
  QCOMPARE(countFiles(folder.path()), 1);
}

void TestFiles::sourceRefuses() {
  const Folder folder;
  const std::pair<std::filesystem::path, const char*> bad[] = {
      {folder / "missing.csv", "missing.csv"},
      {folder.path(), "folder"},
      {folder.write("empty", ""), "empty"}};
  for (const auto& [path, word] : bad) {
    try {
      ByteSource source(path);
      QFAIL("opened");
    } catch (const FileError& error) {
      QVERIFY2(QString::fromUtf8(error.what()).contains(word), error.what());
    }
  }
  QVERIFY_EXCEPTION_THROWN(readText(folder.write("big", std::string(100, 'x')), 99), FileError);
}

void TestFiles::brokenGz() {
  const Folder folder;
  const auto whole = readAll(folder.writeGz("a.gz", std::string(100000, 'a') + "end"));
  // Cut off, and with a byte turned in the checksum.
  std::string turned = whole;
  turned[turned.size() - 6] = static_cast<char>(turned[turned.size() - 6] ^ 1);
  for (const std::string& bytes : {whole.substr(0, whole.size() / 2), turned})
    QVERIFY_EXCEPTION_THROWN(readText(folder.write("b.gz", bytes)), FileError);
}

void TestFiles::numbersReadBack() {
  std::setlocale(LC_ALL, "de_DE.UTF-8");
  std::mt19937_64 random(9);
  for (int k = 0; k < 20000; ++k) {
    const std::uint64_t bits = random();
    double d = 0;
    float f = 0;
    const auto low = static_cast<std::uint32_t>(bits);
    std::memcpy(&d, &bits, 8);
    std::memcpy(&f, &low, 4);
    if (std::isfinite(d)) QCOMPARE(QString::fromStdString(numberText(d)).toDouble(), d);
    if (std::isfinite(f))
      QVERIFY(static_cast<float>(QString::fromStdString(numberText(f)).toDouble()) == f);
  }
  QCOMPARE(numberText(0.1), "0.1");
  QCOMPARE(numberText(0.1f), "0.1");
  QCOMPARE(numberText(std::numeric_limits<double>::infinity()), "inf");
  QCOMPARE(numberText(-std::numeric_limits<double>::infinity()), "-inf");
  QCOMPARE(numberText(std::nan("")), "nan");
}

void TestFiles::knownHashes() {
  // FIPS 180-4, examples.
  const Folder folder;
  QCOMPARE(sha256OfFile(folder.write("a", "abc")),
           "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 hash;
  hash.add(std::string_view("abcdbcdecdefdefgefghfghighijhijk"));
  hash.add(std::string_view("ijkljklmklmnlmnomnopnopq"));
  QCOMPARE(hash.hex(), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

QTEST_GUILESS_MAIN(TestFiles)
#include "test_files.moc"
