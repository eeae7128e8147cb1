// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <functional>

#include "engine/error.h"
#include "engine/recording/recording_info.h"
#include "engine/recording/recording_reader.h"
#include "engine/recording/recording_writer.h"
#include "tests/support/files.h"
#include "tests/support/recorded_run.h"
#include "tests/support/small_experiment.h"
#include "tests/support/stored_record.h"

using namespace clipscope;
using namespace clipscope::test;

namespace {

/// Runs with everything that a record can hold, each with a name.
struct Kind {
  const char* name;
  std::function<void(Experiment&)> change;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"flat", [](Experiment&) {}},
      {"by parameter", [](Experiment& e) { e.clipping.grouping = GroupingKind::PerParameter; }},
      {"automatic", [](Experiment& e) { e.clipping.strategy = "auto_s"; }},
      {"without noise", [](Experiment& e) { e.noise.noiseMultiplier = 0; }},
      {"without clipping",
       [](Experiment& e) {
         e.clipping.strategy = "none";
         e.noise.noiseMultiplier = 0;
       }},
      {"without the unclipped sum", [](Experiment& e) { e.run.unclippedSum = false; }},
      {"adaptive",
       [](Experiment& e) {
         e.clipping.adaptive.enabled = true;
         e.clipping.grouping = GroupingKind::PerLayer;
         e.clipping.adaptive.denominator = CountDenominator::Batch;
       }},
      {"shuffled", [](Experiment& e) { e.sampling.scheme = SamplingScheme::Shuffled; }},
      {"all examples",
       [](Experiment& e) {
         e.sampling.scheme = SamplingScheme::Fixed;
         e.sampling.expectedBatchSize = 90;
       }},
      {"batches that are often empty", [](Experiment& e) { e.sampling.expectedBatchSize = 0.8; }},
      {"gradients that overflow",
       [](Experiment& e) {
         e.noise.noiseMultiplier = 0;
         e.optimizer.learningRate = 1e30;
         e.clipping.strategy = "none";
       }},
      {"adam",
       [](Experiment& e) {
         e.optimizer.kind = "adam";
         e.clipping.thresholds = ThresholdRule::Median;
         e.clipping.grouping = GroupingKind::PerLayer;
       }},
  };
  return all;
}

Experiment experimentOf(const Kind& kind) {
  Experiment e = smallExperiment();
  e.run.threads = 1;
  kind.change(e);
  return e;
}

bool sameSummary(const StepSummary& a, const StepSummary& b) {
  return a.step == b.step && a.batchSize == b.batchSize &&
         sameNumber(a.expectedBatchSize, b.expectedBatchSize) && sameNumber(a.loss, b.loss) &&
         sameNumber(a.testLoss, b.testLoss) && sameNumber(a.testAccuracy, b.testAccuracy) &&
         sameNumber(a.epsilon, b.epsilon) && sameNumber(a.epsilonNotValid, b.epsilonNotValid) &&
         sameNumber(a.clippedFraction, b.clippedFraction) &&
         sameNumber(a.maxGradNorm, b.maxGradNorm) &&
         sameNumber(a.suggestedThreshold, b.suggestedThreshold) && sameNumber(a.signal, b.signal) &&
         sameNumber(a.noise, b.noise) && sameNumber(a.noiseRealised, b.noiseRealised) &&
         sameNumber(a.snr, b.snr) && sameNumber(a.snrRealised, b.snrRealised) &&
         sameNumber(a.retainedNorm, b.retainedNorm) && sameNumber(a.biasRatio, b.biasRatio) &&
         sameNumber(a.biasCosine, b.biasCosine) && sameNumber(a.q05, b.q05) &&
         sameNumber(a.q25, b.q25) && sameNumber(a.q50, b.q50) && sameNumber(a.q75, b.q75) &&
         sameNumber(a.q95, b.q95) && sameNumber(a.max, b.max) &&
         sameNumber(a.learningRate, b.learningRate) && sameNumber(a.updateNorm, b.updateNorm);
}

}  // namespace

class TestRecordingReader : public QObject {
  Q_OBJECT

 private slots:
  void aRecordComesBack_data();
  void aRecordComesBack();
  void aCheckpointComesBackToTheBit_data() { aRecordComesBack_data(); }
  void aCheckpointComesBackToTheBit();
  void aCheckpointOfAnotherModelIsRefused();
  void theRunIsDescribed();
  void infoOfIt();
};

void TestRecordingReader::aRecordComesBack_data() {
  QTest::addColumn<int>("kind");
  for (std::size_t k = 0; k < kinds().size(); ++k)
    QTest::newRow(kinds()[k].name) << static_cast<int>(k);
}

void TestRecordingReader::aRecordComesBack() {
  QFETCH(int, kind);
  const Experiment experiment = experimentOf(kinds()[static_cast<std::size_t>(kind)]);
  const Folder folder;
  Trainer trainer(experiment, smallData());
  RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer), experiment);
  const auto records = steps(trainer, 12);
  for (const auto& record : records) writer.add(0, record);
  writer.close();
  const RecordingReader reader(folder / "run.clipscope");
  const auto summaries = reader.summaries(0);
  QCOMPARE(summaries.size(), records.size());
  for (std::size_t k = 0; k < records.size(); ++k) {
    const auto read = reader.step(0, static_cast<Index>(k) + 1);
    QCOMPARE(storedDifference(*records[k], *read), "");
    QVERIFY(sameSummary(summaryOf(*records[k]), summaries[k]));
    QVERIFY(sameSummary(summaryOf(*read), summaries[k]));
  }
  QCOMPARE(reader.summaries(0, 9).size(), std::size_t{3});
  QCOMPARE(reader.summaries(0, 9).front().step, Index{10});
  QVERIFY(reader.summaries(0, 12).empty());
}

void TestRecordingReader::aCheckpointComesBackToTheBit() {
  QFETCH(int, kind);
  const Experiment experiment = experimentOf(kinds()[static_cast<std::size_t>(kind)]);
  const Folder folder;
  Trainer trainer(experiment, smallData());
  RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer), experiment);
  const auto write = [&] { writer.addCheckpoint(0, trainer.checkpoint()); };
  write();
  std::vector<std::shared_ptr<const StepRecord>> records;
  for (int k = 1; k <= 12; ++k) {
    records.push_back(trainer.finishStep());
    writer.add(0, records.back());
    if (k == 5 || k == 8) write();
  }
  writer.removeCheckpoint(0, 8);
  writer.close();
  const RecordingReader reader(folder / "run.clipscope");
  const auto places = reader.checkpoints();
  QCOMPARE(places.size(), std::size_t{2});
  QCOMPARE(places[0].step, Index{0});
  QCOMPARE(places[1].step, Index{5});
  QVERIFY_THROWS_EXCEPTION(FileError, reader.checkpoint(0, 8));
  for (const auto& place : places) {
    // Another trainer of the same run goes on as the first one did.
    Trainer other(experiment, smallData());
    const auto checkpoint = other.checkpointFrom(reader.checkpoint(0, place.step));
    QVERIFY(checkpoint->experiment() == experiment);
    other.restore(*checkpoint);
    QCOMPARE(other.stepsDone(), place.step);
    for (std::size_t k = static_cast<std::size_t>(place.step); k < records.size(); ++k)
      QCOMPARE(differenceOf(*records[k], *other.finishStep()), "");
  }
}

void TestRecordingReader::aCheckpointOfAnotherModelIsRefused() {
  const Folder folder;
  const Experiment experiment = experimentOf(kinds()[0]);
  Trainer trainer(experiment, smallData());
  {
    RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer), experiment);
    trainer.finishStep();
    writer.addCheckpoint(0, trainer.checkpoint());
    writer.add(0, trainer.record());
    writer.close();
  }
  Experiment other = experiment;
  other.run.seed = 9;
  Trainer stranger(other, smallData());
  const RecordingReader reader(folder / "run.clipscope");
  QVERIFY_THROWS_EXCEPTION(FileError, stranger.checkpointFrom(reader.checkpoint(0, 1)));
  SavedCheckpoint cut = reader.checkpoint(0, 1);
  cut.parameters.pop_back();
  QVERIFY_THROWS_EXCEPTION(FileError, trainer.checkpointFrom(std::move(cut)));
}

void TestRecordingReader::theRunIsDescribed() {
  const Folder folder;
  const Experiment experiment = experimentOf(kinds()[0]);
  Trainer trainer(experiment, smallData());
  RecordingWriter(folder / "run.clipscope", recordedMeta, infoOf(trainer), experiment).close();
  const RecordingReader reader(folder / "run.clipscope");
  const RunInfo &live = infoOf(trainer), &read = *reader.info();
  QVERIFY(live.tensors == read.tensors);
  QVERIFY(live.layers == read.layers);
  QVERIFY(live.modelLayers == read.modelLayers);
  QVERIFY(live.sizes == read.sizes);
  QVERIFY(live.shapes == read.shapes);
  QCOMPARE(live.dimension, read.dimension);
  QCOMPARE(live.datasetSize, read.datasetSize);
  QVERIFY(live.classNames == read.classNames);
  QVERIFY(*reader.tree().settingsOf(0, 1) == experiment);
  QCOMPARE(reader.meta("data_name"), "digits");
  QCOMPARE(reader.meta("no such key"), "");
  QVERIFY(reader.summaries(0).empty());
  QVERIFY(reader.checkpoints().empty());
  QVERIFY(!reader.isBeingWritten());
}

void TestRecordingReader::infoOfIt() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(path, recordedMeta, infoOf(trainer), recordedExperiment());
  double accuracy = notANumber;
  const auto records = steps(trainer, 4);
  for (const auto& record : records) {
    if (record->evaluation) accuracy = record->evaluation->accuracy;
    writer.add(0, record);
  }
  writer.addCheckpoint(0, trainer.checkpoint());
  writer.flush();
  QVERIFY(readRecordingInfo(path).isBeingWritten);
  writer.close();
  const RecordingInfo info = readRecordingInfo(path);
  QVERIFY(!info.isBeingWritten);
  QVERIFY(info.experiment == recordedExperiment());
  QCOMPARE(info.steps, Index{4});
  QCOMPARE(info.tensors, static_cast<Index>(infoOf(trainer).tensors.size()));
  QCOMPARE(info.epsilon, records.back()->account->epsilon);
  QCOMPARE(info.loss, records.back()->forward->meanLoss);
  QVERIFY(!std::isnan(accuracy));
  QCOMPARE(info.testAccuracy, accuracy);
  QCOMPARE(info.meta.at("data_name"), "digits");
  QCOMPARE(info.branches.size(), std::size_t{1});
  QCOMPARE(info.branches[0].name, "main");
  QCOMPARE(info.checkpoints, Index{1});
  QVERIFY(info.checkpointBytes > 4 * infoOf(trainer).dimension);
  QCOMPARE(info.bytes, static_cast<Index>(std::filesystem::file_size(path)));
}

QTEST_GUILESS_MAIN(TestRecordingReader)
#include "test_recording_reader.moc"
