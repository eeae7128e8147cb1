// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/error.h"
#include "engine/recording/recording_info.h"
#include "engine/recording/recording_reader.h"
#include "engine/recording/recording_segments.h"
#include "engine/recording/recording_writer.h"
#include "tests/support/files.h"
#include "tests/support/recorded_run.h"
#include "tests/support/stored_record.h"

using namespace clipscope;
using namespace clipscope::test;

namespace {

constexpr RecordingLimits threeSteps{.batchBytes = 0, .segmentSteps = 3};

}  // namespace

class TestRecordingSegments : public QObject {
  Q_OBJECT

 private slots:
  void names();
  void aSegmentHasItsName();
  void everySegmentIsTheWholeSeries();
  void aViewerReadsWhatIsClosed();
  void goesOnAfterAKill();
  void aMissingSegmentIsNamed();
  void overwritesNone();
};

void TestRecordingSegments::names() {
  QCOMPARE(segmentPath("a/run.clipscope", 7), std::filesystem::path("a/run.0007.clipscope"));
  QCOMPARE(openSegmentPath("run.clipscope", 12345),
           std::filesystem::path("run.12345.clipscope.part"));
  QVERIFY(seriesOf("a/run.0007.clipscope") == std::filesystem::path("a/run.clipscope"));
  QVERIFY(seriesOf("run.12345.clipscope") == std::filesystem::path("run.clipscope"));
  for (const char* other :
       {"run.clipscope", "run.007.clipscope", "run.00007.clipscope", "run.0000.clipscope",
        "run.-001.clipscope", "run.1e03.clipscope", "run.0007.clipscope.part", "0007.clipscope"})
    QVERIFY2(!seriesOf(other), other);
}

void TestRecordingSegments::aSegmentHasItsName() {
  const Folder folder;
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer),
                         recordedExperiment(), threeSteps);
  QVERIFY(std::filesystem::exists(folder / "run.0001.clipscope.part"));
  for (const auto& record : steps(trainer, 7)) writer.add(0, record);
  writer.flush();
  QCOMPARE(writer.saved().step, Index{7});
  QVERIFY(std::filesystem::exists(folder / "run.0001.clipscope"));
  QVERIFY(std::filesystem::exists(folder / "run.0002.clipscope"));
  QVERIFY(std::filesystem::exists(folder / "run.0003.clipscope.part"));
  writer.close();
  QVERIFY(std::filesystem::exists(folder / "run.0003.clipscope"));
  QCOMPARE(countFiles(folder.path()), 3);
}

void TestRecordingSegments::everySegmentIsTheWholeSeries() {
  const Folder folder;
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer),
                         recordedExperiment(), threeSteps);
  const auto records = steps(trainer, 20);
  for (int k = 0; k < 10; ++k) writer.add(0, records[k]);
  BranchTree tree(std::make_shared<Experiment>(recordedExperiment()));
  tree.at(0).steps = 10;
  const int side = tree.add(0, 4, std::make_shared<Experiment>(recordedExperiment()), "side");
  writer.addBranch(tree.at(side));
  for (int k = 4; k < 12; ++k) writer.add(side, records[k]);
  writer.setActiveBranch(side);
  writer.addCheckpoint(side, trainer.checkpoint());
  writer.close();
  // 18 steps, three a segment.
  QCOMPARE(countFiles(folder.path()), 6);
  for (const char* name : {"run.0001.clipscope", "run.0004.clipscope", "run.clipscope"}) {
    const RecordingReader reader(folder / name);
    QCOMPARE(reader.activeBranch(), side);
    QCOMPARE(reader.tree().at(0).steps, Index{10});
    QCOMPARE(reader.tree().at(side).steps, Index{12});
    const auto main = reader.summaries(0);
    QCOMPARE(main.size(), std::size_t{10});
    for (std::size_t k = 0; k < 10; ++k) QCOMPARE(main[k].signal, records[k]->clip->signal);
    QCOMPARE(reader.summaries(side).size(), std::size_t{8});
    QCOMPARE(reader.summaries(side, 7).size(), std::size_t{5});
    for (Index step = 12; step >= 1; --step)
      QCOMPARE(
          storedDifference(*records[static_cast<std::size_t>(step - 1)], *reader.step(side, step)),
          "");
    QVERIFY(!reader.isBeingWritten());
  }
  QCOMPARE(readRecordingInfo(folder / "run.clipscope").steps, Index{12});
}

void TestRecordingSegments::aViewerReadsWhatIsClosed() {
  const Folder folder;
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer),
                         recordedExperiment(), threeSteps);
  const auto add = [&](int count) {
    for (const auto& record : steps(trainer, count)) writer.add(0, record);
    writer.flush();
  };
  writer.addCheckpoint(0, trainer.checkpoint());
  add(2);
  // None is closed: there is nothing to read yet.
  QVERIFY_THROWS_EXCEPTION(FileError, RecordingReader(folder / "run.clipscope"));
  add(2);
  RecordingReader reader(folder / "run.clipscope");
  QVERIFY(reader.isBeingWritten());
  QCOMPARE(reader.tree().at(0).steps, Index{3});
  QVERIFY(!reader.poll());
  add(1);
  QVERIFY(!reader.poll());
  writer.addCheckpoint(0, trainer.checkpoint());
  add(5);
  QVERIFY(reader.poll());
  QCOMPARE(reader.tree().at(0).steps, Index{9});
  QCOMPARE(reader.summaries(0, 3).size(), std::size_t{6});
  const auto places = reader.checkpoints();
  QCOMPARE(places.size(), std::size_t{2});
  QCOMPARE(reader.checkpoint(0, 5).done, Index{5});
  QCOMPARE(reader.checkpoint(0, 0).done, Index{0});
  writer.close();
  QVERIFY(reader.poll());
  QCOMPARE(reader.tree().at(0).steps, Index{10});
  QVERIFY(!reader.isBeingWritten());
}

void TestRecordingSegments::goesOnAfterAKill() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  const auto records = steps(trainer, 12);
  {
    const Folder live;
    RecordingWriter writer(live / "run.clipscope", recordedMeta, infoOf(trainer),
                           recordedExperiment(), threeSteps);
    for (int k = 0; k < 5; ++k) writer.add(0, records[k]);
    writer.flush();
    // What a killed program leaves: the files as they are now.
    for (const auto& entry : std::filesystem::directory_iterator(live.path()))
      std::filesystem::copy_file(entry.path(), folder.path() / entry.path().filename());
  }
  QCOMPARE(RecordingReader(path).tree().at(0).steps, Index{3});
  auto writer = RecordingWriter::append(path);
  QCOMPARE(RecordingReader(path).tree().at(0).steps, Index{5});
  for (int k = 5; k < 12; ++k) writer->add(0, records[k]);
  writer->close();
  {
    const RecordingReader reader(path);
    QCOMPARE(reader.summaries(0).size(), std::size_t{12});
    for (const auto& record : records)
      QCOMPARE(reader.step(0, record->step)->clip->signal, record->clip->signal);
  }
  // And once more after a clean close, by the name of a segment.
  writer = RecordingWriter::append(folder / "run.0002.clipscope");
  writer->add(0, nextStep(trainer));
  writer->close();
  QCOMPARE(RecordingReader(path).tree().at(0).steps, Index{13});
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    QVERIFY2(seriesOf(entry.path()), entry.path().c_str());
}

void TestRecordingSegments::aMissingSegmentIsNamed() {
  const Folder folder;
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  {
    RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer),
                           recordedExperiment(), threeSteps);
    for (const auto& record : steps(trainer, 9)) writer.add(0, record);
    writer.close();
  }
  std::filesystem::remove(folder / "run.0002.clipscope");
  try {
    RecordingReader reader(folder / "run.0001.clipscope");
    QFAIL("it was read");
  } catch (const FileError& error) {
    QVERIFY2(std::string(error.what()).find("run.0002.clipscope") != std::string::npos,
             error.what());
  }
}

void TestRecordingSegments::overwritesNone() {
  const Folder folder;
  folder.write("run.0001.clipscope", "precious");
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  QVERIFY_THROWS_EXCEPTION(FileError,
                           RecordingWriter(folder / "run.clipscope", recordedMeta, infoOf(trainer),
                                           recordedExperiment(), threeSteps));
  QCOMPARE(readAll(folder / "run.0001.clipscope"), "precious");
  QCOMPARE(countFiles(folder.path()), 1);
}

QTEST_GUILESS_MAIN(TestRecordingSegments)
#include "test_recording_segments.moc"
