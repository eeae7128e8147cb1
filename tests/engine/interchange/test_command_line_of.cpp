// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "engine/error.h"
#include "engine/interchange/command_line.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;

/// The command that repeats an experiment. That the program reads it back as the same experiment is
/// tested with the program itself (test_command_line).
class TestCommandLineOf : public QObject {
  Q_OBJECT

 private slots:
  void defaultsNeedNothing() { QCOMPARE(commandLineOf({}), "clipscope run"); }

  void namesWhatDiffers() {
    Experiment e;
    e.clipping.maxGradNorm = 0.1;
    e.sampling.expectedBatchSize = 64;
    e.optimizer.momentum = 0.9;
    e.optimizer.nesterov = true;
    e.run.unclippedSum = false;
    e.run.steps = 7;
    QCOMPARE(commandLineOf(e),
             "clipscope run --batch-size 64.0 --max-grad-norm 0.1 --momentum 0.9 --nesterov "
             "--steps 7 --no-unclipped-sum");
  }

  void quotesForTheShell() {
    Experiment e;
    e.clipping.grouping = GroupingKind::Custom;
    e.clipping.groups = {{"it's", {"conv1.weight"}}};
    const std::string line = commandLineOf(e);
    QVERIFY(line.find("--clipping custom") != std::string::npos);
    QVERIFY2(line.find("--set 'clipping.groups=[{\"name\":\"it'\\''s\"") != std::string::npos,
             line.c_str());
  }

  void namesTheData() {
    const Folder folder;
    const auto path = folder.write("my rows.csv", "a,b,label\n1,2,x\n3,4,y\n");
    Experiment e;
    e.data = settingsForPath(path, e.data);
    e.model.preset = "logistic";
    QCOMPARE(commandLineOf(e), "clipscope run --data '" + path.string() + "'");
  }

  void setsOneField() {
    const Experiment e = withSettings({}, {"clipping.max_grad_norm=0.5"});
    QCOMPARE(e.clipping.maxGradNorm, 0.5);
    Experiment expected;
    expected.clipping.maxGradNorm = 0.5;
    QVERIFY(e == expected);
    QVERIFY(withSettings({}, {"clipping.strategy=auto_s"}).clipping.strategy == "auto_s");
    const Experiment own = withSettings(
        {}, {R"(model.spec={"layers":[{"type":"flatten"},{"type":"linear","out":10}]})"});
    QVERIFY(own.model.preset.empty() && own.model.spec.contains("layers"));
    // Fields that need each other.
    const Experiment both =
        withSettings({}, {"data.normalisation.rule=constants", "data.normalisation.mean=[0.5]",
                          "data.normalisation.std=[2]"});
    QCOMPARE(both.data.std, (std::vector<double>{2}));
    QVERIFY(withSettings(own, {"model.preset=mlp"}).model.preset == "mlp");
  }

  void badAssignmentsSaySo_data() {
    QTest::addColumn<QString>("assignment");
    QTest::addColumn<QString>("word");
    QTest::newRow("no value") << "clipping"
                              << "PATH=VALUE";
    QTest::newRow("no path") << "=3"
                             << "PATH=VALUE";
    QTest::newRow("unknown") << "clipping.c=3"
                             << "clipping";
    QTest::newRow("below a number") << "run.seed.x=3"
                                    << "run.seed.x";
    QTest::newRow("out of range") << "noise.noise_multiplier=-1"
                                  << "noise.noise_multiplier";
    QTest::newRow("type") << "run.steps=many"
                          << "run.steps";
  }
  void badAssignmentsSaySo() {
    QFETCH(QString, assignment);
    QFETCH(QString, word);
    try {
      withSettings({}, {assignment.toStdString()});
      QFAIL("accepted");
    } catch (const SettingError& error) {
      QVERIFY2(QString::fromUtf8(error.what()).contains(word), error.what());
    }
  }
};

QTEST_APPLESS_MAIN(TestCommandLineOf)
#include "test_command_line_of.moc"
