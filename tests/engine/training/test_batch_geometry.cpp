// SPDX-License-Identifier: GPL-3.0-or-later
#include <Eigen/Dense>
#include <QTest>
#include <cmath>

#include "engine/error.h"
#include "engine/training/trainer.h"
#include "engine/training/what_if/batch_geometry.h"
#include "engine/training/what_if/what_if.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// Directions from the Gram matrices against the gradients themselves, formed one by one.
class TestBatchGeometry : public QObject {
  Q_OBJECT

 private slots:
  void agreesWithTheGradients_data();
  void agreesWithTheGradients();
  void agreesWithTheWhatIf();
  void largeBatchesAreThinned();
  void fewExamples();
};

void TestBatchGeometry::agreesWithTheGradients_data() {
  QTest::addColumn<QString>("grouping");
  QTest::addColumn<bool>("images");
  QTest::newRow("flat") << "flat" << false;
  QTest::newRow("per layer") << "layer" << false;
  QTest::newRow("images, per parameter") << "param" << true;
}

void TestBatchGeometry::agreesWithTheGradients() {
  QFETCH(QString, grouping);
  QFETCH(bool, images);
  Experiment e = images ? imageExperiment() : smallExperiment();
  e.clipping.grouping = parseGrouping(grouping.toStdString(), "grouping");
  e.clipping.maxGradNorm = 0.6;
  e.noise.noiseMultiplier = 0.7;
  Trainer trainer(e, images ? smallImages() : smallData());
  trainer.finishStep();
  const auto record = trainer.finishStep();
  const auto probe = trainer.probe();
  const BatchGeometry got = batchGeometry(*record, *BatchGram::build(*probe));
  const auto n = static_cast<Eigen::Index>(record->batchSize());
  const auto d = static_cast<Eigen::Index>(record->info->dimension);
  QCOMPARE(static_cast<Eigen::Index>(got.rows.size()), n);

  // The matrices of gradients, one row an example: before, after, and the noise.
  Eigen::MatrixXd before(n, d), after(n, d);
  Eigen::VectorXd noise(d);
  for (Eigen::Index i = 0; i < n; ++i) {
    const GradientSet g = probe->gradient(static_cast<Index>(i));
    Eigen::Index column = 0;
    for (std::size_t t = 0; t < record->info->tensors.size(); ++t) {
      const double f =
          record->clip->factors.factor(static_cast<Index>(i), record->clip->groupOf[t]);
      for (const double value : g[g.table().trainable()[t]]) {
        before(i, column) = value;
        after(i, column++) = f * value;
      }
    }
  }
  Eigen::Index column = 0;
  for (std::size_t t = 0; t < record->info->tensors.size(); ++t) {
    std::vector<float> z(static_cast<std::size_t>(record->info->sizes[t]));
    probe->fillNoise(static_cast<Index>(t), z);
    for (const float value : z)
      noise(column++) = record->noise->tensorStd[t] * static_cast<double>(value);
  }
  const Eigen::RowVectorXd mean = before.colwise().mean();
  const Eigen::RowVectorXd sum = after.colwise().sum();
  const auto near = [](double a, double b, double scale) {
    return std::abs(a - b) <= 2e-4 * scale;
  };
  for (Eigen::Index i = 0; i < n; ++i)
    QVERIFY(near(got.cosines[static_cast<std::size_t>(i)],
                 before.row(i).dot(mean) / before.row(i).norm() / mean.norm(), 1));
  QVERIFY(near(got.clippedCosine, sum.dot(mean) / sum.norm() / mean.norm(), 1));
  const Eigen::RowVectorXd noisy = sum + noise.transpose();
  QVERIFY(near(got.privateCosine, noisy.dot(mean) / noisy.norm() / mean.norm(), 1));
  QVERIFY(std::abs(got.randomCosine - 1 / std::sqrt(static_cast<double>(d))) < 1e-12);
  // tr Σ and ‖G‖² by their definitions.
  const Eigen::MatrixXd centred = before.rowwise() - mean;
  const double spread = centred.squaredNorm() / static_cast<double>(n - 1);
  const double square = mean.squaredNorm() - spread / static_cast<double>(n);
  QVERIFY(square > 0 ? std::abs(got.noiseScale / (spread / square) - 1) < 1e-3
                     : std::isnan(got.noiseScale));

  // Principal components by the singular vectors of the centred gradients, up to a sign.
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(centred, Eigen::ComputeThinV);
  const double scale = svd.singularValues()(0);
  for (int k = 0; k < 2; ++k) {
    const Eigen::VectorXd axis = svd.matrixV().col(k);
    QVERIFY(near(got.explained[k],
                 svd.singularValues()(k) * svd.singularValues()(k) / centred.squaredNorm(), 1));
    const auto coordinate = [&](const BatchGeometry::Point& p) { return k == 0 ? p.x : p.y; };
    Eigen::Index far = 0;
    (centred * axis).cwiseAbs().maxCoeff(&far);
    const double sign =
        coordinate(got.before[static_cast<std::size_t>(far)]) * centred.row(far).dot(axis) > 0 ? 1
                                                                                               : -1;
    for (Eigen::Index i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(i);
      QVERIFY(near(coordinate(got.before[at]), sign * centred.row(i).dot(axis), 20 * scale));
      QVERIFY(near(coordinate(got.after[at]), sign * (after.row(i) - mean).dot(axis), 20 * scale));
    }
    const auto count = static_cast<double>(n);
    QVERIFY(near(coordinate(got.clippedMean), sign * (sum / count - mean).dot(axis), 20 * scale));
    QVERIFY(near(coordinate(got.noisyMean), sign * (noisy / count - mean).dot(axis), 20 * scale));
    QVERIFY(near(coordinate(got.zero), sign * (-mean).dot(axis), 20 * scale));
  }
}

void TestBatchGeometry::agreesWithTheWhatIf() {
  Trainer trainer(smallExperiment(), smallData());
  const auto record = trainer.finishStep();
  const auto gram = BatchGram::build(*trainer.probe());
  const BatchGeometry got = batchGeometry(*record, *gram);
  // The engine's own sums, formed on the way.
  QVERIFY(std::abs(got.clippedCosine - record->clip->biasCosine) < 1e-4);
}

void TestBatchGeometry::largeBatchesAreThinned() {
  Experiment e = smallExperiment();
  e.sampling.expectedBatchSize = 60;
  Trainer trainer(e, smallData());
  const auto record = trainer.finishStep();
  const auto gram = BatchGram::build(*trainer.probe());
  const BatchGeometry got = batchGeometry(*record, *gram, {}, 20);
  QVERIFY(got.rows.size() <= 20 && got.rows.size() >= 10);
  QCOMPARE(got.before.size(), got.rows.size());
  std::stop_source stop;
  stop.request_stop();
  QVERIFY_THROWS_EXCEPTION(Cancelled, batchGeometry(*record, *gram, stop.get_token()));
}

void TestBatchGeometry::fewExamples() {
  Experiment e = smallExperiment();
  e.sampling.sampleRate = 1e-6;
  Trainer trainer(e, smallData());
  const auto record = trainer.finishStep();
  QCOMPARE(record->batchSize(), Index{0});
  const BatchGeometry got = batchGeometry(*record, *BatchGram::build(*trainer.probe()));
  QVERIFY(got.before.empty() && std::isnan(got.privateCosine));
}

QTEST_GUILESS_MAIN(TestBatchGeometry)
#include "test_batch_geometry.moc"
