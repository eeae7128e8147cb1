// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/step_tour.h"

#include <QCoreApplication>
#include <QFontMetricsF>
#include <QGuiApplication>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/editors/data_model.h"
#include "ui/plots/number_format.h"
#include "ui/theme.h"
#include "ui/window/phase_sentence.h"

namespace clipscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("StepTour", text); }

QString shown(double value) { return shortNumber(value, 4); }

QString sampleFormula(const StepRecord& r) {
  const SamplePart& s = *r.sample;
  if (s.scheme != SamplingScheme::Poisson)
    return tr("b = B = %1 of N = %2").arg(shown(s.expectedBatchSize), grouped(r.info->datasetSize));
  return tr("each of N = %1 with q = %2: b = %3 drawn, B = qN = %4 expected")
      .arg(grouped(r.info->datasetSize), shown(s.sampleRate))
      .arg(r.batchSize())
      .arg(shown(s.expectedBatchSize));
}

/// The row with the largest finite norm; −1 for none.
Index largestRow(const StepRecord& r) {
  Index found = -1;
  for (std::size_t i = 0; i < r.norms->global.size(); ++i)
    if (std::isfinite(r.norms->global[i]) &&
        (found < 0 || r.norms->global[i] > r.norms->global[static_cast<std::size_t>(found)]))
      found = static_cast<Index>(i);
  return found;
}

QString formulaOf(Phase phase, const StepRecord& r) {
  if (!r.has(phase)) return {};
  const Index top = r.norms && !r.norms->global.empty() ? largestRow(r) : -1;
  const auto row = static_cast<std::size_t>(std::max<Index>(0, top));
  switch (phase) {
    case Phase::Sample:
      return sampleFormula(r);
    case Phase::Forward:
      return tr("L = (1/b) Σ L<sub>i</sub> = %1").arg(shown(r.forward->meanLoss));
    case Phase::Backward:
      return tr("g<sub>i</sub> = ∂L<sub>i</sub>/∂θ, %1 × %2 numbers")
          .arg(grouped(r.batchSize()), grouped(r.info->dimension));
    case Phase::Norms:
      if (top < 0) return {};
      return tr("n<sub>i</sub> = ‖g<sub>i</sub>‖<sub>2</sub> = √Σ<sub>p</sub> "
                "n<sub>ip</sub>²; the largest, of example %1: %2")
          .arg(r.sample->examples[row])
          .arg(shown(r.norms->global[row]));
    case Phase::Clip: {
      if (top < 0) return {};
      const QString name = QString::fromStdString(r.clip->strategy);
      const double before = r.norms->global[row];
      return tr("‖f<sub>i</sub> g<sub>i</sub>‖ ≤ C = %1 (%2); example %3: f = %4, from %5 to %6")
          .arg(shown(r.clip->maxGradNorm), name)
          .arg(r.sample->examples[row])
          .arg(shown(r.clip->factors.overallFactor(top)), shown(before),
               shown(r.clip->factors.clippedNorm(top)));
    }
    case Phase::Noise:
      return tr("z ~ N(0, s²) in each of d = %1 coordinates, s = σC: %2; ‖z‖ = %3, where s√d = %4 "
                "was to be expected")
          .arg(grouped(r.info->dimension), shown(r.noise->std), shown(r.noise->realised),
               shown(r.noise->expected));
    case Phase::Update:
      return tr("ĝ = (Σ f<sub>i</sub> g<sub>i</sub> + z)/B; η = %1, ‖Δθ‖ = %2, ‖θ‖ = %3")
          .arg(shown(r.update->learningRate), shown(r.update->updateNorm),
               shown(r.update->parameterNorm));
    case Phase::Account:
      break;
  }
  return tr("ε(δ = %1) = %2 after %3 steps, by %4")
      .arg(shown(r.account->delta), shown(r.account->epsilon))
      .arg(r.step)
      .arg(QString::fromStdString(r.account->accountant));
}

QString toldOf(Phase phase) {
  switch (phase) {
    case Phase::Sample:
      return tr(
          "A batch is drawn at random. That nobody knows who is in it makes the privacy of a "
          "step stronger: amplification by sampling.");
    case Phase::Forward:
      return tr("The network answers for every example of the batch, and each answer has a loss.");
    case Phase::Backward:
      return tr(
          "Every example has a gradient of its own; ordinary training would only ever form "
          "their mean. Below is the largest, and what clipping leaves of it.");
    case Phase::Norms:
      return tr(
          "The length of each gradient is how much that example alone would move the "
          "weights. One norm goes over all parameters, weights and biases together, unless "
          "they are grouped.");
    case Phase::Clip:
      return tr(
          "Longer gradients are scaled down to C, so that no one example can move the sum by "
          "more. This is what the noise is scaled to, and it is the price: the mean of clipped "
          "gradients is not the clipped mean.");
    case Phase::Noise:
      return tr(
          "Normal noise goes onto the sum, its size fixed by C and not by this batch: it "
          "hides what any one example added.");
    case Phase::Update:
      return tr(
          "The noisy sum is divided by the batch size that was expected, a constant, and the "
          "optimiser takes its step with it. Nothing else of the batch goes further.");
    case Phase::Account:
      break;
  }
  return tr("The accountant adds up what the steps so far can give away of any one example.");
}

}  // namespace

std::vector<TourPage> stepTour(const StepRecord& record) {
  std::vector<TourPage> pages;
  for (const Phase phase : allPhases) {
    TourPage page{phase, toldOf(phase), formulaOf(phase, record), {}, {}};
    if (record.has(phase)) {
      StepRecord then = record;
      then.completed = phase;
      page.result = phaseSentence(then);
    }
    pages.push_back(std::move(page));
  }
  return pages;
}

QImage batchPicture(const StepRecord& record, const Dataset& data, int width) {
  if (record.batchSize() == 0 || DataModel::picture(data, record.sample->examples[0]).isNull())
    return {};
  constexpr int side = 34, gap = 3;
  const int columns = std::max(1, width / (side + gap));
  const auto count = std::min<Index>(record.batchSize(), 4 * columns);
  const int rows = (static_cast<int>(count) + columns - 1) / columns;
  QImage image(width, rows * (side + gap), QImage::Format_ARGB32_Premultiplied);
  image.fill(Qt::transparent);
  QPainter painter(&image);
  painter.setRenderHint(QPainter::SmoothPixmapTransform);
  for (Index k = 0; k < count; ++k) {
    const QImage one =
        DataModel::picture(data, record.sample->examples[static_cast<std::size_t>(k)]);
    painter.drawImage(QRect(static_cast<int>(k % columns) * (side + gap),
                            static_cast<int>(k / columns) * (side + gap), side, side),
                      one);
  }
  return image;
}

QImage lossPicture(const StepRecord& record, int width) {
  if (!record.forward || record.forward->losses.empty()) return {};
  constexpr int height = 96, bins = 40, foot = 18;
  float most = 0;
  for (const float loss : record.forward->losses)
    if (std::isfinite(loss)) most = std::max(most, loss);
  std::vector<int> counts(bins);
  for (const float loss : record.forward->losses)
    if (std::isfinite(loss) && most > 0)
      ++counts[static_cast<std::size_t>(
          std::min<double>(bins - 1, std::floor(static_cast<double>(loss / most) * bins)))];
  const int highest = std::max(1, *std::ranges::max_element(counts));
  QImage image(width, height, QImage::Format_ARGB32_Premultiplied);
  image.fill(Qt::transparent);
  QPainter painter(&image);
  const Theme& t = Theme::current();
  const double bar = static_cast<double>(width) / bins;
  for (int k = 0; k < bins; ++k) {
    const double tall =
        (height - foot) * static_cast<double>(counts[static_cast<std::size_t>(k)]) / highest;
    painter.fillRect(QRectF(k * bar, height - foot - tall, bar - 1, tall), t.before);
  }
  painter.setPen(t.dim);
  painter.setFont(QGuiApplication::font());
  painter.drawText(QRect(0, height - foot, width, foot), Qt::AlignLeft | Qt::AlignVCenter,
                   tr("loss 0"));
  painter.drawText(QRect(0, height - foot, width, foot), Qt::AlignRight | Qt::AlignVCenter,
                   shortNumber(static_cast<double>(most), 3));
  return image;
}

}  // namespace clipscope
