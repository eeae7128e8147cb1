// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/words.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

QString tr(const char* text) { return QCoreApplication::translate("Words", text); }

QString shown(double value) { return shortNumber(value, 4); }

Word clippedFraction(const StepRecord& r) {
  Word word{tr("Clipped"),
            tr("|{i : n<sub>ik</sub> &gt; C<sub>k</sub> in any group k}| / b"),
            {},
            tr("Abadi et al. 2016, arXiv:1607.00133; strictly above C")};
  if (r.has(Phase::Clip) && r.norms->norms.examples() > 0 && !std::isnan(r.clip->clippedFraction)) {
    Index count = 0;
    for (Index i = 0; i < r.clip->factors.examples(); ++i) count += r.clip->factors.clipped(i);
    word.values =
        tr("%1 / %2 = %3").arg(count).arg(r.drawn()).arg(percent(r.clip->clippedFraction));
  }
  return word;
}

Word norm(const StepRecord& r) {
  Word word{tr("Norm of a per-sample gradient"),
            tr("n<sub>i</sub> = √(Σ<sub>p</sub> ‖∂L<sub>i</sub>/∂θ<sub>p</sub>‖²), over all "
               "trainable tensors p, weights and biases"),
            {},
            tr("Abadi et al. 2016, arXiv:1607.00133")};
  if (r.norms && !r.norms->global.empty())
    word.values = tr("median %1, largest %2 of %3")
                      .arg(shown(r.norms->q50), shown(r.norms->max))
                      .arg(r.drawn());
  return word;
}

Word share(const StepRecord& r) {
  Word word{tr("Share of a tensor"),
            tr("mean over the examples of n<sub>ip</sub>² / n<sub>i</sub>²"),
            {},
            tr("the squares of a norm add up over tensors; the norms do not")};
  if (r.norms && !r.norms->tensorShare.empty()) {
    const auto most = std::ranges::max_element(r.norms->tensorShare, {},
                                               [](double s) { return std::isnan(s) ? -1 : s; });
    word.values = tr("%1: %2").arg(
        QString::fromStdString(
            r.info->tensors[static_cast<std::size_t>(most - r.norms->tensorShare.begin())]),
        percent(*most));
  }
  return word;
}

Word retained(const StepRecord& r) {
  Word word{tr("Norm retained"),
            tr("Σ ‖f<sub>i</sub> g<sub>i</sub>‖ / Σ n<sub>i</sub>"),
            {},
            tr("how much of the gradients' length clipping leaves")};
  if (r.has(Phase::Clip) && !std::isnan(r.clip->retainedNorm))
    word.values = percent(r.clip->retainedNorm);
  return word;
}

Word factor(const StepRecord& r) {
  Word word{tr("Clip factor"),
            tr("f<sub>i</sub> = min(1, C/(n<sub>i</sub> + κ)) for the rule "
               "\"threshold\"; ‖clipped g<sub>i</sub>‖/n<sub>i</sub> with groups"),
            {},
            tr("Abadi et al. 2016; κ = 1e-6 as Opacus has it")};
  if (r.has(Phase::Clip))
    word.values = tr("strategy %1, C = %2")
                      .arg(QString::fromStdString(r.clip->strategy), shown(r.clip->maxGradNorm));
  return word;
}

Word snr(const StepRecord& r) {
  Word word{tr("Signal against noise"),
            tr("‖Σ f<sub>i</sub> g<sub>i</sub>‖ / (s√d), s = σC the std in each of d coordinates"),
            {},
            tr("expected noise √(Σ s<sub>k</sub>² d<sub>k</sub>) where groups have their own")};
  if (r.has(Phase::Noise) && r.noise->expected > 0)
    word.values = tr("%1 / %2 = %3")
                      .arg(shown(r.clip->signal), shown(r.noise->expected), shown(r.noise->snr));
  return word;
}

Word noiseStd(const StepRecord& r) {
  Word word{tr("Noise"),
            tr("z ~ N(0, s²) on the sum, s = σ·Δ, Δ the sensitivity; s/B on the mean"),
            {},
            tr("the Gaussian mechanism; Abadi et al. 2016")};
  if (r.has(Phase::Noise))
    word.values = tr("s = %1, s/B = %2")
                      .arg(shown(r.noise->std), shown(r.noise->std / r.sample->expectedBatchSize));
  return word;
}

Word bias(const StepRecord& r) {
  Word word{tr("Bias of clipping"),
            tr("‖Σ f<sub>i</sub> g<sub>i</sub> − Σ g<sub>i</sub>‖ / "
               "‖Σ g<sub>i</sub>‖, and the cosine between the two sums"),
            {},
            tr("Chen, Wu, Hong 2020, arXiv:2006.15429")};
  if (r.has(Phase::Clip) && !std::isnan(r.clip->biasRatio))
    word.values = tr("%1, cosine %2").arg(shown(r.clip->biasRatio), shown(r.clip->biasCosine));
  return word;
}

Word privateCosine(const StepRecord& r) {
  return {tr("Private direction"),
          tr("cos(Σ f<sub>i</sub> g<sub>i</sub> + z, ḡ); a random direction has 0 ± 1/√d"),
          tr("1/√d = %1").arg(shown(1 / std::sqrt(static_cast<double>(r.info->dimension)))),
          tr("the noise scale beside it: McCandlish et al. 2018, arXiv:1812.06162")};
}

Word epsilon(const StepRecord& r) {
  Word word{tr("ε"),
            tr("the least ε with P[M(D) ∈ S] ≤ e<sup>ε</sup> P[M(D′) ∈ S] + δ that the "
               "accountant can prove, over all steps so far"),
            {},
            tr("Rényi: Mironov 2017, arXiv:1702.07476; PRV: Gopi et al. 2021, arXiv:2106.02848")};
  if (r.has(Phase::Account))
    word.values = tr("ε = %1 at δ = %2 after %3 steps (σ = %4, q = %5, %6)")
                      .arg(shown(r.account->epsilon), shown(r.account->delta))
                      .arg(r.step)
                      .arg(shown(r.sample->noiseMultiplier), shown(r.sample->sampleRate),
                           QString::fromStdString(r.account->accountant));
  return word;
}

Word loss(const StepRecord& r) {
  Word word{tr("Mean loss"),
            tr("(1/b) Σ L<sub>i</sub> over the batch drawn"),
            {},
            tr("not what the update divides by, which is B")};
  if (r.forward && r.drawn() > 0)
    word.values = tr("%1 over %2 examples").arg(shown(r.forward->meanLoss)).arg(r.drawn());
  return word;
}

}  // namespace

std::vector<Word> wordsOf(const QString& panel, const StepRecord& record) {
  if (panel == QStringLiteral("norms")) return {norm(record), clippedFraction(record)};
  if (panel == QStringLiteral("layers")) return {share(record)};
  if (panel == QStringLiteral("examples")) return {loss(record)};
  if (panel == QStringLiteral("clip_factors"))
    return {factor(record), clippedFraction(record), retained(record)};
  if (panel == QStringLiteral("compare")) return {bias(record), snr(record)};
  if (panel == QStringLiteral("noise")) return {noiseStd(record), snr(record)};
  if (panel == QStringLiteral("geometry")) return {privateCosine(record)};
  if (panel == QStringLiteral("history")) return {loss(record), epsilon(record)};
  if (panel == QStringLiteral("privacy") || panel == QStringLiteral("planner"))
    return {epsilon(record)};
  if (panel == QStringLiteral("lanes"))
    return {loss(record), epsilon(record), snr(record), clippedFraction(record)};
  if (panel == QStringLiteral("microscope")) return {norm(record), factor(record)};
  if (panel == QStringLiteral("error_budget")) return {bias(record), noiseStd(record)};
  return {};
}

std::vector<Word> batchWords(const StepRecord& record) {
  Word batch{tr("Batch"),
             tr("b examples drawn; B = qN expected, which the noisy sum is divided by"),
             {},
             tr("Poisson sampling: b varies, the denominator must not")};
  if (record.sample)
    batch.values = tr("b = %1, B = %2, q = %3, N = %4")
                       .arg(record.drawn())
                       .arg(shown(record.sample->expectedBatchSize),
                            shown(record.sample->sampleRate), grouped(record.info->datasetSize));
  return {batch, clippedFraction(record)};
}

QString tipOf(const std::vector<Word>& words) {
  QString text;
  for (const Word& word : words) {
    text += QStringLiteral("<p><b>%1</b><br>%2").arg(word.name, word.formula);
    if (!word.values.isEmpty()) text += QStringLiteral("<br>= %1").arg(word.values.toHtmlEscaped());
    if (!word.source.isEmpty())
      text += QStringLiteral("<br><i>%1</i>").arg(word.source.toHtmlEscaped());
    text += QStringLiteral("</p>");
  }
  return text;
}

}  // namespace clipscope
