// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <random>

#include "engine/error.h"
#include "engine/recording/recording_info.h"
#include "engine/recording/recording_reader.h"
#include "engine/recording/recording_writer.h"
#include "tests/support/files.h"
#include "tests/support/plain_sqlite.h"
#include "tests/support/recorded_run.h"

using namespace clipscope;
using namespace clipscope::test;

namespace {

/// Reads all that there is, as a window would; "" or what was thrown. Anything but an Error ends
/// the test.
std::string readEverything(const std::filesystem::path& path) {
  try {
    RecordingReader reader(path);
    for (const Branch& branch : reader.tree().branches()) {
      reader.summaries(branch.number);
      for (Index step = branch.fork + 1; step <= branch.steps; ++step)
        reader.step(branch.number, step);
    }
    for (const auto& place : reader.checkpoints()) reader.checkpoint(place.branch, place.step);
    reader.poll();
    readRecordingInfo(path);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

void record(const std::filesystem::path& path) {
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(path, recordedMeta, infoOf(trainer), recordedExperiment());
  BranchTree tree(std::make_shared<Experiment>(recordedExperiment()));
  const auto records = steps(trainer, 6);
  for (const auto& record : records) writer.add(0, record);
  tree.at(0).steps = 6;
  const int side = tree.add(0, 2, std::make_shared<Experiment>(recordedExperiment()));
  writer.addBranch(tree.at(side));
  writer.add(side, records[2]);
  writer.addCheckpoint(0, trainer.checkpoint());
  writer.close();
}

}  // namespace

class TestRecordingDamage : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase();
  void refusesWhatIsNoRecording();
  void cutOffAnywhere();
  void theLogIsCutOffAnywhere();
  void flippedBits();
  void valuesThatCannotBe_data();
  void valuesThatCannotBe();
  void nothingInItRuns_data();
  void nothingInItRuns();

 private:
  std::string m_small;  ///< a small recording, whole
};

void TestRecordingDamage::initTestCase() {
  const Folder folder;
  record(folder / "run.clipscope");
  m_small = readAll(folder / "run.clipscope");
}

void TestRecordingDamage::refusesWhatIsNoRecording() {
  const Folder folder;
  const auto said = [](const std::filesystem::path& path) { return readEverything(path); };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  QVERIFY(has(said(folder / "none"), "there is no such file"));
  QVERIFY(has(said(folder.path()), "there is no such file"));
  QVERIFY(has(said(folder.write("text.clipscope", std::string(5000, 'x'))),
              "cannot be read as a recording"));
  QVERIFY(has(said(folder.write("empty.clipscope", "")), "holds nothing yet"));
  QCOMPARE(said(folder.write("run.clipscope", m_small)), "");
  std::string bytes = m_small;
  bytes[63] = 9;  // the last byte of user_version in the header
  QVERIFY(has(said(folder.write("newer.clipscope", bytes)), "version 9"));
  bytes[63] = 1;
  QVERIFY(has(said(folder.write("older.clipscope", bytes)), "version 1"));
}

void TestRecordingDamage::cutOffAnywhere() {
  const Folder folder;
  const std::string& whole = m_small;
  for (std::size_t size = 0; size < whole.size(); size += 512)
    QVERIFY(!readEverything(folder.write("cut.clipscope", whole.substr(0, size))).empty());
}

void TestRecordingDamage::theLogIsCutOffAnywhere() {
  const Folder folder;
  const auto path = folder / "run.clipscope", log = folder / "run.clipscope-wal";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  const auto records = steps(trainer, 25);
  RecordingWriter writer(path, recordedMeta, infoOf(trainer), recordedExperiment());
  // Where each commit ends in the log.
  std::vector<std::uintmax_t> ends{std::filesystem::file_size(log)};
  for (const auto& record : records) {
    writer.add(0, record);
    writer.flush();
    ends.push_back(std::filesystem::file_size(log));
  }
  const std::string file = readAll(path), whole = readAll(log);
  QCOMPARE(whole.size(), ends.back());
  const std::size_t page = static_cast<std::size_t>(PlainSqlite(path).number("PRAGMA page_size"));
  const std::size_t frame = page + 24;
  QCOMPARE((whole.size() - 32) % frame, std::size_t{0});
  int tried = 0;
  for (std::size_t frames = 0; 32 + frames * frame <= whole.size(); ++frames)
    for (const std::size_t more : {std::size_t{0}, frame / 2}) {
      const std::size_t size = std::min(whole.size(), 32 + frames * frame + more);
      const Folder copy;
      copy.write("run.clipscope", file);
      copy.write("run.clipscope-wal", whole.substr(0, size));
      Index due = -1;
      for (const auto end : ends) due += end <= size ? 1 : 0;
      if (due < 0) continue;  // the recording was still being made
      RecordingReader reader(copy / "run.clipscope");
      QCOMPARE(reader.tree().at(0).steps, due);
      QCOMPARE(reader.summaries(0).size(), static_cast<std::size_t>(due));
      if (due > 0)
        QCOMPARE(reader.step(0, due)->clip->signal,
                 records[static_cast<std::size_t>(due - 1)]->clip->signal);
      if (++tried % 16 == 0)
        QCOMPARE(RecordingWriter::append(copy / "run.clipscope")->saved().step, due);
    }
  QVERIFY(tried > 100);
}

void TestRecordingDamage::flippedBits() {
  const Folder folder;
  const std::string& whole = m_small;
  std::mt19937 random(11);
  int refused = 0;
  constexpr int tries = 3000;
  for (int k = 0; k < tries; ++k) {
    std::string bytes = whole;
    // Anywhere, and as often in a page's first bytes, where its structure is.
    std::size_t at = random() % bytes.size();
    if (k % 2 == 0) at = at / 4096 * 4096 + random() % 64;
    at = std::min(at, bytes.size() - 1);
    if (k % 3 == 0)
      bytes[at] = static_cast<char>(random());
    else
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    refused += !readEverything(folder.write("flipped.clipscope", bytes)).empty();
  }
  QVERIFY2(refused > tries / 20 && refused < tries, qPrintable(QString::number(refused)));
}

void TestRecordingDamage::valuesThatCannotBe_data() {
  QTest::addColumn<QString>("sql");
  const auto row = [](const char* sql) { QTest::newRow(sql) << QString::fromUtf8(sql); };
  row("UPDATE meta SET value = '-3' WHERE key = 'train_examples'");
  row("DELETE FROM meta WHERE key = 'train_examples'");
  row("UPDATE meta SET value = '99' WHERE key = 'active_branch'");
  row("UPDATE meta SET value = x'00ff'");
  row("DELETE FROM tensors");
  row("DELETE FROM tensors WHERE tensor = 0");
  row("UPDATE tensors SET size = 4611686018427387904");
  row("UPDATE tensors SET shape = '[4611686018427387904, 4]'");
  row("UPDATE tensors SET shape = '[-1, -8]'");
  row("UPDATE tensors SET shape = '[1.5]'");
  row("UPDATE tensors SET name = x'c0af'");
  row("UPDATE tensors SET shape = replace(hex(zeroblob(5000)), '00', '[')");
  row("UPDATE settings SET experiment = '{}}'");
  row("UPDATE settings SET experiment = '[[[[' WHERE branch = 0");
  row("UPDATE settings SET experiment = '{\"model\": {\"spec\": ' || "
      "replace(hex(zeroblob(200000)), "
      "'00', '[')");
  row("UPDATE settings SET experiment = '{\"noise\": {\"noise_multiplier\": -1}}'");
  row("UPDATE settings SET first_step = 0 WHERE branch = 0");
  row("DELETE FROM settings WHERE branch = 1");
  row("UPDATE branches SET parent = 1 WHERE branch = 1");
  row("UPDATE branches SET fork_step = 7 WHERE branch = 1");
  row("UPDATE branches SET branch = -1 WHERE branch = 0");
  row("DELETE FROM branches WHERE branch = 0");
  row("DELETE FROM steps WHERE step = 2");
  row("DELETE FROM details WHERE step = 2");
  row("DELETE FROM group_names");
  row("UPDATE steps SET batch_size = 1e9");
  row("UPDATE steps SET batch_size = -1");
  row("UPDATE steps SET batch_size = 2.5");
  row("UPDATE steps SET batch_size = NULL");
  row("UPDATE steps SET batch_size = batch_size + 1");
  row("UPDATE steps SET epoch = 1e300");
  row("UPDATE steps SET worst_example = 1000000");
  row("UPDATE steps SET loss = 'high'");
  row("UPDATE steps SET loss = x'00'");
  row("UPDATE steps SET sensitivity_exceeded = 2");
  row("UPDATE steps SET strategy = 'none at all'");
  row("UPDATE steps SET sampling = ''");
  row("UPDATE steps SET scheme = 'x'");
  row("UPDATE steps SET accountant = x'ff'");
  row("UPDATE steps SET step = 9223372036854775807 WHERE step = 6");
  row("UPDATE details SET thresholds = zeroblob(7)");
  row("UPDATE details SET thresholds = zeroblob(100000000)");
  row("UPDATE details SET thresholds = 'text'");
  row("UPDATE details SET group_of = x'ffffffff00000000'");
  row("UPDATE details SET group_of = x'0000000000000001'");
  row("UPDATE details SET noise_histogram = CAST(x'ffffffff' || zeroblob(404) AS BLOB)");
  row("UPDATE details SET noise_histogram = zeroblob(404)");
  row("UPDATE details SET layer_times = zeroblob(4)");
  row("UPDATE details SET adaptive = zeroblob(8)");
  row("UPDATE batches SET examples = zeroblob(4000)");
  row("UPDATE batches SET examples = CAST(x'ffffffff' || substr(examples, 5) AS BLOB)");
  row("UPDATE batches SET labels = CAST(x'7fffffff' || substr(labels, 5) AS BLOB)");
  row("UPDATE batches SET predictions = CAST(x'0a000000' || substr(predictions, 5) AS BLOB)");
  row("UPDATE batches SET norms = zeroblob(length(norms) * 2)");
  row("UPDATE batches SET norms = CAST(x'000080bf' || substr(norms, 5) AS BLOB)");
  row("UPDATE batches SET factors = CAST(x'0000c07f' || substr(factors, 5) AS BLOB)");
  row("UPDATE checkpoints SET optimizer_sizes = x'ffffffffffffff7f'");
  row("UPDATE checkpoints SET optimizer_buffers = zeroblob(4)");
  row("UPDATE checkpoints SET parameters = zeroblob(5)");
  row("UPDATE checkpoints SET accounted = zeroblob(24)");
  row("UPDATE checkpoints SET accounted = zeroblob(8)");
  row("UPDATE checkpoints SET shuffle_step = 5000");
  row("UPDATE checkpoints SET accounted_sampling = 'x'");
  row("UPDATE checkpoints SET experiment = ''");
  row("INSERT INTO checkpoints SELECT 99, 9223372036854775807, 4, experiment, parameters, 1, x'', "
      "x'', x'', x'', x'', 0, 0, 0, 'none', 0 FROM checkpoints");
}

void TestRecordingDamage::valuesThatCannotBe() {
  QFETCH(QString, sql);
  const Folder folder;
  folder.write("run.clipscope", m_small);
  PlainSqlite(folder / "run.clipscope", SQLITE_OPEN_READWRITE).run(sql.toStdString());
  const std::string said = readEverything(folder / "run.clipscope");
  QVERIFY2(!said.empty(), "it was believed");
  QVERIFY2(said.find("run.clipscope") != std::string::npos, said.c_str());
}

void TestRecordingDamage::nothingInItRuns_data() {
  QTest::addColumn<QString>("sql");
  QTest::newRow("a trigger")
      << "CREATE TRIGGER t AFTER INSERT ON steps BEGIN DELETE FROM steps; END";
  QTest::newRow("a view for a table")
      << "ALTER TABLE meta RENAME TO other; CREATE VIEW meta AS WITH RECURSIVE c(key, value) AS "
         "(SELECT 'a', 'b' UNION ALL SELECT key, value FROM c) SELECT * FROM c";
  QTest::newRow("a column that is computed")
      << "ALTER TABLE steps ADD COLUMN more AS (hex(zeroblob(100000000)))";
  QTest::newRow("another table") << "CREATE TABLE mine (x)";
  QTest::newRow("an index by an expression") << "CREATE INDEX i ON steps (hex(loss))";
}

void TestRecordingDamage::nothingInItRuns() {
  QFETCH(QString, sql);
  const Folder folder;
  const auto path = folder.write("run.clipscope", m_small);
  PlainSqlite(path, SQLITE_OPEN_READWRITE).run(sql.toStdString());
  const std::string before = readAll(path);
  QVERIFY(!readEverything(path).empty());
  QVERIFY_THROWS_EXCEPTION(FileError, RecordingWriter::append(path));
  QCOMPARE(readAll(path), before);
}

QTEST_GUILESS_MAIN(TestRecordingDamage)
#include "test_recording_damage.moc"
