// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <set>

#include "engine/data/dataset_loader.h"
#include "engine/error.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;

class TestDataset : public QObject {
  Q_OBJECT

 private slots:
  void images();
  void imagesRefuse_data();
  void imagesRefuse();
  void rows();
  void regression();
  void rowsRefuse_data();
  void rowsRefuse();
  void split();
  void standardise();
  void pathDecides();
  void realData();
};

namespace {

/// Four 2×2 images with labels 0 1 0 1.
std::filesystem::path writeImages(const Folder& folder, unsigned labels = 4, unsigned images = 4) {
  std::string pixels = idxHeader({images, 2, 2}), classes = idxHeader({labels});
  for (unsigned k = 0; k < 4 * images; ++k) pixels += static_cast<char>(17 * k);
  for (unsigned k = 0; k < labels; ++k) classes += static_cast<char>(k % 2);
  folder.write("x-labels-idx1-ubyte", classes);
  return folder.write("x-images-idx3-ubyte", pixels);
}

DataSettings at(const std::filesystem::path& path) { return settingsForPath(path); }

}  // namespace

void TestDataset::images() {
  const Folder folder;
  DataSettings settings = at(writeImages(folder));
  QVERIFY(settings.source == DataSource::Idx);
  settings.normalisation = NormalisationRule::Constants;
  settings.mean = {0.5};
  settings.std = {0.25};
  settings.testShare = 0.25;
  const LoadedData loaded = loadDataset(settings);
  QCOMPARE(loaded.data->size(), Index{4});
  QCOMPARE(loaded.data->shape(), (Shape{1, 2, 2}));
  QCOMPARE(loaded.data->label(3), 1);
  QCOMPARE(loaded.train.size() + loaded.test.size(), std::size_t{4});
  std::vector<float> out(8);
  const std::vector<Index> wanted{3, 0};
  loaded.data->gather(wanted, out.data());
  for (int k = 0; k < 4; ++k) {
    QVERIFY(std::abs(out[static_cast<std::size_t>(k)] -
                     static_cast<float>((17.0 * (12 + k) / 255 - 0.5) / 0.25)) < 1e-6f);
    QVERIFY(std::abs(out[static_cast<std::size_t>(4 + k)] -
                     static_cast<float>((17.0 * k / 255 - 0.5) / 0.25)) < 1e-6f);
  }
  // The name of the data follows its content.
  const std::string before = loaded.data->fingerprint();
  QCOMPARE(before.size(), std::size_t{64});
  std::string bytes = readAll(folder / "x-images-idx3-ubyte");
  bytes.back() = 'z';
  folder.write("x-images-idx3-ubyte", bytes);
  QVERIFY(loadDataset(settings).data->fingerprint() != before);
}

void TestDataset::imagesRefuse_data() {
  QTest::addColumn<int>("kind");
  QTest::addColumn<QStringList>("words");
  QTest::newRow("counts differ") << 0 << QStringList{"4", "3", "labels"};
  QTest::newRow("no labels") << 1 << QStringList{"labels"};
  QTest::newRow("labels given as images") << 2 << QStringList{"labels-idx1"};
}

void TestDataset::imagesRefuse() {
  QFETCH(int, kind);
  QFETCH(QStringList, words);
  const Folder folder;
  auto path = writeImages(folder, kind == 0 ? 3 : 4);
  if (kind == 1) std::filesystem::remove(folder / "x-labels-idx1-ubyte");
  if (kind == 2) path = folder / "x-labels-idx1-ubyte";
  try {
    loadDataset(at(path));
    QFAIL("accepted");
  } catch (const Error& error) {
    for (const QString& word : words)
      QVERIFY2(QString::fromUtf8(error.what()).contains(word), error.what());
  }
}

void TestDataset::rows() {
  const Folder folder;
  const auto path =
      folder.write("flowers.csv", "id,width,kind,height\n1,0.5,b,2\n2,1.5,a,4\n3,2.5,b,8\n");
  DataSettings settings = at(path);
  settings.labelColumn = "Kind";
  settings.testShare = 0;
  const LoadedData loaded = loadDataset(settings);
  const Dataset& data = *loaded.data;
  QCOMPARE(data.shape(), (Shape{2}));
  QCOMPARE(data.outputs(), Index{2});
  QCOMPARE(data.classNames(), (std::vector<std::string>{"a", "b"}));
  QCOMPARE(data.label(0), 1);
  QCOMPARE(data.featureNames(), (std::vector<std::string>{"width", "height"}));
  std::vector<float> out(2);
  data.gather(std::vector<Index>{2}, out.data());
  QCOMPARE(out, (std::vector<float>{2.5f, 8.0f}));
}

void TestDataset::regression() {
  const Folder folder;
  const LoadedData loaded = loadDataset(at(folder.write("y.csv", "a,y\n1,0.5\n2,1.25\n3,2\n")));
  QVERIFY(!loaded.data->isClassification());
  QCOMPARE(loaded.data->targets(1)[0], 1.25f);
}

void TestDataset::rowsRefuse_data() {
  QTest::addColumn<QByteArray>("text");
  QTest::addColumn<QString>("label");
  QTest::addColumn<QStringList>("words");
  QTest::newRow("text in a number's place")
      << QByteArray("a,label\n1,0\nx,1\n") << "" << QStringList{"line 3", "column 1 (a)", "\"x\""};
  QTest::newRow("NaN") << QByteArray("a,label\n1,0\nnan,1\n") << ""
                       << QStringList{"line 3", "finite"};
  QTest::newRow("infinite as a float")
      << QByteArray("a,label\n1e39,0\n2,1\n") << "" << QStringList{"line 2", "finite"};
  QTest::newRow("empty cell") << QByteArray("a,label\n,0\n2,1\n") << ""
                              << QStringList{"line 2", "column 1"};
  QTest::newRow("empty label") << QByteArray("a,label\n1,x\n2,\n") << ""
                               << QStringList{"line 3", "label is empty"};
  QTest::newRow("one class") << QByteArray("a,label\n1,x\n2,x\n") << ""
                             << QStringList{"same label"};
  QTest::newRow("one row") << QByteArray("a,label\n1,0\n") << "" << QStringList{"two"};
  QTest::newRow("no such label") << QByteArray("a,label\n1,0\n2,1\n") << "colour"
                                 << QStringList{"colour"};
  QTest::newRow("label alone") << QByteArray("label\n0\n1\n") << ""
                               << QStringList{"no column is left"};
}

void TestDataset::rowsRefuse() {
  QFETCH(QByteArray, text);
  QFETCH(QString, label);
  QFETCH(QStringList, words);
  const Folder folder;
  DataSettings settings = at(folder.write("bad.csv", text.toStdString()));
  settings.labelColumn = label.toStdString();
  try {
    loadDataset(settings);
    QFAIL("accepted");
  } catch (const FileError& error) {
    for (const QString& word : words + QStringList{"bad.csv"})
      QVERIFY2(QString::fromUtf8(error.what()).contains(word), error.what());
  }
}

void TestDataset::split() {
  std::vector<Index> train, test, otherTrain, otherTest;
  splitDataset(1000, 0.2, 5, train, test);
  QCOMPARE(train.size(), std::size_t{800});
  QCOMPARE(test.size(), std::size_t{200});
  QVERIFY(std::is_sorted(train.begin(), train.end()) && std::is_sorted(test.begin(), test.end()));
  std::set<Index> all(train.begin(), train.end());
  all.insert(test.begin(), test.end());
  QCOMPARE(all.size(), std::size_t{1000});
  splitDataset(1000, 0.2, 6, otherTrain, otherTest);
  QVERIFY(otherTest != test);
  splitDataset(2, 0.9, 1, train, test);
  QVERIFY(!train.empty());
}

void TestDataset::standardise() {
  const Folder folder;
  // A constant column, one whose mean is rounded, and one whose spread float cannot divide by.
  DataSettings settings = at(
      folder.write("a.csv",
                   "a,b,c,d,label\n1,10,0.1,0,0\n2,10,0.1,1e-44,1\n3,10,0.1,0,0\n4,10,0.1,1e-44,1\n"
                   "1,10,0.1,0,0\n2,10,0.1,1e-44,1\n3,10,0.1,0,0\n4,10,0.1,1e-44,1\n"));
  settings.normalisation = NormalisationRule::Standardise;
  settings.testShare = 0;
  const LoadedData loaded = loadDataset(settings);
  QVERIFY(loaded.data->normalisation().computedFromData);
  std::vector<float> out(32);
  loaded.data->gather(loaded.train, out.data());
  QVERIFY(std::abs(out[0] + 1.5f / std::sqrt(1.25f)) < 1e-5f);
  for (std::size_t k = 0; k < out.size(); ++k)
    if (k % 4 != 0) QVERIFY(std::abs(out[k]) < 1e-6f);
  QCOMPARE(loaded.data->normalisation().std[2], 1.0);

  settings.normalisation = NormalisationRule::Constants;
  settings.std = {1e-20};
  settings.mean = {1};
  loadDataset(settings);
  settings.mean = {1e20};
  QVERIFY_EXCEPTION_THROWN(loadDataset(settings), SettingError);
  settings.mean = {0};
  settings.std = {1e-40};
  QVERIFY_EXCEPTION_THROWN(loadDataset(settings), SettingError);
}

void TestDataset::pathDecides() {
  const Folder folder;
  writeImages(folder);
  QVERIFY_EXCEPTION_THROWN(at(folder.path()), FileError);  // a folder without MNIST's names
  std::filesystem::rename(folder / "x-images-idx3-ubyte", folder / "t10k-images-idx3-ubyte");
  QCOMPARE(at(folder.path()).path, (folder / "t10k-images-idx3-ubyte").string());
  QVERIFY_EXCEPTION_THROWN(at(folder / "missing"), FileError);
}

void TestDataset::realData() {
  const std::filesystem::path root = SOURCE_DIR "/../shared/data";
  if (!std::filesystem::exists(root / "wdbc.csv"))
    QSKIP("the real data is not here: nothing was checked");
  const LoadedData wdbc = loadDataset(at(root / "wdbc.csv"));
  QCOMPARE(wdbc.data->size(), Index{569});
  QCOMPARE(wdbc.data->shape(), (Shape{30}));
  QCOMPARE(wdbc.data->classNames(), (std::vector<std::string>{"B", "M"}));
  int malignant = 0;
  for (Index i = 0; i < 569; ++i) malignant += wdbc.data->label(i);
  QCOMPARE(malignant, 212);  // as its description says
  const LoadedData mnist = loadDataset(at(root));
  QCOMPARE(mnist.data->size(), Index{10000});
  QCOMPARE(mnist.data->label(0), 7);
}

QTEST_GUILESS_MAIN(TestDataset)
#include "test_dataset.moc"
