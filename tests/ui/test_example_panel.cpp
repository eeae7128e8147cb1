// SPDX-License-Identifier: GPL-3.0-or-later
#include <QComboBox>
#include <QDockWidget>
#include <QSignalSpy>
#include <cmath>

#include "engine/formats/csv.h"
#include "tests/support/files.h"
#include "tests/support/small_experiment.h"
#include "tests/ui/window_test.h"
#include "ui/panels/example_card.h"
#include "ui/panels/example_panel.h"
#include "ui/panels/gradient_map.h"
#include "ui/panels/paired_bars.h"
#include "ui/plots/plot.h"
#include "ui/window/panel_docks.h"

using namespace clipscope;
using namespace clipscope::test;

/// The Example panel in the real window: what it shows is the probe's gradient and f times it, on
/// one scale, of the example and the step that are shown and no other.
class TestExamplePanel : public WindowTest {
  Q_OBJECT

 private:
  ExamplePanel* panel() { return window()->example(); }
  void showPanel() {
    window()->docks()->show(panel());
    QTRY_VERIFY(panel()->isVisible());
    settle();
    QTRY_VERIFY(!panel()->gradient()->isEmpty());
  }

 private slots:
  void largestFirstThenTheSelected();
  void gradientIsTheProbes();
  void gradientAgreesWithFiniteDifferences();
  void normsBeforeAndAfter();
  void scoresAndFacts();
  void staleLooksAreDropped();
  void runningKeepsTheRecord();
  void lookEndsWithTheNextCommand();
  void cellsAndColours();
  void reducedCellsKeepTheLargest();
  void droppedExampleAddsNothing();
  void rowsOfValues();
  void history();
};

void TestExamplePanel::largestFirstThenTheSelected() {
  showPanel();
  const auto& norms = record().norms->global;
  const auto largest = std::max_element(norms.begin(), norms.end()) - norms.begin();
  QCOMPARE(panel()->facts().row, static_cast<Index>(largest));
  QCOMPARE(panel()->facts().rank, Index{1});
  QVERIFY(panel()->summary().contains("largest"));
  QVERIFY(panel()->card()->lines().contains(QString("rank 1 of %1").arg(record().batchSize())));
  const Index other = record().sample->examples[largest == 0 ? 1 : 0];
  controller()->selection()->select(other);
  settle();
  QCOMPARE(panel()->facts().example, other);
  QVERIFY(panel()->summary().contains("selected"));
  QTRY_VERIFY(!panel()->gradient()->isEmpty());
  // Not in the batch: what the data says of it, and no gradient of another.
  Index absent = 0;
  while (std::binary_search(record().sample->examples.begin(), record().sample->examples.end(),
                            absent))
    ++absent;
  controller()->selection()->select(absent);
  settle();
  QCOMPARE(panel()->facts().row, Index{-1});
  QVERIFY(panel()->gradient()->isEmpty());
  QVERIFY(panel()->card()->lines().contains("not drawn in this step"));
  QVERIFY(!panel()->norms()->isVisible());
}

void TestExamplePanel::gradientIsTheProbes() {
  showPanel();
  // The same run in a Trainer of its own.
  Trainer trainer(small(), loadDataset(small().data));
  trainer.advanceTo(Phase::Clip);
  const Index row = panel()->facts().row;
  const GradientSet gradient = trainer.probe()->gradient(row);
  for (int t = 0; t < panel()->tensorChoice()->count(); ++t) {
    panel()->tensorChoice()->setCurrentIndex(t);
    const auto shown = panel()->gradient()->before();
    const auto expected = gradient[gradient.table().trainable()[static_cast<std::size_t>(t)]];
    QCOMPARE(shown.size(), expected.size());
    const double f =
        record().clip->factors.factor(row, record().clip->groupOf[static_cast<std::size_t>(t)]);
    QVERIFY(f < 1);
    double squares = 0, most = 0;
    for (std::size_t k = 0; k < shown.size(); ++k) {
      QCOMPARE(shown[k], expected[k]);
      QCOMPARE(panel()->gradient()->after(static_cast<Index>(k)), f * expected[k]);
      squares += expected[k] * expected[k];
      most = std::max(most, std::abs(expected[k]));
    }
    QCOMPARE(panel()->gradient()->scale(), most);
    const double n = record().norms->norms.at(row, t);
    QVERIFY(std::abs(std::sqrt(squares) - n) <= 1e-5 * n);
  }
  const Folder folder;
  const CsvTable csv =
      readCsv(folder.write("g.csv", panel()->gradientCsv().toStdString()), CsvHeader::Present);
  QCOMPARE(csv.rows.size(), panel()->gradient()->before().size());
  QCOMPARE(std::strtod(csv.rows[1][1].c_str(), nullptr), panel()->gradient()->before()[1]);
}

void TestExamplePanel::gradientAgreesWithFiniteDifferences() {
  showPanel();
  Trainer trainer(small(), loadDataset(small().data));
  trainer.advanceTo(Phase::Clip);
  const Index row = panel()->facts().row;
  // The last layer's bias: the loss is smooth in it, and float's rounding small beside the change.
  const int tensor = panel()->tensorChoice()->count() - 1;
  panel()->tensorChoice()->setCurrentIndex(tensor);
  const ParameterId id = trainer.parameters().table().trainable()[static_cast<std::size_t>(tensor)];
  const auto& label = record().sample->labels[static_cast<std::size_t>(row)];
  const auto lossAt = [&](std::size_t k, double change) {
    Parameters moved = trainer.parameters();
    moved[id][k] += static_cast<float>(change);
    const BatchProbe probe(trainer.sharedModel(), std::make_shared<Parameters>(moved),
                           trainer.data().data, record().sample->examples, {});
    const std::vector<float> z = probe.output(row);
    double most = z[0], total = 0;
    for (const float v : z) most = std::max(most, static_cast<double>(v));
    for (const float v : z) total += std::exp(static_cast<double>(v) - most);
    return most + std::log(total) - static_cast<double>(z[static_cast<std::size_t>(label)]);
  };
  const auto shown = panel()->gradient()->before();
  for (std::size_t k = 0; k < shown.size(); ++k) {
    const double slope = (lossAt(k, 1.0 / 64) - lossAt(k, -1.0 / 64)) * 32;
    QVERIFY2(std::abs(slope - shown[k]) <= 2e-4,
             qPrintable(QString("%1 %2").arg(slope).arg(shown[k])));
  }
}

void TestExamplePanel::normsBeforeAndAfter() {
  showPanel();
  const StepRecord& r = record();
  const Index row = panel()->facts().row;
  QCOMPARE(panel()->norms()->rows().size(), r.info->tensors.size());
  for (std::size_t t = 0; t < r.info->tensors.size(); ++t) {
    const PairedBars::Row& bar = panel()->norms()->rows()[t];
    QCOMPARE(bar.first, r.norms->norms.at(row, static_cast<Index>(t)));
    QCOMPARE(bar.second, r.clip->factors.factor(row, r.clip->groupOf[t]) * bar.first);
  }
  QCOMPARE(panel()->facts().after, r.clip->factors.clippedNorm(row));
  const Folder folder;
  const CsvTable csv =
      readCsv(folder.write("e.csv", panel()->csv().toStdString()), CsvHeader::Present);
  QCOMPARE(csv.rows.size(), r.info->tensors.size());
  QCOMPARE(std::strtod(csv.rows[0][3].c_str(), nullptr), r.norms->norms.at(row, 0));
  // Before Clip there is a gradient, and no "after".
  controller()->advanceTo(Phase::Account);
  controller()->advanceTo(Phase::Norms);
  settle();
  QTRY_VERIFY(!panel()->gradient()->isEmpty());
  QVERIFY(std::isnan(panel()->norms()->rows()[0].second));
  QVERIFY(std::isnan(panel()->gradient()->after(0)));
}

void TestExamplePanel::scoresAndFacts() {
  showPanel();
  const StepRecord& r = record();
  const auto row = static_cast<std::size_t>(panel()->facts().row);
  QCOMPARE(panel()->scores()->rows().size(), std::size_t{10});
  double total = 0, best = -1;
  int predicted = -1;
  for (std::size_t k = 0; k < 10; ++k) {
    const PairedBars::Row& bar = panel()->scores()->rows()[k];
    total += bar.first;
    if (bar.first > best) best = bar.first, predicted = static_cast<int>(k);
    QCOMPARE(bar.marked, static_cast<int>(k) == r.sample->labels[row]);
  }
  QVERIFY(std::abs(total - 1) < 1e-12);
  QCOMPARE(predicted, r.forward->predictions[row]);
  const double label =
      panel()->scores()->rows()[static_cast<std::size_t>(r.sample->labels[row])].first;
  QVERIFY(std::abs(-std::log(label) - static_cast<double>(r.forward->losses[row])) < 1e-4);
  // A wrong prediction is said with a word.
  for (Index i = 0; i < r.batchSize(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (r.forward->predictions[at] == r.sample->labels[at]) continue;
    controller()->selection()->select(r.sample->examples[at]);
    settle();
    QVERIFY(panel()->card()->lines().join(' ').contains("wrong"));
    break;
  }
}

void TestExamplePanel::staleLooksAreDropped() {
  showPanel();
  Trainer trainer(small(), loadDataset(small().data));
  trainer.advanceTo(Phase::Clip);
  // The same step of another run: its batch is another object, whatever it holds.
  const auto stale = viewExample(*trainer.probe(), *trainer.record(), panel()->facts().example);
  QVERIFY(stale);
  const double* shown = panel()->gradient()->before().data();
  panel()->setView(stale);
  QCOMPARE(panel()->gradient()->before().data(), shown);
  // Of another example.
  controller()->selection()->select(record().sample->examples[3]);
  settle();
  QTRY_VERIFY(!panel()->gradient()->isEmpty());
  controller()->step();
  settle();
  QTRY_VERIFY(!panel()->gradient()->isEmpty() || panel()->facts().row < 0);
  QVERIFY(viewExample(*trainer.probe(), *trainer.record(), -5) == nullptr);
}

void TestExamplePanel::runningKeepsTheRecord() {
  showPanel();
  QSignalSpy views(controller(), &Controller::exampleViewed);
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(record().step >= 4, 60000);
  QCOMPARE(views.count(), 0);
  QVERIFY(!std::isnan(panel()->facts().before));
  pauseWithNorms();
  QTRY_VERIFY(!panel()->gradient()->isEmpty());
  const Index row = panel()->facts().row;
  double squares = 0;
  for (const double g : panel()->gradient()->before()) squares += g * g;
  const double n = record().norms->norms.at(row, 0);
  QVERIFY(std::abs(std::sqrt(squares) - n) <= 1e-5 * n);
}

void TestExamplePanel::lookEndsWithTheNextCommand() {
  showPanel();
  QSignalSpy views(controller(), &Controller::exampleViewed);
  // Three looks at once and a step: only what is still asked for is answered.
  const Index first = record().sample->examples[0];
  for (int k = 0; k < 3; ++k) controller()->lookAt(first);
  controller()->step();
  settle();
  QVERIFY(views.count() <= 2);
  QTRY_VERIFY(panel()->facts().row < 0 || !panel()->gradient()->isEmpty());
  controller()->lookAt(-1);
  settle();
}

void TestExamplePanel::cellsAndColours() {
  const TensorCells kernels = makeTensorCells(Shape{5, 1, 2, 3});  // a 2 × 3 grid, one place free
  QCOMPARE(kernels.rows, Index{2 * 3 - 1});
  QCOMPARE(kernels.columns, Index{3 * 4 - 1});
  QCOMPARE(kernels.at(0, 0), Index{0});
  QCOMPARE(kernels.at(1, 2), Index{5});
  QCOMPARE(kernels.at(0, 3), Index{-1});
  QCOMPARE(kernels.at(0, 4), Index{6});
  QCOMPARE(kernels.at(3, 0), Index{18});
  QCOMPARE(kernels.at(4, 10), Index{-1});
  const TensorCells several = makeTensorCells(Shape{2, 3, 2, 2});  // outputs down, inputs across
  QCOMPARE(several.rows, Index{5});
  QCOMPARE(several.columns, Index{8});
  QCOMPARE(several.at(3, 3), Index{(1 * 3 + 1) * 4});
  QVERIFY(makeTensorCells(Shape{7}).isStrip());
  // Known values: the ends of the scale are the ends of the colours, 0 is the panel's.
  auto table = std::make_shared<ParameterTable>();
  table->declare("w", Shape{2, 3}, {}, true);
  table->finish();
  GradientSet gradient{table};
  const double values[] = {-4, 0, 4, 2, -2, NAN};
  std::copy(std::begin(values), std::end(values), gradient[0].begin());
  auto view = std::make_shared<ExampleView>(
      ExampleView{0, 0, 1, std::make_shared<SamplePart>(), gradient, {}, {}});
  GradientMap map;
  map.show(view, 0, 0.5);
  QCOMPARE(map.scale(), 4.0);
  const QImage before = map.picture(false, {100, 100}), after = map.picture(true, {100, 100});
  QCOMPARE(before.size(), QSize(3, 2));
  for (const ThemeChoice choice : {ThemeChoice::Light, ThemeChoice::Dark}) {
    applyTheme(*qApp, choice);
    const QImage picture = map.picture(false, {100, 100}), half = map.picture(true, {100, 100});
    const Theme& t = Theme::current();
    QCOMPARE(picture.pixelColor(0, 0), t.diverging(-1));
    QCOMPARE(picture.pixelColor(1, 0), t.panel);
    QCOMPARE(picture.pixelColor(2, 0), t.diverging(1));
    QVERIFY(picture.pixelColor(0, 0) != picture.pixelColor(2, 0));
    QCOMPARE(picture.pixelColor(2, 1), t.ink);
    // One scale: half the value, half the way to the end.
    QCOMPARE(half.pixelColor(2, 0), picture.pixelColor(0, 1));
    QCOMPARE(half.pixelColor(0, 0), picture.pixelColor(1, 1));
    const QColor end = t.diverging(1), mid = half.pixelColor(2, 0);
    QVERIFY(std::abs(mid.red() - (end.red() + t.panel.red()) / 2) <= 1);
    QVERIFY(std::abs(mid.blue() - (end.blue() + t.panel.blue()) / 2) <= 1);
  }
  applyTheme(*qApp, ThemeChoice::Light);
  // By selection: what is dropped is 0 even where the gradient is no number.
  map.show(view, 0, 0.0);
  QCOMPARE(map.after(5), 0.0);
  QCOMPARE(map.picture(true, {100, 100}).pixelColor(2, 1), Theme::current().panel);
}

void TestExamplePanel::reducedCellsKeepTheLargest() {
  const Index rows = 37, columns = 53;
  std::vector<double> values(static_cast<std::size_t>(rows * columns));
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  for (double& v : values) v = normal(random);
  const TensorCells cells = makeTensorCells(Shape{rows, columns});
  const TensorCells reduced = reduceCells(cells, values, 10, 7);
  QCOMPARE(reduced.rows, Index{10});
  QCOMPARE(reduced.columns, Index{7});
  for (Index y = 0; y < 10; ++y)
    for (Index x = 0; x < 7; ++x) {
      double most = -1;
      Index expected = -1;
      for (Index r = 0; r < rows; ++r)
        for (Index c = 0; c < columns; ++c)
          if (r * 10 / rows == y && c * 7 / columns == x &&
              std::abs(values[static_cast<std::size_t>(r * columns + c)]) > most) {
            expected = r * columns + c;
            most = std::abs(values[static_cast<std::size_t>(expected)]);
          }
      QCOMPARE(reduced.at(y, x), expected);
    }
  values[5] = NAN;
  QCOMPARE(reduceCells(cells, values, 1, 1).at(0, 0), Index{5});
}

void TestExamplePanel::droppedExampleAddsNothing() {
  // A record in which one row is not finite, shown as it would be.
  const auto before = controller()->record();
  auto norms = std::make_shared<NormsPart>(*before->norms);
  norms->global[1] = INFINITY;
  norms->norms.values()[static_cast<std::size_t>(before->info->tensors.size())] = INFINITY;
  Grouping grouping = makeGrouping(GroupingKind::Flat, before->info->tensors);
  auto clip = std::make_shared<ClipPart>(*before->clip);
  const std::vector<double> thresholds{3.0};
  computeFactors(norms->norms, grouping, thresholds, *makeStrategy("threshold", {}), clip->factors);
  auto record = std::make_shared<StepRecord>(*before);
  record->norms = norms;
  record->clip = clip;
  const ExampleFacts facts = exampleFacts(*record, -1);
  QCOMPARE(facts.row, Index{1});  // what is not finite counts as largest
  QVERIFY(facts.dropped);
  QCOMPARE(facts.factor, 0.0);
  QCOMPARE(facts.after, 0.0);
  QCOMPARE(facts.rank, Index{1});
}

void TestExamplePanel::rowsOfValues() {
  const Folder folder;
  std::string rows = "height,width,kind\n";
  for (int k = 0; k < 60; ++k)
    rows += std::to_string(k % 7) + "," + std::to_string(k % 5) + (k % 2 ? ",x\n" : ",y\n");
  Experiment e = small();
  e.sampling.expectedBatchSize = 20;
  controller()->openExperiment(e);
  settle();
  controller()->openPath(QString::fromStdString(folder.write("rows.csv", rows).string()));
  settle();
  showPanel();
  QVERIFY(panel()->card()->picture().isNull());
  QVERIFY(panel()->card()->lines().join(' ').contains("label"));
  QVERIFY(!panel()->scores()->rows().empty());
  // The picture of an image is its pixels.
  controller()->openExperiment(small());
  settle();
  QTRY_VERIFY(!panel()->gradient()->isEmpty());
  const QImage& picture = panel()->card()->picture();
  const auto raw = controller()->session()->data->raw(panel()->facts().example);
  QCOMPARE(picture.width() * picture.height(), static_cast<int>(raw.size()));
  for (int k = 0; k < static_cast<int>(raw.size()); ++k)
    QVERIFY(std::abs(qGray(picture.pixel(k % picture.width(), k / picture.width())) -
                     (255 - 255 * static_cast<double>(raw[static_cast<std::size_t>(k)]))) <= 1);
}

void TestExamplePanel::history() {
  showPanel();
  ExampleTrack track;
  track.show({{2, 8.0, 1.0, 0.125, 0.5}, {9, 0.0, 0.0, 1.0, 0.1}, {12, 4.0, 1.0, 0.25, 0.4}}, 20);
  QCOMPARE(track.heading(), "Drawn in 3 of 20 steps");
  QCOMPARE(track.plot()->graph(0)->dataCount(), 2);  // a norm of 0 has no place on the axis
  QCOMPARE(track.plot()->graph(0)->data()->at(0)->key, 2.0);
  QCOMPARE(track.plot()->graph(0)->data()->at(0)->value, std::log10(8.0));
  QCOMPARE(track.plot()->graph(1)->data()->at(1)->value, 0.0);
  QVERIFY(track.plot()->xAxis->range().contains(2) && track.plot()->xAxis->range().contains(12));
  // In the window: the step under way is there.
  QVERIFY(panel()->track()->plot()->graph(0)->dataCount() >= 1);
}

QTEST_MAIN(TestExamplePanel)
#include "test_example_panel.moc"
