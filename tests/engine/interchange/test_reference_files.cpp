// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDirIterator>
#include <QTest>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/interchange/reference_check.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;
using nlohmann::json;

/// Figures of PyTorch 1.13 and Opacus 1.4, reproduced by the model, the runner and the update rule
/// that training uses; and files that must not pass.
class TestReferenceFiles : public QObject {
  Q_OBJECT

 private slots:
  void reproduces_data();
  void reproduces();
  void aWrongFigureIsFound_data();
  void aWrongFigureIsFound();
  void namesWhatIsMissing();
  void refusesWhatIsBroken();

 private:
  static json load(const QString& name) {
    return json::parse(readAll(std::string(TEST_DATA_DIR "/reference/") + name.toStdString()));
  }
};

void TestReferenceFiles::reproduces_data() {
  QTest::addColumn<QString>("path");
  for (const char* kind : {"models", "clipping", "training", "noise", "accounting"}) {
    QDirIterator files(QStringLiteral(TEST_DATA_DIR "/reference/") + kind, {"*.json"}, QDir::Files);
    while (files.hasNext()) {
      const QString path = files.next();
      // What this version does not have: test_reference_files::namesWhatIsMissing.
      if (path.contains("text_")) continue;
      QTest::newRow(qPrintable(path.mid(int(strlen(TEST_DATA_DIR "/reference/"))))) << path;
    }
  }
}

void TestReferenceFiles::reproduces() {
  QFETCH(QString, path);
  const ReferenceReport report = checkReferenceFile(path.toStdString());
  QVERIFY(!report.checks.empty());
  for (const std::string& part : report.unsupported) QFAIL(part.c_str());
  for (const ReferenceCheck& check : report.checks)
    QVERIFY2(check.holds(), qPrintable(QString("%1: %2, tolerance %3")
                                           .arg(QString::fromStdString(check.quantity))
                                           .arg(check.error)
                                           .arg(check.tolerance)));
}

void TestReferenceFiles::aWrongFigureIsFound_data() {
  QTest::addColumn<QString>("file");
  QTest::addColumn<QString>("pointer");
  QTest::newRow("a loss") << "models/mlp_tanh.json"
                          << "/losses/data/1";
  QTest::newRow("a logit") << "models/mlp_tanh.json"
                           << "/logits/data/3";
  QTest::newRow("a norm") << "models/mlp_tanh.json"
                          << "/global_norms/data/0";
  QTest::newRow("a weight") << "models/mlp_tanh.json"
                            << "/params/fc1.weight/data/0";
  QTest::newRow("an adapted threshold") << "training/adaptive_fixed_denominator_sgd.json"
                                        << "/steps/3/C_next";
  QTest::newRow("a secure sum") << "noise/secure_mode.json"
                                << "/cases/1/result/data/2";
  QTest::newRow("a gradient multiplier") << "noise/std.json"
                                         << "/rows/10/noise_multiplier_gradients";
  QTest::newRow("an ε") << "accounting/grid.json"
                        << "/rows/1/opacus_rdp/epsilon";
  QTest::newRow("a μ") << "accounting/grid.json"
                       << "/rows/1/opacus_gdp/mu_poisson";
  QTest::newRow("an ε of GDP") << "accounting/grid.json"
                               << "/rows/1/opacus_gdp/epsilon_poisson";
  QTest::newRow("an exact ε at q = 1") << "accounting/grid.json"
                                       << "/rows/9/gaussian_exact/epsilon";
  // Between what PRV and the Rényi bound say: only the first is caught below it.
  QTest::newRow("a lower bound of the truth") << "accounting/grid.json"
                                              << "/rows/1/truth/lower";
  QTest::newRow("an ε of a history") << "accounting/history.json"
                                     << "/rows/1/opacus_rdp/epsilon";
  QTest::newRow("a noise multiplier") << "accounting/inverse.json"
                                      << "/rows/0/rdp_exact_root/noise_multiplier";
  QTest::newRow("an RDP") << "accounting/rdp_orders.json"
                          << "/rows/0/rows/0/exact";
  QTest::newRow("a merged history") << "accounting/history_merge.json"
                                    << "/rows/0/history/1/2";
  QTest::newRow("a sum") << "models/cnn_mixed.json"
                         << "/grad_sum/conv1.weight/data/2";
}

void TestReferenceFiles::aWrongFigureIsFound() {
  QFETCH(QString, file);
  QFETCH(QString, pointer);
  json content = load(file);
  const json::json_pointer at(pointer.toStdString());
  if (!content.contains(at)) {
    // Names differ between files: the first tensor will do.
    QFAIL(qPrintable("the file has no " + pointer));
  }
  content[at] = content[at].get<double>() * 1.01 + 1e-3;
  const Folder folder;
  const auto path = folder.write("wrong.json", content.dump());
  QVERIFY(!checkReferenceFile(path).holds());
}

void TestReferenceFiles::namesWhatIsMissing() {
  const std::pair<const char*, const char*> missing[] = {
      {"models/text_embedding.json", "embedding"}, {"training/text_adam_flat.json", "embedding"}};
  for (const auto& [file, word] : missing) {
    QString message;
    try {
      const ReferenceReport report =
          checkReferenceFile(std::string(TEST_DATA_DIR "/reference/") + file);
      for (const std::string& part : report.unsupported) message += QString::fromStdString(part);
    } catch (const UnsupportedError& error) {
      message = QString::fromUtf8(error.what());
    }
    QVERIFY2(message.contains(word), qPrintable(QString(file) + ": " + message));
  }
}

void TestReferenceFiles::refusesWhatIsBroken() {
  const Folder folder;
  const json whole = load("models/linreg_mse.json");
  const auto broken = [&](auto change, const char* word) {
    json content = whole;
    change(content);
    const auto path = folder.write("broken.json", content.dump());
    try {
      checkReferenceFile(path);
    } catch (const Error& error) {
      QVERIFY2(QString::fromUtf8(error.what()).contains(word), error.what());
      QVERIFY2(QString::fromUtf8(error.what()).contains("broken.json"), error.what());
      return;
    }
    QFAIL(word);
  };
  broken([](json& c) { c.erase("inputs"); }, "inputs");
  broken([](json& c) { c["inputs"]["data"].erase(0); }, "inputs");
  broken([](json& c) { c["params"].begin().value()["data"].push_back(1.0); }, ".");
  broken([](json& c) { c["layers"][0]["type"] = "batchnorm1d"; }, "batch normalisation");
  broken([](json& c) { c["losses"] = "none"; }, "losses");
  for (const char* text : {"", "{", "[1,2]", "{\"a\":1}", "\xff\xfe"})
    QVERIFY_EXCEPTION_THROWN(checkReferenceFile(folder.write("x.json", text)), Error);
  QVERIFY_EXCEPTION_THROWN(checkReferenceFile(folder / "missing.json"), FileError);
  QVERIFY_EXCEPTION_THROWN(checkReferenceFile(folder.path()), FileError);
}

QTEST_GUILESS_MAIN(TestReferenceFiles)
#include "test_reference_files.moc"
