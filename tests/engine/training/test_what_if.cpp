// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/noise/gaussian_noise.h"
#include "engine/training/diagnostics.h"
#include "engine/training/trainer.h"
#include "engine/training/what_if/what_if.h"
#include "tests/support/random_data.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using nlohmann::json;

/// What-if numbers against sums that are formed from per-sample gradients in double, against closed
/// forms, and against the Trainer's own numbers for the settings in force.
class TestWhatIf : public QObject {
  Q_OBJECT

 private slots:
  void agreesWithFormedSums_data();
  void agreesWithFormedSums();
  void agreesWithTheTrainer_data();
  void agreesWithTheTrainer();
  void budgetIsTheNumbersAtEveryC_data();
  void budgetIsTheNumbersAtEveryC();
  void fixedSizeBatches();
  void orthogonalGradients();
  void twoExamples();
  void everyRuleIsItsLengthLaw();
  void subsetIsUnbiased();
  void edges();
  void mediansAndScaling();
};

namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

double length(const Vector& a) { return std::sqrt(dot(a, a)); }

bool near(double a, double b, double relative) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= relative * std::max(std::abs(a), std::abs(b));
}

#define NEAR(a, b, relative)     \
  QVERIFY2(near(a, b, relative), \
           qPrintable(QString(#a " %1, " #b " %2").arg(a, 0, 'g', 12).arg(b, 0, 'g', 12)))

/// A rule written down once more.
double factorOf(const std::string& strategy, double n, double c) {
  if (strategy == "threshold") return std::min(1.0, c / (n + 1e-6));
  if (strategy == "auto_s") return c / (n + 0.01);
  if (strategy == "auto_v") return n > 0 ? c / n : 0.0;
  if (strategy == "normalised") return c / (n + 0.01);
  if (strategy == "psac") return c / (n + 0.1 / (n + 0.1));
  if (strategy == "global") return n <= c ? 1.0 : 0.0;
  return 1.0;
}

/// A batch with its gradients in double, by tensor, and its noise.
struct Batch {
  explicit Batch(Trainer& trainer) : record(trainer.advanceTo(Phase::Clip)) {
    const auto probe = trainer.probe();
    gram = BatchGram::build(*probe);
    const ParameterTable& table = probe->model().table();
    gradients.resize(static_cast<std::size_t>(table.trainableCount()));
    for (Index i = 0; i < record->batchSize(); ++i) {
      const GradientSet g = probe->gradient(i);
      for (std::size_t t = 0; t < gradients.size(); ++t) {
        const auto values = g[table.trainable()[t]];
        gradients[t].emplace_back(values.begin(), values.end());
      }
    }
    for (std::size_t t = 0; t < gradients.size(); ++t) {
      std::vector<float> z(
          static_cast<std::size_t>(table.trainableInfo(static_cast<Index>(t)).size()));
      DrawKey key = probe->key();
      key.purpose = DrawPurpose::Noise;
      key.block = static_cast<std::uint32_t>(t);
      fillNormals(key, 0, z);
      noise.emplace_back(z.begin(), z.end());
    }
  }
  WhatIf whatIf() const { return WhatIf(record->info, record->norms, gram); }

  std::shared_ptr<const StepRecord> record;
  std::shared_ptr<const BatchGram> gram;
  std::vector<std::vector<Vector>> gradients;  ///< by tensor and row
  std::vector<Vector> noise;                   ///< by tensor, standard normal
};

/// What methods.md defines, from vectors: one stack of tensors.
struct Formed {
  Vector s, u, z;
  double squares = 0;  ///< Σ ‖clipped g_i‖²
  std::vector<Vector> tensorS, tensorU;
  Vector retainedBefore, retainedAfter;
};

Formed form(const Batch& batch, const WhatIfRules& rules) {
  Formed f;
  const auto stds =
      groupNoiseStds(rules.allocation, rules.sigma, rules.thresholds, rules.dimensions);
  f.retainedBefore.assign(1, 0);
  f.retainedAfter.assign(1, 0);
  for (std::size_t t = 0; t < batch.gradients.size(); ++t) {
    f.tensorS.emplace_back(batch.noise[t].size(), 0.0);
    f.tensorU.emplace_back(batch.noise[t].size(), 0.0);
  }
  for (std::size_t i = 0; i < batch.gradients.front().size(); ++i) {
    double clipped = 0, whole = 0;
    for (std::size_t k = 0; k < rules.thresholds.size(); ++k) {
      double n = 0;
      for (const Index t : rules.grouping.groups()[k].tensors) {
        const double part = length(batch.gradients[static_cast<std::size_t>(t)][i]);
        n += part * part;
      }
      n = std::sqrt(n);
      const double factor = factorOf(rules.strategyName, n, rules.thresholds[k]);
      clipped += factor * n * factor * n;
      whole += n * n;
      for (const Index t : rules.grouping.groups()[k].tensors) {
        const auto at = static_cast<std::size_t>(t);
        for (std::size_t j = 0; j < f.tensorS[at].size(); ++j) {
          f.tensorS[at][j] += factor * batch.gradients[at][i][j];
          f.tensorU[at][j] += batch.gradients[at][i][j];
        }
      }
    }
    f.squares += clipped;
    f.retainedBefore[0] += std::sqrt(whole);
    f.retainedAfter[0] += std::sqrt(clipped);
  }
  for (std::size_t t = 0; t < f.tensorS.size(); ++t) {
    const double std =
        stds[static_cast<std::size_t>(rules.grouping.groupOf(static_cast<Index>(t)))];
    f.s.insert(f.s.end(), f.tensorS[t].begin(), f.tensorS[t].end());
    f.u.insert(f.u.end(), f.tensorU[t].begin(), f.tensorU[t].end());
    for (const double z : batch.noise[t]) f.z.push_back(std * z);
  }
  return f;
}

/// cos(a, b), which a vector of 0 has none of.
double cosineOf(const Vector& a, const Vector& b) {
  const double lengths = length(a) * length(b);
  return lengths > 0 ? dot(a, b) / lengths : notANumber;
}

bool close(double a, double b, double absolute) {
  return std::isnan(a) ? std::isnan(b) : std::abs(a - b) <= absolute;
}

Vector minus(const Vector& a, const Vector& b) {
  Vector c = a;
  for (std::size_t i = 0; i < c.size(); ++i) c[i] -= b[i];
  return c;
}

WhatIfRules rulesFor(const Batch& batch, const Experiment& e) {
  return makeWhatIfRules(e.clipping, e.noise, *batch.record->sample, *batch.record->info);
}

void compareTotals(const WhatIfNumbers& w, const Formed& f, const WhatIfRules& rules) {
  const double b2 = rules.expectedBatch * rules.expectedBatch;
  const double distance = length(minus(f.s, f.u)), uu = length(f.u), ss = length(f.s);
  NEAR(w.total.signal, ss, 1e-5);
  NEAR(w.total.unclipped, uu, 1e-5);
  // A distance is as good as the larger of what it is between, or better.
  QVERIFY(std::abs(w.total.biasRatio - distance / uu) <= 1e-5 * std::max(1.0, distance / uu));
  const double cosine = cosineOf(f.s, f.u);
  QVERIFY(close(w.total.biasCosine, cosine, 1e-5));
  QVERIFY(close(w.total.biasScaleFree * w.total.biasScaleFree, 1 - cosine * cosine, 1e-5));
  NEAR(w.total.noiseRealised, length(f.z), 1e-6);
  NEAR(w.total.snrRealised, ss / length(f.z), 1e-5);
  NEAR(w.total.snr, ss / w.total.noiseExpected, 1e-5);
  NEAR(w.total.retainedNorm, f.retainedAfter[0] / f.retainedBefore[0], 1e-5);
  Vector released = f.s;
  for (std::size_t j = 0; j < released.size(); ++j) released[j] += f.z[j];
  QVERIFY(std::abs(w.privateCosine - dot(released, f.u) / length(released) / uu) <= 1e-5);
  NEAR(w.randomCosine, 1 / std::sqrt(static_cast<double>(f.s.size())), 1e-12);
  QVERIFY(std::abs(w.budget.biasSquared - distance * distance / b2) <=
          2e-5 * std::max(distance * distance, uu * uu * 1e-3) / b2);
  NEAR(w.budget.samplingVariance, (1 - rules.sampleRate) / b2 * f.squares, 1e-5);
  NEAR(w.budget.total, w.budget.biasSquared + w.budget.noiseVariance + w.budget.samplingVariance,
       1e-12);
}

void addSettings() {
  QTest::addColumn<int>("grouping");
  QTest::addColumn<QString>("strategy");
  QTest::addColumn<double>("c");
  QTest::addColumn<int>("allocation");
  const char* const strategies[] = {"threshold", "auto_s", "auto_v", "normalised",
                                    "psac",      "global", "none"};
  int row = 0;
  for (int grouping = 0; grouping < 3; ++grouping)
    for (const char* strategy : strategies)
      for (const double c : {0.05, 0.8, 3.0}) {
        // A global bound below every group's norm drops all and leaves nothing to compare.
        if (std::string(strategy) == "global" && c < 1) continue;
        QTest::addRow("%d %s %g", grouping, strategy, c)
            << grouping << strategy << c << (row++ % 4);
      }
}

/// Convolutions, a normalisation of several channels a group (a bias in front of one channel a
/// group has rounding for a gradient) and a dense layer.
Experiment networkExperiment() {
  Experiment e = test::imageExperiment();
  e.model.spec = json::parse(R"({"layers": [
    {"type": "conv2d", "name": "conv1", "out_channels": 6, "kernel": 3, "padding": 1},
    {"type": "groupnorm", "name": "gn1", "groups": 2}, {"type": "relu"},
    {"type": "maxpool2d", "kernel": 2},
    {"type": "conv2d", "name": "conv2", "out_channels": 6, "kernel": 2},
    {"type": "tanh"}, {"type": "flatten"}, {"type": "linear", "name": "fc", "out": 3}]})");
  return e;
}

Experiment settings(int grouping, const QString& strategy, double c, int allocation) {
  Experiment e = networkExperiment();
  e.clipping.grouping = static_cast<GroupingKind>(grouping);
  e.clipping.strategy = strategy.toStdString();
  e.clipping.maxGradNorm = c;
  e.clipping.thresholds = ThresholdRule::SqrtDimension;
  e.noise.allocation = static_cast<NoiseAllocation>(allocation);
  return e;
}

/// The batch that all settings are asked about: the training itself has others.
Batch& imageBatch() {
  static Trainer trainer(networkExperiment(), test::smallImages());
  static Batch batch(trainer);
  return batch;
}

}  // namespace

void TestWhatIf::agreesWithFormedSums_data() { addSettings(); }

void TestWhatIf::agreesWithFormedSums() {
  QFETCH(int, grouping);
  QFETCH(QString, strategy);
  QFETCH(double, c);
  QFETCH(int, allocation);
  const Batch& batch = imageBatch();
  WhatIf whatIf = batch.whatIf();
  const WhatIfRules rules = rulesFor(batch, settings(grouping, strategy, c, allocation));
  const WhatIfNumbers w = whatIf.evaluate(rules, WhatIf::Detail::Tensors);
  const Formed f = form(batch, rules);
  compareTotals(w, f, rules);
  if (QTest::currentTestFailed()) return;
  QCOMPARE(w.fromSubset, false);
  for (std::size_t t = 0; t < f.tensorS.size(); ++t) {
    const double uu = length(f.tensorU[t]), ss = length(f.tensorS[t]);
    NEAR(w.tensors[t].signal, ss, 2e-5);
    QVERIFY(close(w.tensors[t].biasCosine, cosineOf(f.tensorS[t], f.tensorU[t]), 2e-5));
    const double ratio = length(minus(f.tensorS[t], f.tensorU[t])) / uu;
    QVERIFY(std::abs(w.tensors[t].biasRatio - ratio) <= 2e-5 * std::max(1.0, ratio));
  }
  for (std::size_t k = 0; k < w.groups.size(); ++k) {
    Vector s, u;
    for (const Index t : rules.grouping.groups()[k].tensors) {
      const auto at = static_cast<std::size_t>(t);
      s.insert(s.end(), f.tensorS[at].begin(), f.tensorS[at].end());
      u.insert(u.end(), f.tensorU[at].begin(), f.tensorU[at].end());
    }
    NEAR(w.groups[k].signal, length(s), 2e-5);
    QVERIFY(close(w.groups[k].biasCosine, cosineOf(s, u), 2e-5));
  }
}

void TestWhatIf::agreesWithTheTrainer_data() { addSettings(); }

void TestWhatIf::agreesWithTheTrainer() {
  QFETCH(int, grouping);
  QFETCH(QString, strategy);
  QFETCH(double, c);
  QFETCH(int, allocation);
  const Experiment e = settings(grouping, strategy, c, allocation);
  Trainer trainer(e, test::smallImages());
  const auto record = trainer.finishStep();
  const auto gram = BatchGram::build(*trainer.probe());
  WhatIf whatIf(record->info, record->norms, gram);
  const WhatIfNumbers w =
      whatIf.evaluate(makeWhatIfRules(e.clipping, e.noise, *record->sample, *record->info),
                      WhatIf::Detail::Tensors);
  const ClipPart& clip = *record->clip;
  const NoisePart& noise = *record->noise;
  for (Index i = 0; i < record->batchSize(); ++i)
    QCOMPARE(w.factors.overallFactor(i), clip.factors.overallFactor(i));
  NEAR(w.maxGradNorm, clip.maxGradNorm, 1e-12);
  NEAR(w.clippedFraction, clip.clippedFraction, 0);
  NEAR(w.aboveOneFraction, clip.aboveOneFraction, 0);
  NEAR(w.total.retainedNorm, clip.retainedNorm, 1e-12);
  NEAR(w.sensitivity, clip.sensitivity, 1e-12);
  NEAR(w.total.signal, clip.signal, 1e-5);
  QVERIFY(near(w.total.biasRatio, clip.biasRatio, 1e-5) || w.total.biasRatio < 1e-6);
  QVERIFY(close(w.total.biasCosine, clip.biasCosine, 1e-5));
  NEAR(w.total.noiseExpected, noise.expected, 1e-12);
  NEAR(w.total.noiseRealised, noise.realised, 1e-5);
  NEAR(w.total.snr, noise.snr, 1e-5);
  NEAR(w.total.snrRealised, noise.snrRealised, 1e-5);
  NEAR(w.effectiveSigma, noise.effectiveSigma, 1e-9);
  for (std::size_t k = 0; k < clip.groups.size(); ++k) {
    NEAR(w.groups[k].clippedFraction, clip.groups[k].clippedFraction, 0);
    NEAR(w.groups[k].threshold, clip.groups[k].threshold, 1e-12);
  }
  for (std::size_t t = 0; t < clip.tensorSignal.size(); ++t) {
    NEAR(w.tensors[t].signal, clip.tensorSignal[t], 2e-5);
    NEAR(w.tensors[t].noiseRealised, noise.tensorRealised[t], 1e-5);
    QVERIFY(close(w.tensors[t].biasCosine, clip.tensorBiasCosine[t], 2e-5));
  }
}

void TestWhatIf::budgetIsTheNumbersAtEveryC_data() { addSettings(); }

void TestWhatIf::budgetIsTheNumbersAtEveryC() {
  QFETCH(int, grouping);
  QFETCH(QString, strategy);
  QFETCH(double, c);
  QFETCH(int, allocation);
  const Batch& batch = imageBatch();
  WhatIf whatIf = batch.whatIf();
  const WhatIfRules rules = rulesFor(batch, settings(grouping, strategy, c, allocation));
  const auto budget = whatIf.budget(rules);
  double least = std::numeric_limits<double>::infinity();
  for (const BudgetPoint& point : budget->curve(0.01, 100, 60)) {
    const WhatIfNumbers w = whatIf.evaluate(rules.withMaxGradNorm(point.maxGradNorm));
    const double scale = std::max(w.budget.total, 1e-12);
    QVERIFY2(std::abs(point.biasSquared - w.budget.biasSquared) <= 1e-5 * scale,
             qPrintable(QString("C %1: %2 for %3")
                            .arg(point.maxGradNorm)
                            .arg(point.biasSquared)
                            .arg(w.budget.biasSquared)));
    NEAR(point.noiseVariance, w.budget.noiseVariance, 1e-9);
    QVERIFY(std::abs(point.samplingVariance - w.budget.samplingVariance) <= 1e-9 * scale);
  }
  for (const BudgetPoint& point : budget->curve(0.001, 1000, 4001))
    least = std::min(least, point.total);
  if (strategy == "none" || (strategy == "global" && std::isnan(budget->minimum()))) {
    // No trade: the total rises with C from the start, and where the rule drops all below some C,
    // nothing may be the best to release.
    QVERIFY(std::isnan(budget->minimum()));
    QCOMPARE(least, budget->at(0.001).total);
    return;
  }
  const double best = budget->at(budget->minimum()).total;
  QVERIFY2(best <= least * (1 + 1e-9), qPrintable(QString("%1 %2").arg(best).arg(least)));
}

void TestWhatIf::fixedSizeBatches() {
  // ((N−b)/(N−1)) tr Cov(clipped g)/b, from formed gradients.
  const Batch& batch = imageBatch();
  WhatIf whatIf = batch.whatIf();
  for (int grouping = 0; grouping < 3; ++grouping) {
    WhatIfRules rules = rulesFor(batch, settings(grouping, "threshold", 0.8, 0));
    rules.fixedSize = true;
    const Formed f = form(batch, rules);
    const double b = static_cast<double>(batch.record->batchSize());
    const double n = static_cast<double>(rules.datasetSize);
    const double trace = f.squares / b - dot(f.s, f.s) / (b * b);
    const double exact = (n - b) / (n - 1) * trace / b;
    NEAR(whatIf.evaluate(rules).budget.samplingVariance, exact, 1e-5);
    const auto budget = whatIf.budget(rules);
    NEAR(budget->at(0.8).samplingVariance, exact, 1e-5);
    double least = std::numeric_limits<double>::infinity();
    for (const BudgetPoint& point : budget->curve(0.001, 1000, 4001))
      least = std::min(least, point.total);
    QVERIFY(budget->at(budget->minimum()).total <= least * (1 + 1e-9));
  }
}

namespace {

/// A linear layer without bias on rows that are multiples of unit vectors: gradients of different
/// features are orthogonal.
LoadedData axes(const std::vector<double>& lengths, bool sameAxis) {
  Dataset::Content content;
  content.name = content.source = "axes";
  content.shape = Shape{5};
  content.outputs = 3;
  LoadedData loaded;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    content.labels.push_back(1);
    for (std::size_t k = 0; k < 5; ++k)
      content.rows.push_back(k == (sameAxis ? 0 : i) ? static_cast<float>(lengths[i]) : 0.0f);
    loaded.train.push_back(static_cast<Index>(i));
  }
  loaded.data = std::make_shared<Dataset>(std::move(content));
  return loaded;
}

Experiment axisExperiment() {
  Experiment e;
  e.model.preset.clear();
  e.model.spec = json::parse(R"({"layers":[{"type":"linear","name":"a","out":3,"bias":false}]})");
  e.sampling.sampleRate = 1;
  e.clipping.strategySettings.clipConstant = 0;
  e.noise.noiseMultiplier = 0.3;
  return e;
}

}  // namespace

void TestWhatIf::orthogonalGradients() {
  Experiment e = axisExperiment();
  Trainer trainer(e, axes({1, 2, 4, 8, 16}, false));
  const auto record = trainer.advanceTo(Phase::Norms);
  WhatIf whatIf(record->info, record->norms, BatchGram::build(*trainer.probe()));
  const std::vector<double>& n = record->norms->global;
  const double c = 0.5 * (*std::min_element(n.begin(), n.end()));
  e.clipping.maxGradNorm = c;
  const WhatIfRules rules = makeWhatIfRules(e.clipping, e.noise, *record->sample, *record->info);
  const WhatIfNumbers w = whatIf.evaluate(rules);
  // All five are clipped to C: ‖s‖ = √5 C, ⟨s, Σg⟩ = C Σ n, and the bias is what each lost.
  double sum = 0, squares = 0, lost = 0;
  for (const double norm : n) {
    sum += norm;
    squares += norm * norm;
    lost += (norm - c) * (norm - c);
  }
  NEAR(w.total.signal, std::sqrt(5.0) * c, 1e-6);
  NEAR(w.total.biasCosine, sum / std::sqrt(5 * squares), 1e-6);
  NEAR(w.budget.biasSquared, lost / 25, 1e-6);
  QCOMPARE(w.clippedFraction, 1.0);
  QCOMPARE(w.budget.samplingVariance, 0.0);  // q = 1
  // Σ max(n − C, 0)² + σ²C²d is least at C = Σ_S n/(|S| + σ²d), S the examples above C.
  double best = notANumber;
  std::vector<double> sorted = n;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double above = 0;
  for (std::size_t m = 1; m <= 5; ++m) {
    above += sorted[m - 1];
    const double candidate = above / (static_cast<double>(m) + 0.09 * 15);
    if (candidate <= sorted[m - 1] && (m == 5 || candidate >= sorted[m])) best = candidate;
  }
  QVERIFY(best > 0);
  NEAR(whatIf.budget(rules)->minimum(), best, 1e-6);
}

void TestWhatIf::twoExamples() {
  // Two gradients that point the same way: ‖s‖ = f₁n₁ + f₂n₂, cosine 1, no scale-free bias.
  Experiment e = axisExperiment();
  Trainer trainer(e, axes({1, 3}, true));
  const auto record = trainer.advanceTo(Phase::Norms);
  WhatIf whatIf(record->info, record->norms, BatchGram::build(*trainer.probe()));
  const std::vector<double>& n = record->norms->global;
  const double low = std::min(n[0], n[1]), high = std::max(n[0], n[1]);
  const double c = 0.5 * (low + high);
  e.clipping.maxGradNorm = c;
  const WhatIfNumbers w =
      whatIf.evaluate(makeWhatIfRules(e.clipping, e.noise, *record->sample, *record->info));
  // The initial weights make the two softmax vectors differ: their angle is in the probe.
  const GradientSet g0 = trainer.probe()->gradient(0), g1 = trainer.probe()->gradient(1);
  double cosine = 0;
  for (std::size_t j = 0; j < 15; ++j) cosine += g0[0][j] * g1[0][j] / n[0] / n[1];
  NEAR(w.total.signal, std::sqrt(low * low + c * c + 2 * low * c * cosine), 1e-5);
  NEAR(w.budget.biasSquared, (high - c) * (high - c) / 4, 1e-5);
  QCOMPARE(w.clippedFraction, 0.5);
}

void TestWhatIf::everyRuleIsItsLengthLaw() {
  StrategySettings bound;
  bound.globalBound = 2;
  for (const std::string& name : strategyNames())
    for (const StrategySettings& constants : {StrategySettings{}, bound}) {
      const auto strategy = makeStrategy(name, constants);
      for (const double n : {0.0, 1e-30, 1e-7, 0.3, 1.0, 2.0, 7.0, 1e20})
        for (const double c : {1e-3, 0.3, 1.0, 2.5, 50.0}) {
          const LengthLaw law = strategy->lengthLaw(n);
          const double expected = c < law.limit ? law.slope * c : n;
          QVERIFY2(near(strategy->factor(n, c) * n, expected, 1e-12),
                   qPrintable(QString("%1 n %2 C %3").arg(name.c_str()).arg(n).arg(c)));
        }
    }
}

void TestWhatIf::subsetIsUnbiased() {
  // The estimate of ‖s‖² and of the bias, averaged over many seeded subsets of 20 of about 45,
  // comes to the exact value: 300 seeds make the standard error a 17th of one estimate's spread,
  // and five of them are allowed, which a right estimate exceeds with probability 6e-7.
  Experiment e = test::smallExperiment();
  e.sampling.expectedBatchSize = 45;
  e.clipping.maxGradNorm = 0.3;
  Trainer trainer(e, test::smallData(90));
  const auto record = trainer.advanceTo(Phase::Clip);
  const auto probe = trainer.probe();
  const WhatIfRules rules = makeWhatIfRules(e.clipping, e.noise, *record->sample, *record->info);
  const WhatIfNumbers exact =
      WhatIf(record->info, record->norms, BatchGram::build(*probe)).evaluate(rules);
  double sum = 0, squares = 0, biasSum = 0, biasSquares = 0;
  constexpr int seeds = 300;
  for (int seed = 0; seed < seeds; ++seed) {
    DrawKey key = probe->key();
    key.seed = static_cast<std::uint64_t>(seed) + 100;
    const BatchProbe other(trainer.sharedModel(), std::make_shared<Parameters>(probe->parameters()),
                           trainer.data().data, probe->examples(), key);
    WhatIf whatIf(record->info, record->norms, BatchGram::build(other, {}, 20));
    const WhatIfNumbers w = whatIf.evaluate(rules);
    QVERIFY(w.fromSubset);
    QCOMPARE(w.clippedFraction, exact.clippedFraction);  // norms are known of all
    const double s2 = w.total.signal * w.total.signal;
    sum += s2;
    squares += s2 * s2;
    biasSum += w.budget.biasSquared;
    biasSquares += w.budget.biasSquared * w.budget.biasSquared;
    NEAR(whatIf.budget(rules)->at(0.3).biasSquared, w.budget.biasSquared, 1e-6);
  }
  const auto check = [&](double total, double totalSquares, double truth) {
    const double mean = total / seeds;
    const double spread = std::sqrt(std::max(0.0, totalSquares / seeds - mean * mean));
    QVERIFY(spread > 0);
    QVERIFY2(std::abs(mean - truth) <= 5 * spread / std::sqrt(double{seeds}),
             qPrintable(QString("%1 ± %2 for %3").arg(mean).arg(spread / 17).arg(truth)));
  };
  check(sum, squares, exact.total.signal * exact.total.signal);
  check(biasSum, biasSquares, exact.budget.biasSquared);
}

void TestWhatIf::edges() {
  // Without noise.
  const Batch& batch = imageBatch();
  WhatIf whatIf = batch.whatIf();
  Experiment e = settings(0, "threshold", 0.5, 0);
  e.noise.noiseMultiplier = 0;
  WhatIfNumbers w = whatIf.evaluate(rulesFor(batch, e));
  QVERIFY(std::isinf(w.total.snr) && std::isinf(w.total.snrRealised));
  QCOMPARE(w.total.noiseRealised, 0.0);
  QCOMPARE(w.budget.noiseVariance, 0.0);
  QCOMPARE(w.effectiveSigma, 0.0);
  QVERIFY(std::abs(w.privateCosine - w.total.biasCosine) < 1e-9);
  QVERIFY(std::isnan(whatIf.budget(rulesFor(batch, e))->minimum()));
  // "none" has no privacy, whatever the noise.
  e = settings(0, "none", 0.5, 0);
  w = whatIf.evaluate(rulesFor(batch, e));
  QVERIFY(std::isinf(w.sensitivity));
  QCOMPARE(w.effectiveSigma, 0.0);
  QCOMPARE(w.total.biasRatio, 0.0);
  NEAR(w.total.biasCosine, 1.0, 1e-9);
  // Without a Gram matrix: norms alone.
  WhatIf normsOnly(batch.record->info, batch.record->norms);
  w = normsOnly.evaluate(rulesFor(batch, settings(0, "threshold", 0.5, 0)));
  QCOMPARE(w.clippedFraction,
           whatIf.evaluate(rulesFor(batch, settings(0, "threshold", 0.5, 0))).clippedFraction);
  QVERIFY(std::isfinite(w.total.retainedNorm) && std::isfinite(w.budget.noiseVariance) &&
          std::isfinite(w.budget.samplingVariance));
  QVERIFY(std::isnan(w.total.signal) && std::isnan(w.total.snr) && std::isnan(w.budget.total) &&
          std::isnan(w.privateCosine));
  QVERIFY(!normsOnly.budget(rulesFor(batch, settings(0, "threshold", 0.5, 0))));

  // An empty batch.
  Experiment none = test::smallExperiment();
  none.sampling.expectedBatchSize = 0;
  none.sampling.sampleRate = 1e-12;
  none.sampling.expectedBatchSize = 1;
  Trainer empty(none, test::smallData());
  const auto record = empty.advanceTo(Phase::Norms);
  QCOMPARE(record->batchSize(), Index{0});
  WhatIf nothing(record->info, record->norms, BatchGram::build(*empty.probe()));
  const WhatIfRules rules =
      makeWhatIfRules(none.clipping, none.noise, *record->sample, *record->info);
  w = nothing.evaluate(rules, WhatIf::Detail::Tensors);
  QVERIFY(std::isnan(w.clippedFraction) && std::isnan(w.total.retainedNorm) &&
          std::isnan(w.total.biasRatio));
  QCOMPARE(w.total.signal, 0.0);
  QCOMPARE(w.total.snr, 0.0);
  QVERIFY(std::isnan(nothing.budget(rules)->minimum()));

  // Gradients of 0: a single class has none.
  Experiment flat = axisExperiment();
  Trainer zeros(flat, axes({0, 0, 0}, false));
  const auto zeroRecord = zeros.advanceTo(Phase::Norms);
  WhatIf zero(zeroRecord->info, zeroRecord->norms, BatchGram::build(*zeros.probe()));
  for (const char* strategy : {"threshold", "auto_s", "auto_v", "none"}) {
    flat.clipping.strategy = strategy;
    const WhatIfRules zeroRules =
        makeWhatIfRules(flat.clipping, flat.noise, *zeroRecord->sample, *zeroRecord->info);
    w = zero.evaluate(zeroRules);
    QCOMPARE(w.total.signal, 0.0);
    QVERIFY(std::isnan(w.total.biasRatio) && std::isnan(w.privateCosine));
    QVERIFY(std::isnan(zero.budget(zeroRules)->minimum()) ||
            zero.budget(zeroRules)->minimum() >= 0);
  }
}

void TestWhatIf::mediansAndScaling() {
  const Batch& batch = imageBatch();
  const WhatIf whatIf = batch.whatIf();
  Experiment e = settings(2, "threshold", 2.0, 0);
  const WhatIfRules rules = rulesFor(batch, e);
  const std::vector<double> medians = whatIf.medians(rules.grouping);
  for (std::size_t k = 0; k < medians.size(); ++k) {
    std::vector<double> column;
    for (Index i = 0; i < batch.record->batchSize(); ++i)
      column.push_back(batch.record->norms->norms.at(i, static_cast<Index>(k)));
    std::sort(column.begin(), column.end());
    NEAR(medians[k], quantile(column, 0.5), 1e-12);
  }
  const WhatIfRules scaled = rules.withMaxGradNorm(5);
  NEAR(scaled.maxGradNorm(), 5.0, 1e-12);
  for (std::size_t k = 0; k < rules.thresholds.size(); ++k)
    NEAR(scaled.thresholds[k] / rules.thresholds[k], 2.5, 1e-12);
  QCOMPARE(rules.withThreshold(1, 7).thresholds[1], 7.0);
}

QTEST_GUILESS_MAIN(TestWhatIf)
#include "test_what_if.moc"
