// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/step_columns.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <mutex>
#include <set>
#include <type_traits>

#include "engine/clipping/strategy.h"
#include "engine/error.h"
#include "engine/recording/blob.h"

namespace clipscope {

namespace {

using R = StepRecord;
using D = StepDraft;

template <class Column, std::size_t count>
std::span<const Column> span(const Column (&columns)[count]) {
  return {columns, count};
}

[[noreturn]] void refuse(const std::string& what) { throw FileError(what); }

/// A number of the file as a member of a record has it.
template <class T>
T numberAs(double value) {
  if constexpr (std::is_same_v<T, double>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (value != 0 && value != 1) refuse(std::to_string(value) + " where 0 or 1 is due");
    return value == 1;
  } else {
    // Whole numbers that a double holds.
    if (!(std::abs(value) <= 9007199254740992.0) || value != std::trunc(value))
      refuse(std::to_string(value) + " where a whole number is due");
    return static_cast<T>(value);
  }
}

/// `Access` names a member; of a record it is read, of a draft it is written.
template <class Access>
constexpr NumberColumn number(std::string_view name, Access) {
  return {name, [](const R& r) { return static_cast<double>(Access{}(r)); },
          [](D& d, double value) {
            auto& member = Access{}(d);
            member = numberAs<std::remove_reference_t<decltype(member)>>(value);
          }};
}

/// Follows from what else is recorded: for those who read the file without this program.
constexpr NumberColumn derived(std::string_view name, double (*value)(const R&)) {
  return {name, value, [](D&, double) {}};
}

template <class Access>
constexpr NumberColumn evaluation(std::string_view name, Access) {
  return {name,
          [](const R& r) {
            return r.evaluation ? static_cast<double>(Access{}(*r.evaluation)) : notANumber;
          },
          [](D& d, double value) {
            auto& member = Access{}(*d.evaluation);
            using Member = std::remove_reference_t<decltype(member)>;
            if constexpr (!std::is_same_v<Member, double>)
              if (std::isnan(value)) return;
            member = numberAs<Member>(value);
          }};
}

template <class T, class Access>
constexpr BlobColumn blob(std::string_view name, BlobExtent extent, Access) {
  return {name, extent, sizeof(T),
          [](const R& r, std::string& bytes) {
            const auto& values = Access{}(r);
            appendBlob<T>(bytes, std::span(values));
          },
          [](D& d, std::span<const char> bytes) { readBlob<T>(bytes, Access{}(d)); }};
}

/// The same with what values must be: `check` refuses.
template <class T, class Access, class Check>
constexpr BlobColumn checkedBlob(std::string_view name, BlobExtent extent, Access access, Check) {
  BlobColumn column = blob<T>(name, extent, access);
  column.set = [](D& d, std::span<const char> bytes) {
    readBlob<T>(bytes, Access{}(d));
    for (const auto value : Access{}(d)) Check{}(d, value);
  };
  return column;
}

/// One member of every group, in double.
template <class Access>
constexpr BlobColumn ofGroups(std::string_view name, Access) {
  return {name, BlobExtent::Groups, sizeof(double),
          [](const R& r, std::string& bytes) {
            for (const GroupResult& group : r.clip->groups)
              appendBlob<double>(bytes, std::span(&Access{}(group), 1));
          },
          [](D& d, std::span<const char> bytes) {
            std::vector<double> values;
            readBlob<double>(bytes, values);
            for (std::size_t k = 0; k < values.size(); ++k) Access{}(d.clip->groups[k]) = values[k];
          }};
}

/// An index into something of `count` things, or −1 for none.
void checkIndex(const char* what, Index value, Index least, std::size_t count) {
  if (value >= least && value < static_cast<Index>(count)) return;
  std::string text(what);
  text += ' ';
  text += std::to_string(value);
  text += " of ";
  text += std::to_string(count);
  refuse(text);
}

void checkLength(double value) {
  if (value < 0) refuse("a negative length");
}

void checkFactor(double value) {
  if (!std::isfinite(value) || value < 0) refuse("a clip factor that is none");
}

void setExamples(D& d, std::span<const char> bytes) {
  std::vector<Index>& examples = d.sample->examples;
  readBlob<std::int32_t>(bytes, examples);
  Index before = -1;
  for (const Index example : examples) {
    if (example <= before) refuse("examples that do not ascend");
    before = example;
  }
}

void appendFactors(const R& r, std::string& bytes) {
  const ClipFactors& f = r.clip->factors;
  thread_local std::vector<double> row;
  row.resize(static_cast<std::size_t>(f.groups()));
  for (Index i = 0; i < f.examples(); ++i) {
    for (Index k = 0; k < f.groups(); ++k) row[static_cast<std::size_t>(k)] = f.factor(i, k);
    appendBlob<float>(bytes, std::span<const double>(row));
  }
}

void appendHistogram(const R& r, std::string& bytes) {
  const NoiseHistogram& h = r.noise->histogram;
  std::array<Index, NoiseHistogram::bins + 2> counts;
  counts.front() = h.below();
  for (Index bin = 0; bin < NoiseHistogram::bins; ++bin)
    counts[static_cast<std::size_t>(bin + 1)] = h.count(bin);
  counts.back() = h.above();
  appendBlob<std::int32_t>(bytes, std::span<const Index>(counts));
}

void setHistogram(D& d, std::span<const char> bytes) {
  std::vector<Index> counts;
  readBlob<std::int32_t>(bytes, counts);
  for (const Index count : counts)
    if (count < 0) refuse("a negative count");
  d.noise->histogram.setCounts(
      std::span<const Index, NoiseHistogram::bins + 2>(counts.data(), counts.size()));
}

void appendAdaptive(const R& r, std::string& bytes) {
  for (const AdaptiveResult& g : r.noise->adaptive) {
    const double values[]{g.before, g.after, static_cast<double>(g.unclipped), g.noisyFraction,
                          g.skipped ? 1.0 : 0.0};
    appendBlob<double>(bytes, std::span<const double>(values));
  }
}

void setAdaptive(D& d, std::span<const char> bytes) {
  std::vector<double> values;
  readBlob<double>(bytes, values);
  d.noise->adaptive.clear();
  for (std::size_t at = 0; at + 5 <= values.size(); at += 5)
    d.noise->adaptive.push_back({values[at], values[at + 1], numberAs<Index>(values[at + 2]),
                                 values[at + 3], numberAs<bool>(values[at + 4])});
}

void appendLayerTimes(const R& r, std::string& bytes) {
  for (std::size_t l = 0; l < r.info->modelLayers.size(); ++l) {
    const TimesPart::Layer layer =
        r.times && l < r.times->layers.size() ? r.times->layers[l] : TimesPart::Layer{};
    const double values[]{layer.forward, layer.backward, layer.norms, layer.sums};
    appendBlob<float>(bytes, std::span<const double>(values));
  }
}

void setLayerTimes(D& d, std::span<const char> bytes) {
  std::vector<double> values;
  readBlob<float>(bytes, values);
  d.times->layers.clear();
  for (std::size_t at = 0; at + 4 <= values.size(); at += 4)
    d.times->layers.push_back({values[at], values[at + 1], values[at + 2], values[at + 3]});
}

/// Of an enumeration that begins at 0, by the names that `name` gives.
template <class Enum>
Enum parse(std::string_view text, Enum last, std::string_view (*name)(Enum)) {
  for (int k = 0; k <= static_cast<int>(last); ++k)
    if (name(static_cast<Enum>(k)) == text) return static_cast<Enum>(k);
  refuse("an unknown word, \"" + std::string(text) + "\"");
}

/// A record's reasons live as long as the program: every text that was read is kept, once.
std::string_view interned(std::string_view text) {
  static std::mutex mutex;
  static std::set<std::string, std::less<>> texts;
  const std::lock_guard lock(mutex);
  const auto found = texts.find(text);
  return found != texts.end() ? *found : *texts.emplace(text).first;
}

}  // namespace

std::span<const NumberColumn> numberColumns() {
  static constexpr NumberColumn columns[] = {
      {"batch_size", [](const R& r) { return static_cast<double>(r.batchSize()); },
       [](D& d, double value) { d.batchSize = numberAs<Index>(value); }},
      number(
          "expected_batch_size", [](auto& r) -> auto& { return r.sample->expectedBatchSize; }),
      number(
          "sample_rate", [](auto& r) -> auto& { return r.sample->sampleRate; }),
      number(
          "epoch", [](auto& r) -> auto& { return r.sample->epoch; }),
      number(
          "noise_multiplier", [](auto& r) -> auto& { return r.sample->noiseMultiplier; }),
      number(
          "gradient_noise_multiplier",
          [](auto& r) -> auto& { return r.sample->gradientNoiseMultiplier; }),
      number(
          "loss", [](auto& r) -> auto& { return r.forward->meanLoss; }),
      number(
          "max_grad_norm", [](auto& r) -> auto& { return r.clip->maxGradNorm; }),
      number(
          "next_max_grad_norm", [](auto& r) -> auto& { return r.noise->nextMaxGradNorm; }),
      number(
          "suggested_max_grad_norm", [](auto& r) -> auto& { return r.clip->suggestedThreshold; }),
      number(
          "clipped_fraction", [](auto& r) -> auto& { return r.clip->clippedFraction; }),
      number(
          "above_one_fraction", [](auto& r) -> auto& { return r.clip->aboveOneFraction; }),
      derived("non_finite",
              [](const R& r) { return static_cast<double>(r.norms->nonFinite.size()); }),
      number(
          "norm_q05", [](auto& r) -> auto& { return r.norms->q05; }),
      number(
          "norm_q25", [](auto& r) -> auto& { return r.norms->q25; }),
      number(
          "norm_q50", [](auto& r) -> auto& { return r.norms->q50; }),
      number(
          "norm_q75", [](auto& r) -> auto& { return r.norms->q75; }),
      number(
          "norm_q95", [](auto& r) -> auto& { return r.norms->q95; }),
      number(
          "norm_max", [](auto& r) -> auto& { return r.norms->max; }),
      number(
          "signal", [](auto& r) -> auto& { return r.clip->signal; }),
      number(
          "noise_std", [](auto& r) -> auto& { return r.noise->std; }),
      number(
          "noise_expected", [](auto& r) -> auto& { return r.noise->expected; }),
      number(
          "noise_realised", [](auto& r) -> auto& { return r.noise->realised; }),
      number(
          "snr", [](auto& r) -> auto& { return r.noise->snr; }),
      number(
          "snr_realised", [](auto& r) -> auto& { return r.noise->snrRealised; }),
      number(
          "effective_sigma", [](auto& r) -> auto& { return r.noise->effectiveSigma; }),
      number(
          "retained_norm", [](auto& r) -> auto& { return r.clip->retainedNorm; }),
      number(
          "bias_ratio", [](auto& r) -> auto& { return r.clip->biasRatio; }),
      number(
          "bias_cosine", [](auto& r) -> auto& { return r.clip->biasCosine; }),
      number(
          "bias_scale_free", [](auto& r) -> auto& { return r.clip->biasScaleFree; }),
      number(
          "worst_contribution", [](auto& r) -> auto& { return r.clip->worstContribution; }),
      number(
          "worst_example", [](auto& r) -> auto& { return r.clip->worstExample; }),
      number(
          "sensitivity", [](auto& r) -> auto& { return r.clip->sensitivity; }),
      number(
          "sensitivity_exceeded", [](auto& r) -> auto& { return r.clip->sensitivityExceeded; }),
      number(
          "learning_rate", [](auto& r) -> auto& { return r.update->learningRate; }),
      number(
          "update_norm", [](auto& r) -> auto& { return r.update->updateNorm; }),
      number(
          "update_noise", [](auto& r) -> auto& { return r.update->updateNoise; }),
      number(
          "parameter_norm", [](auto& r) -> auto& { return r.update->parameterNorm; }),
      number(
          "epsilon", [](auto& r) -> auto& { return r.account->epsilon; }),
      number(
          "delta", [](auto& r) -> auto& { return r.account->delta; }),
      number(
          "simulated", [](auto& r) -> auto& { return r.account->simulated; }),
      number(
          "seconds_sample", [](auto& r) -> auto& { return r.seconds[0]; }),
      number(
          "seconds_forward", [](auto& r) -> auto& { return r.seconds[1]; }),
      number(
          "seconds_backward", [](auto& r) -> auto& { return r.seconds[2]; }),
      number(
          "seconds_norms", [](auto& r) -> auto& { return r.seconds[3]; }),
      number(
          "seconds_clip", [](auto& r) -> auto& { return r.seconds[4]; }),
      number(
          "seconds_noise", [](auto& r) -> auto& { return r.seconds[5]; }),
      number(
          "seconds_update", [](auto& r) -> auto& { return r.seconds[6]; }),
      number(
          "seconds_account", [](auto& r) -> auto& { return r.seconds[7]; }),
      number(
          "joined", [](auto& r) -> auto& { return r.joined; }),
      number(
          "kept", [](auto& r) -> auto& { return r.kept; }),
      number(
          "kept_bytes", [](auto& r) -> auto& { return r.keptBytes; }),
  };
  static_assert(phaseCount == 8);
  return span(columns);
}

std::span<const NumberColumn> evaluationColumns() {
  static constexpr NumberColumn columns[] = {
      {"test_examples",
       [](const R& r) {
         return r.evaluation ? static_cast<double>(r.evaluation->examples) : notANumber;
       },
       [](D& d, double value) {
         d.evaluated = !std::isnan(value);
         if (d.evaluated) d.evaluation->examples = numberAs<Index>(value);
       }},
      evaluation(
          "test_loss", [](auto& e) -> auto& { return e.loss; }),
      evaluation(
          "test_accuracy", [](auto& e) -> auto& { return e.accuracy; }),
  };
  return span(columns);
}

std::span<const TextColumn> textColumns() {
  static constexpr TextColumn columns[] = {
      {"scheme", [](const R& r) { return std::string(samplingSchemeName(r.sample->scheme)); },
       [](D& d, std::string_view text) {
         d.sample->scheme = parse(text, SamplingScheme::Fixed, samplingSchemeName);
       }},
      {"strategy", [](const R& r) { return r.clip->strategy; },
       [](D& d, std::string_view text) {
         if (std::ranges::find(strategyNames(), text) == strategyNames().end())
           refuse("an unknown strategy, \"" + std::string(text) + "\"");
         d.clip->strategy = text;
       }},
      {"accountant", [](const R& r) { return r.account->accountant; },
       [](D& d, std::string_view text) { d.account->accountant = text; }},
      {"sampling",
       [](const R& r) { return std::string(accountedSamplingName(r.account->sampling)); },
       [](D& d, std::string_view text) {
         d.account->sampling = parse(text, AccountedSampling::Mixed, accountedSamplingName);
       }},
      // Follows from the sampling.
      {"neighbours", [](const R& r) { return std::string(neighboursName(r.account->sampling)); },
       [](D&, std::string_view) {}},
      {"invalid_because", [](const R& r) { return std::string(r.account->invalidBecause); },
       [](D& d, std::string_view text) { d.account->invalidBecause = interned(text); }},
  };
  return span(columns);
}

std::span<const BlobColumn> detailColumns() {
  using enum BlobExtent;
  static constexpr BlobColumn columns[] = {
      ofGroups(
          "thresholds", [](auto& g) -> auto& { return g.threshold; }),
      ofGroups(
          "group_noise_stds", [](auto& g) -> auto& { return g.noiseStd; }),
      ofGroups(
          "group_clipped_fractions", [](auto& g) -> auto& { return g.clippedFraction; }),
      checkedBlob<std::int32_t>(
          "group_of", Tensors, [](auto& r) -> auto& { return r.clip->groupOf; },
          [](const D& d, Index group) { checkIndex("group", group, 0, d.clip->groups.size()); }),
      blob<double>(
          "tensor_signal", Tensors, [](auto& r) -> auto& { return r.clip->tensorSignal; }),
      blob<double>(
          "tensor_bias_ratio", Tensors, [](auto& r) -> auto& { return r.clip->tensorBiasRatio; }),
      blob<double>(
          "tensor_bias_cosine", Tensors, [](auto& r) -> auto& { return r.clip->tensorBiasCosine; }),
      blob<double>(
          "tensor_noise_expected", Tensors,
          [](auto& r) -> auto& { return r.noise->tensorExpected; }),
      blob<double>(
          "tensor_noise_realised", Tensors,
          [](auto& r) -> auto& { return r.noise->tensorRealised; }),
      {"adaptive", Adaptive, sizeof(double), appendAdaptive, setAdaptive},
      {"noise_histogram", Histogram, sizeof(std::int32_t), appendHistogram, setHistogram},
      {"layer_times", LayerTimes, sizeof(float), appendLayerTimes, setLayerTimes},
  };
  return span(columns);
}

std::span<const BlobColumn> batchColumns() {
  using enum BlobExtent;
  static constexpr BlobColumn columns[] = {
      {"examples", Examples, sizeof(std::int32_t),
       [](const R& r, std::string& bytes) {
         appendBlob<std::int32_t>(bytes, std::span(r.sample->examples));
       },
       setExamples},
      checkedBlob<std::int32_t>(
          "labels", Examples, [](auto& r) -> auto& { return r.sample->labels; },
          [](const D& d, int label) { checkIndex("class", label, -1, d.info->classNames.size()); }),
      blob<float>(
          "losses", Examples, [](auto& r) -> auto& { return r.forward->losses; }),
      checkedBlob<std::int32_t>(
          "predictions", Examples, [](auto& r) -> auto& { return r.forward->predictions; },
          [](const D& d, int label) { checkIndex("class", label, -1, d.info->classNames.size()); }),
      {"norms", ExampleTensors, sizeof(float),
       [](const R& r, std::string& bytes) { appendBlob<float>(bytes, r.norms->norms.values()); },
       [](D& d, std::span<const char> bytes) {
         readBlob<float>(bytes, d.normValues);
         for (const float norm : d.normValues) checkLength(static_cast<double>(norm));
       }},
      {"factors", ExampleGroups, sizeof(float),
       [](const R& r, std::string& b) { appendFactors(r, b); },
       [](D& d, std::span<const char> bytes) {
         readBlob<float>(bytes, d.factorValues);
         for (const float factor : d.factorValues) checkFactor(static_cast<double>(factor));
       }},
  };
  return span(columns);
}

std::size_t blobValues(const StepDraft& draft, BlobExtent extent) {
  const auto batch = static_cast<std::size_t>(draft.rows);
  const std::size_t tensors = draft.info->tensors.size();
  const std::size_t groups = draft.clip->groups.size();
  switch (extent) {
    case BlobExtent::Examples:
      return batch;
    case BlobExtent::ExampleTensors:
      return batch * tensors;
    case BlobExtent::ExampleGroups:
      return batch * groups;
    case BlobExtent::Tensors:
      return tensors;
    case BlobExtent::Groups:
      return groups;
    case BlobExtent::LayerTimes:
      return 4 * draft.info->modelLayers.size();
    case BlobExtent::Adaptive:
      return 5 * groups;
    case BlobExtent::Histogram:
      return NoiseHistogram::bins + 2;
  }
  return 0;
}

}  // namespace clipscope
