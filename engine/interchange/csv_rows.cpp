// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/csv_rows.h"

#include <cmath>

#include "engine/accounting/accountant.h"
#include "engine/formats/number_text.h"

namespace clipscope {

namespace {

/// Builds one row: numbers, texts and empty cells, commas between.
class Row {
 public:
  explicit Row(std::string& text) : m_text(text) {}
  ~Row() { m_text += '\n'; }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

  Row& number(double value) {
    return cell([&] { appendNumber(m_text, value); });
  }
  Row& number(float value) {
    return cell([&] { appendNumber(m_text, value); });
  }
  Row& number(Index value) {
    return cell([&] { m_text += std::to_string(value); });
  }
  /// Empty for a NaN: the number has no meaning there.
  Row& optional(double value) {
    return cell([&] {
      if (!std::isnan(value)) appendNumber(m_text, value);
    });
  }
  Row& text(std::string_view value) {
    return cell([&] { appendText(m_text, value); });
  }
  Row& empty() {
    return cell([] {});
  }

 private:
  template <class Write>
  Row& cell(Write&& write) {
    if (!m_first) m_text += ',';
    m_first = false;
    write();
    return *this;
  }
  std::string& m_text;
  bool m_first = true;
};

std::string className(const StepRecord& record, int label) {
  const auto& names = record.info->classNames;
  if (label < 0) return {};
  return static_cast<std::size_t>(label) < names.size() ? names[static_cast<std::size_t>(label)]
                                                        : std::to_string(label);
}

}  // namespace

void appendText(std::string& text, std::string_view cell) {
  if (cell.find_first_of(",\"\r\n") == std::string_view::npos) {
    text += cell;
    return;
  }
  text += '"';
  for (const char c : cell) {
    if (c == '"') text += '"';
    text += c;
  }
  text += '"';
}

std::string_view stepsHeader() {
  return "step,batch_size,expected_batch_size,loss,test_accuracy,max_grad_norm,clipped_fraction,"
         "norm_q05,norm_q25,norm_q50,norm_q75,norm_q95,norm_max,signal,noise_std,noise_expected,"
         "noise_realised,snr,snr_realised,bias_ratio,bias_cosine,worst_contribution,sensitivity,"
         "effective_sigma,epsilon,delta,sample_rate,retained_norm,bias_scale_free,"
         "above_one_fraction,non_finite,suggested_max_grad_norm,learning_rate,update_norm,"
         "update_noise,test_loss,noise_multiplier,gradient_noise_multiplier,noisy_fraction,"
         "next_max_grad_norm,sampling,neighbours,epsilon_validity\n";
}

std::string_view summariesHeader() {
  return "step,batch_size,expected_batch_size,loss,test_loss,test_accuracy,epsilon,clipped_"
         "fraction,"
         "max_grad_norm,suggested_max_grad_norm,signal,noise_expected,noise_realised,snr,"
         "snr_realised,retained_norm,bias_ratio,bias_cosine,norm_q05,norm_q25,norm_q50,norm_q75,"
         "norm_q95,norm_max,learning_rate,update_norm\n";
}

void appendSummaryRow(std::string& text, const StepSummary& s) {
  Row row(text);
  row.number(s.step).number(s.batchSize).number(s.expectedBatchSize);
  row.optional(s.loss).optional(s.testLoss).optional(s.testAccuracy).number(s.epsilon);
  row.optional(s.clippedFraction).number(s.maxGradNorm).optional(s.suggestedThreshold);
  row.number(s.signal).number(s.noise).number(s.noiseRealised);
  for (const double value : {s.snr, s.snrRealised, s.retainedNorm, s.biasRatio, s.biasCosine, s.q05,
                             s.q25, s.q50, s.q75, s.q95, s.max})
    row.optional(value);
  row.number(s.learningRate).number(s.updateNorm);
}

std::string_view examplesHeader() {
  return "step,example,label,prediction,loss,norm,clip_factor,clipped_norm,rank\n";
}

std::string_view layersHeader() {
  return "step,parameter,group,threshold,norm_mean,norm_max,share,clipped_fraction,signal,"
         "noise_std,noise_expected,noise_realised,snr,bias_ratio,bias_cosine,size\n";
}

std::string_view exampleLayersHeader() {
  return "step,example,parameter,norm,clip_factor,clipped_norm\n";
}

void appendStepsRow(std::string& text, const StepRecord& r) {
  Row row(text);
  const NormsPart& norms = *r.norms;
  const ClipPart& clip = *r.clip;
  const NoisePart& noise = *r.noise;
  row.number(r.step).number(r.drawn()).number(r.sample->expectedBatchSize);
  row.optional(r.forward->meanLoss);
  if (r.evaluation)
    row.optional(r.evaluation->accuracy);
  else
    row.empty();
  row.number(clip.maxGradNorm).optional(clip.clippedFraction);
  for (const double q : {norms.q05, norms.q25, norms.q50, norms.q75, norms.q95, norms.max})
    row.optional(q);
  row.number(clip.signal).number(noise.std).number(noise.expected).number(noise.realised);
  row.optional(noise.snr).optional(noise.snrRealised);
  row.optional(clip.biasRatio).optional(clip.biasCosine).optional(clip.worstContribution);
  row.number(clip.sensitivity).number(noise.effectiveSigma);
  row.number(r.account->epsilon).number(r.account->delta);
  row.number(r.sample->sampleRate).optional(clip.retainedNorm).optional(clip.biasScaleFree);
  row.optional(clip.aboveOneFraction).number(static_cast<Index>(norms.nonFinite.size()));
  row.optional(clip.suggestedThreshold).number(r.update->learningRate);
  row.number(r.update->updateNorm).optional(r.update->updateNoise);
  if (r.evaluation)
    row.optional(r.evaluation->loss);
  else
    row.empty();
  row.number(r.sample->noiseMultiplier).number(r.sample->gradientNoiseMultiplier);
  // One fraction for one group; several are told apart by their thresholds in layers.csv.
  row.optional(noise.adaptive.size() == 1 ? noise.adaptive.front().noisyFraction : notANumber);
  row.optional(noise.nextMaxGradNorm);
  row.text(accountedSamplingName(r.account->sampling)).text(neighboursName(r.account->sampling));
  if (!r.account->isValid())
    row.text("not valid: " + std::string(r.account->invalidBecause));
  else if (!accountantIsBound(r.account->accountant))
    row.text(r.account->simulated ? "approximation and no bound, simulated"
                                  : "approximation and no bound");
  else
    row.text(r.account->simulated ? "holds for the sampling, simulated" : "holds for the sampling");
}

void appendExampleRows(std::string& text, const StepRecord& r) {
  for (Index i = 0; i < r.batchSize(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    Row row(text);
    row.number(r.step).number(r.sample->examples[at]);
    row.text(className(r, r.sample->labels[at])).text(className(r, r.forward->predictions[at]));
    row.optional(static_cast<double>(r.forward->losses[at])).number(r.norms->global[at]);
    row.number(r.clip->factors.overallFactor(i)).number(r.clip->factors.clippedNorm(i));
    // Of a distributed run of another library.
    if (r.sample->ranks.empty())
      row.empty();
    else
      row.number(Index{r.sample->ranks[at]});
  }
}

void appendLayerRows(std::string& text, const StepRecord& r) {
  for (std::size_t t = 0; t < r.info->tensors.size(); ++t) {
    const GroupResult& group = r.clip->groups[static_cast<std::size_t>(r.clip->groupOf[t])];
    Row row(text);
    row.number(r.step).text(r.info->tensors[t]).text(group.name).number(group.threshold);
    row.optional(r.norms->tensorMean[t]).optional(r.norms->tensorMax[t]);
    row.optional(r.norms->tensorShare[t]).optional(group.clippedFraction);
    row.number(r.clip->tensorSignal[t]);
    if (r.noise) {
      row.number(r.noise->tensorStd[t]).number(r.noise->tensorExpected[t]);
      row.number(r.noise->tensorRealised[t]);
      const double expected = r.noise->tensorExpected[t];
      const double signal = r.clip->tensorSignal[t];
      if (expected == 0 && signal == 0)
        row.empty();
      else
        row.number(signal / expected);
    } else {
      row.empty().empty().empty().empty();
    }
    row.optional(r.clip->tensorBiasRatio[t]).optional(r.clip->tensorBiasCosine[t]);
    row.number(r.info->sizes[t]);
  }
}

void appendExampleLayerRows(std::string& text, const StepRecord& r) {
  for (Index i = 0; i < r.batchSize(); ++i)
    for (std::size_t t = 0; t < r.info->tensors.size(); ++t) {
      const double norm = r.norms->norms.at(i, static_cast<Index>(t));
      const double factor = r.clip->factors.factor(i, r.clip->groupOf[t]);
      Row row(text);
      row.number(r.step).number(r.sample->examples[static_cast<std::size_t>(i)]);
      row.text(r.info->tensors[t]).number(norm).number(factor);
      // By selection: a dropped example contributes 0, whatever its norm.
      row.number(r.clip->factors.finite(i) ? factor * norm : 0.0);
    }
}

}  // namespace clipscope
