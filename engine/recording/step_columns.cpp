// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/step_columns.h"

#include <cstdint>

#include "engine/recording/blob.h"

namespace clipscope {

namespace {

using R = StepRecord;

template <class Column, std::size_t count>
std::span<const Column> span(const Column (&columns)[count]) {
  return {columns, count};
}

/// Of every group: one number.
template <class Value>
std::string ofGroups(const R& r, Value&& value) {
  std::vector<double> values;
  for (const GroupResult& group : r.clip->groups) values.push_back(value(group));
  return blobOf<double>(std::span<const double>(values));
}

std::string factors(const R& r) {
  const ClipFactors& f = r.clip->factors;
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(f.examples() * f.groups()));
  for (Index i = 0; i < f.examples(); ++i)
    for (Index k = 0; k < f.groups(); ++k) values.push_back(f.factor(i, k));
  return blobOf<float>(std::span<const double>(values));
}

std::string doubles(const std::vector<double>& values) {
  return blobOf<double>(std::span<const double>(values));
}

template <class T, class Source>
std::string blob(const std::vector<Source>& values) {
  return blobOf<T>(std::span<const Source>(values));
}

}  // namespace

std::span<const NumberColumn> numberColumns() {
  static constexpr NumberColumn columns[] = {
      {"batch_size", [](const R& r) { return static_cast<double>(r.batchSize()); }},
      {"expected_batch_size", [](const R& r) { return r.sample->expectedBatchSize; }},
      {"sample_rate", [](const R& r) { return r.sample->sampleRate; }},
      {"noise_multiplier", [](const R& r) { return r.sample->noiseMultiplier; }},
      {"gradient_noise_multiplier", [](const R& r) { return r.sample->gradientNoiseMultiplier; }},
      {"loss", [](const R& r) { return r.forward->meanLoss; }},
      {"test_loss", [](const R& r) { return r.evaluation ? r.evaluation->loss : notANumber; }},
      {"test_accuracy",
       [](const R& r) { return r.evaluation ? r.evaluation->accuracy : notANumber; }},
      {"max_grad_norm", [](const R& r) { return r.clip->maxGradNorm; }},
      {"next_max_grad_norm", [](const R& r) { return r.noise->nextMaxGradNorm; }},
      {"suggested_max_grad_norm", [](const R& r) { return r.clip->suggestedThreshold; }},
      {"clipped_fraction", [](const R& r) { return r.clip->clippedFraction; }},
      {"above_one_fraction", [](const R& r) { return r.clip->aboveOneFraction; }},
      {"non_finite", [](const R& r) { return static_cast<double>(r.norms->nonFinite.size()); }},
      {"norm_q05", [](const R& r) { return r.norms->q05; }},
      {"norm_q25", [](const R& r) { return r.norms->q25; }},
      {"norm_q50", [](const R& r) { return r.norms->q50; }},
      {"norm_q75", [](const R& r) { return r.norms->q75; }},
      {"norm_q95", [](const R& r) { return r.norms->q95; }},
      {"norm_max", [](const R& r) { return r.norms->max; }},
      {"signal", [](const R& r) { return r.clip->signal; }},
      {"noise_std", [](const R& r) { return r.noise->std; }},
      {"noise_expected", [](const R& r) { return r.noise->expected; }},
      {"noise_realised", [](const R& r) { return r.noise->realised; }},
      {"snr", [](const R& r) { return r.noise->snr; }},
      {"snr_realised", [](const R& r) { return r.noise->snrRealised; }},
      {"effective_sigma", [](const R& r) { return r.noise->effectiveSigma; }},
      {"retained_norm", [](const R& r) { return r.clip->retainedNorm; }},
      {"bias_ratio", [](const R& r) { return r.clip->biasRatio; }},
      {"bias_cosine", [](const R& r) { return r.clip->biasCosine; }},
      {"bias_scale_free", [](const R& r) { return r.clip->biasScaleFree; }},
      {"worst_contribution", [](const R& r) { return r.clip->worstContribution; }},
      {"sensitivity", [](const R& r) { return r.clip->sensitivity; }},
      {"learning_rate", [](const R& r) { return r.update->learningRate; }},
      {"update_norm", [](const R& r) { return r.update->updateNorm; }},
      {"update_noise", [](const R& r) { return r.update->updateNoise; }},
      {"parameter_norm", [](const R& r) { return r.update->parameterNorm; }},
      {"epsilon", [](const R& r) { return r.account->epsilon; }},
      {"delta", [](const R& r) { return r.account->delta; }},
      {"seconds_sample", [](const R& r) { return r.seconds[0]; }},
      {"seconds_forward", [](const R& r) { return r.seconds[1]; }},
      {"seconds_backward", [](const R& r) { return r.seconds[2]; }},
      {"seconds_norms", [](const R& r) { return r.seconds[3]; }},
      {"seconds_clip", [](const R& r) { return r.seconds[4]; }},
      {"seconds_noise", [](const R& r) { return r.seconds[5]; }},
      {"seconds_update", [](const R& r) { return r.seconds[6]; }},
      {"seconds_account", [](const R& r) { return r.seconds[7]; }},
  };
  static_assert(phaseCount == 8);
  return span(columns);
}

std::span<const TextColumn> textColumns() {
  static constexpr TextColumn columns[] = {
      {"strategy", [](const R& r) { return r.clip->strategy; }},
      {"accountant", [](const R& r) { return r.account->accountant; }},
      {"sampling",
       [](const R& r) { return std::string(accountedSamplingName(r.account->sampling)); }},
      {"neighbours", [](const R& r) { return std::string(neighboursName(r.account->sampling)); }},
      {"invalid_because", [](const R& r) { return std::string(r.account->invalidBecause); }},
  };
  return span(columns);
}

std::span<const BlobColumn> blobColumns() {
  static constexpr BlobColumn columns[] = {
      {"examples", [](const R& r) { return blob<std::int32_t>(r.sample->examples); }},
      {"labels", [](const R& r) { return blob<std::int32_t>(r.sample->labels); }},
      {"losses", [](const R& r) { return blob<float>(r.forward->losses); }},
      {"predictions", [](const R& r) { return blob<std::int32_t>(r.forward->predictions); }},
      {"norms", [](const R& r) { return blobOf<float>(r.norms->norms.values()); }},
      {"factors", factors},
      {"thresholds", [](const R& r) { return ofGroups(r, [](auto& g) { return g.threshold; }); }},
      {"group_noise_stds",
       [](const R& r) { return ofGroups(r, [](auto& g) { return g.noiseStd; }); }},
      {"group_clipped_fractions",
       [](const R& r) { return ofGroups(r, [](auto& g) { return g.clippedFraction; }); }},
      {"group_of", [](const R& r) { return blob<std::int32_t>(r.clip->groupOf); }},
      {"tensor_signal", [](const R& r) { return doubles(r.clip->tensorSignal); }},
      {"tensor_noise_expected", [](const R& r) { return doubles(r.noise->tensorExpected); }},
      {"tensor_noise_realised", [](const R& r) { return doubles(r.noise->tensorRealised); }},
  };
  return span(columns);
}

}  // namespace clipscope
