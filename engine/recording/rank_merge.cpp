// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/rank_merge.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "engine/error.h"
#include "engine/training/diagnostics.h"

namespace clipscope {

namespace {

using Records = std::span<const std::shared_ptr<const StepRecord>>;

/// Σ w x / Σ w over the ranks that drew something.
template <class Value>
double weighted(Records ranks, Value&& value) {
  double sum = 0, weight = 0;
  for (const auto& rank : ranks) {
    if (rank->drawn() == 0) continue;
    sum += static_cast<double>(rank->drawn()) * value(*rank);
    weight += static_cast<double>(rank->drawn());
  }
  return weight > 0 ? sum / weight : notANumber;
}

/// A row of one rank's tables, and where it goes.
struct Place {
  Index example;
  std::size_t rank;
  Index row;
};

std::vector<Place> placesOf(Records ranks, bool& areKnown) {
  std::vector<Place> places;
  for (std::size_t r = 0; r < ranks.size(); ++r)
    for (Index i = 0; i < ranks[r]->batchSize(); ++i)
      places.push_back({ranks[r]->sample->examples[static_cast<std::size_t>(i)], r, i});
  for (const auto& rank : ranks)
    areKnown = areKnown && rank->info->library && rank->info->library->examplesKnown;
  if (areKnown) {
    std::ranges::stable_sort(places, {}, &Place::example);
    areKnown = std::ranges::adjacent_find(places, {}, &Place::example) == places.end();
    if (!areKnown)
      std::ranges::sort(places, {}, [](const Place& p) { return std::pair(p.rank, p.row); });
  }
  if (!areKnown)
    for (std::size_t k = 0; k < places.size(); ++k) places[k].example = static_cast<Index>(k);
  return places;
}

/// Σ ‖clipped g_i‖ / Σ n_i.
double retained(const NormTable& norms, const ClipFactors& factors,
                const std::vector<Index>& groupOf) {
  double kept = 0, whole = 0;
  for (Index i = 0; i < norms.examples(); ++i) {
    double clipped = 0, squares = 0;
    for (Index t = 0; t < norms.tensors(); ++t) {
      const double n = norms.at(i, t);
      const double f = factors.factor(i, groupOf[static_cast<std::size_t>(t)]);
      squares += n * n;
      clipped += f * f * n * n;
    }
    if (!std::isfinite(squares)) continue;
    kept += std::sqrt(clipped);
    whole += std::sqrt(squares);
  }
  return whole > 0 ? kept / whole : notANumber;
}

LibraryPart::Rank shareOf(const StepRecord& record, int rank) {
  LibraryPart::Rank share;
  share.rank = rank;
  share.examples = record.drawn();
  share.loss = record.forward->meanLoss;
  share.median = record.norms->q50;
  share.clippedFraction = record.clip->clippedFraction;
  share.signal = record.clip->signal;
  return share;
}

}  // namespace

std::optional<std::filesystem::path> rankPath(const std::filesystem::path& path, int rank) {
  const std::string name = path.filename().string();
  const std::size_t mark = name.rfind(".rank");
  if (mark == std::string::npos) return std::nullopt;
  const std::size_t from = mark + 5;
  const std::size_t to = name.find_first_not_of("0123456789", from);
  if (to == from || to == std::string::npos || name[to] != '.') return std::nullopt;
  return path.parent_path() / (name.substr(0, from) + std::to_string(rank) + name.substr(to));
}

std::filesystem::path withRank(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return path;
  std::string name = path.stem().string();
  name += ".rank0";
  name += path.extension().string();
  const std::filesystem::path first = path.parent_path() / name;
  return std::filesystem::exists(first, error) ? first : path;
}

std::shared_ptr<const StepRecord> mergeRanks(std::shared_ptr<const RunInfo> info, Records ranks) {
  const StepRecord& first = *ranks.front();
  for (const auto& rank : ranks)
    if (rank->clip->groups.size() != first.clip->groups.size() ||
        rank->clip->groupOf != first.clip->groupOf)
      throw FileError("its ranks have other clipping groups in step " + std::to_string(first.step));
  auto sample = std::make_shared<SamplePart>(*first.sample);
  auto forward = std::make_shared<ForwardPart>();
  auto norms = std::make_shared<NormsPart>();
  auto clip = std::make_shared<ClipPart>(*first.clip);
  auto noise = std::make_shared<NoisePart>(*first.noise);
  auto library = std::make_shared<LibraryPart>();

  const bool hasTables = std::ranges::all_of(
      ranks, [](const auto& rank) { return rank->batchSize() > 0 || rank->drawn() == 0; });
  bool areKnown = true;
  const std::vector<Place> places = placesOf(ranks, areKnown);
  const auto rows = static_cast<Index>(places.size());
  const auto tensors = static_cast<Index>(info->tensors.size());
  sample->examples.clear();
  sample->labels.clear();
  norms->norms.resize(rows, tensors);
  std::vector<float> factors;
  Index drawn = 0;
  sample->expectedBatchSize = 0;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    drawn += ranks[r]->drawn();
    sample->expectedBatchSize += ranks[r]->sample->expectedBatchSize;
    library->ranks.push_back(shareOf(*ranks[r], static_cast<int>(r)));
    if (ranks[r]->library)
      std::ranges::copy(ranks[r]->library->physicalBatches,
                        std::back_inserter(library->physicalBatches));
  }
  for (std::size_t k = 0; k < places.size(); ++k) {
    const Place& place = places[k];
    const StepRecord& from = *ranks[place.rank];
    const auto row = static_cast<std::size_t>(place.row);
    sample->examples.push_back(place.example);
    sample->ranks.push_back(static_cast<int>(place.rank));
    sample->labels.push_back(from.sample->labels[row]);
    forward->losses.push_back(from.forward->losses[row]);
    forward->predictions.push_back(from.forward->predictions[row]);
    for (Index t = 0; t < tensors; ++t)
      norms->norms.at(static_cast<Index>(k), t) = from.norms->norms.at(place.row, t);
    for (Index g = 0; g < from.clip->factors.groups(); ++g)
      factors.push_back(static_cast<float>(from.clip->factors.factor(place.row, g)));
    if (from.clip->worstExample == place.row &&
        from.clip->worstContribution == clip->worstContribution)
      clip->worstExample = static_cast<Index>(k);
  }
  if (drawn != rows) sample->drawn = drawn;
  forward->meanLoss = weighted(ranks, [](const StepRecord& r) { return r.forward->meanLoss; });
  summariseNorms(*norms);

  std::vector<ClippingGroup> groups;
  std::vector<double> thresholds;
  for (std::size_t g = 0; g < clip->groups.size(); ++g) {
    groups.push_back({clip->groups[g].name, clip->groups[g].tensors});
    thresholds.push_back(clip->groups[g].threshold);
    clip->groups[g].clippedFraction =
        weighted(ranks, [g](const StepRecord& r) { return r.clip->groups[g].clippedFraction; });
  }
  restoreFactors(norms->norms, Grouping(std::move(groups), tensors), thresholds, factors,
                 clip->factors);
  clip->clippedFraction =
      weighted(ranks, [](const StepRecord& r) { return r.clip->clippedFraction; });
  clip->retainedNorm =
      hasTables ? retained(norms->norms, clip->factors, clip->groupOf) : notANumber;
  clip->biasRatio = clip->biasCosine = clip->biasScaleFree = notANumber;
  std::ranges::fill(clip->tensorBiasRatio, notANumber);
  std::ranges::fill(clip->tensorBiasCosine, notANumber);
  clip->signal = first.library ? first.library->reducedSignal : notANumber;
  if (first.library && !first.library->reducedTensorSignal.empty())
    clip->tensorSignal = first.library->reducedTensorSignal;
  else
    std::ranges::fill(clip->tensorSignal, notANumber);
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const ClipPart& other = *ranks[r]->clip;
    clip->sensitivityExceeded = clip->sensitivityExceeded || other.sensitivityExceeded;
    if (other.worstContribution <= clip->worstContribution || std::isnan(other.worstContribution))
      continue;
    clip->worstContribution = other.worstContribution;
    const auto found = std::ranges::find_if(places, [&](const Place& place) {
      return place.rank == r && place.row == other.worstExample;
    });
    clip->worstExample = found == places.end() ? -1 : static_cast<Index>(found - places.begin());
  }
  noise->snr = clip->signal / noise->expected;
  noise->snrRealised = clip->signal / noise->realised;

  auto merged = std::make_shared<StepRecord>(first);
  merged->info = std::move(info);
  merged->sample = std::move(sample);
  merged->forward = std::move(forward);
  merged->norms = std::move(norms);
  merged->clip = std::move(clip);
  merged->noise = std::move(noise);
  merged->library = std::move(library);
  return merged;
}

}  // namespace clipscope
