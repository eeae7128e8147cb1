// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/dataset_loader.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/data/csv_dataset.h"
#include "engine/error.h"
#include "engine/formats/idx.h"
#include "engine/formats/number_text.h"
#include "engine/tensor/philox.h"

namespace clipscope {

namespace {

template <class T, std::size_t N>
T parseName(const std::string& text, const std::string& setting,
            const std::array<std::pair<const char*, T>, N>& names) {
  std::string choices;
  for (const auto& [name, value] : names) {
    if (text == name) return value;
    choices += (choices.empty() ? "" : ", ") + std::string(name);
  }
  throw SettingError(setting + ": \"" + text + "\" is not known; choose one of " + choices);
}

template <class T, std::size_t N>
std::string_view nameOf(T value, const std::array<std::pair<const char*, T>, N>& names) {
  for (const auto& [name, candidate] : names)
    if (candidate == value) return name;
  return names.front().first;
}

constexpr std::array<std::pair<const char*, DataSource>, 3> sourceNames{
    {{"digits", DataSource::Digits}, {"idx", DataSource::Idx}, {"csv", DataSource::Csv}}};
constexpr std::array<std::pair<const char*, NormalisationRule>, 4> ruleNames{
    {{"default", NormalisationRule::Default},
     {"none", NormalisationRule::None},
     {"constants", NormalisationRule::Constants},
     {"standardise", NormalisationRule::Standardise}}};
constexpr std::array<std::pair<const char*, CsvTask>, 3> taskNames{
    {{"auto", CsvTask::Automatic},
     {"classification", CsvTask::Classification},
     {"regression", CsvTask::Regression}}};
constexpr std::array<std::pair<const char*, CsvHeader>, 3> headerNames{
    {{"auto", CsvHeader::Automatic},
     {"present", CsvHeader::Present},
     {"absent", CsvHeader::Absent}}};

Dataset::Content readImages(const DataSettings& settings) {
  const std::filesystem::path path = settings.path;
  IdxFile images = readIdx(path);
  if (images.extents.size() < 3)
    throw FileError(path.string() + ": has rank " + std::to_string(images.extents.size()) +
                    ", so it is not images; name the file of images, not of labels");
  std::optional<std::filesystem::path> labelPath = settings.labels;
  if (settings.labels.empty()) labelPath = labelsBeside(path);
  if (!labelPath)
    throw FileError(path.string() +
                    ": no labels lie beside it under the usual name (…labels-idx1-ubyte); name the "
                    "labels file as well");
  IdxFile labels = readIdx(*labelPath);
  if (labels.extents.size() != 1)
    throw FileError(labelPath->string() + ": has rank " + std::to_string(labels.extents.size()) +
                    ", so it is not labels");
  if (labels.extents[0] != images.extents[0])
    throw FileError(path.string() + ": holds " + std::to_string(images.extents[0]) +
                    " images but " + labelPath->string() + " holds " +
                    std::to_string(labels.extents[0]) + " labels; they do not belong together");

  Dataset::Content content;
  content.name = path.stem().string();
  if (content.name.rfind("t10k", 0) == 0) content.name = "MNIST t10k";
  if (content.name.rfind("train-images", 0) == 0) content.name = "MNIST train";
  content.source = path.string();
  content.shape = images.extents.size() == 4
                      ? Shape{images.extents[1], images.extents[2], images.extents[3]}
                      : Shape{1, images.extents[1], images.extents[2]};
  content.pixels = std::move(images.values);
  content.labels.assign(labels.values.begin(), labels.values.end());
  content.outputs = 1 + *std::max_element(content.labels.begin(), content.labels.end());
  for (Index c = 0; c < content.outputs; ++c) content.classNames.push_back(std::to_string(c));
  return content;
}

/// Public constants: MNIST's for one channel, the middle of the range for others.
Normalisation imageDefault(Index channels) {
  if (channels == 1) return {{0.1307}, {0.3081}, false};
  if (channels == 3) return {{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}, false};
  return {{0.5}, {0.5}, false};
}

/// What a division by it would throw out of single precision counts as no spread at all.
constexpr double smallestStd = 1e-30;

/// Mean and std over the training examples, by channel or column.
Normalisation standardised(const Dataset::Content& content, const std::vector<Index>& train) {
  Normalisation result;
  result.computedFromData = true;
  const Index groups = content.shape[0];
  const Index per = content.shape.size() / groups;
  const auto value = [&](Index example, Index j) {
    const auto at = static_cast<std::size_t>(example * content.shape.size() + j);
    return content.pixels.empty() ? static_cast<double>(content.rows[at])
                                  : static_cast<double>(content.pixels[at]) / 255.0;
  };
  const double count = static_cast<double>(train.size()) * static_cast<double>(per);
  for (Index g = 0; g < groups; ++g) {
    // From one of the values on: the rounding of a mean is no spread of equal values.
    const double start = value(train.front(), g * per);
    double mean = 0, variance = 0;
    for (const Index example : train)
      for (Index j = g * per; j < (g + 1) * per; ++j) mean += (value(example, j) - start) / count;
    for (const Index example : train)
      for (Index j = g * per; j < (g + 1) * per; ++j) {
        const double centred = value(example, j) - start - mean;
        variance += centred * centred / count;
      }
    const double std = std::sqrt(variance);
    result.mean.push_back(start + mean);
    result.std.push_back(std >= smallestStd ? std : 1.0);
  }
  return result;
}

Normalisation normalisationFor(const DataSettings& settings, const Dataset::Content& content,
                               const std::vector<Index>& train) {
  const auto groups = static_cast<std::size_t>(content.shape[0]);
  switch (settings.normalisation) {
    case NormalisationRule::Default:
      return content.pixels.empty() ? Normalisation{} : imageDefault(content.shape[0]);
    case NormalisationRule::None:
      return {};
    case NormalisationRule::Standardise:
      return standardised(content, train);
    case NormalisationRule::Constants:
      break;
  }
  for (const auto* list : {&settings.mean, &settings.std})
    if (list->size() != 1 && list->size() != groups)
      throw SettingError("data.normalisation: mean and std need 1 or " + std::to_string(groups) +
                         " values each");
  for (const double std : settings.std)
    if (!(std >= smallestStd))
      throw SettingError("data.normalisation.std: every value must be at least 1e-30");
  for (std::size_t c = 0; c < groups; ++c) {
    const double mean = settings.mean[settings.mean.size() == 1 ? 0 : c],
                 std = settings.std[settings.std.size() == 1 ? 0 : c];
    if (!std::isfinite(static_cast<float>(mean / std)))
      throw SettingError("data.normalisation: a mean of " + numberText(mean) + " with a std of " +
                         numberText(std) + " leaves single precision");
  }
  return {settings.mean, settings.std, false};
}

}  // namespace

std::string_view dataSourceName(DataSource source) { return nameOf(source, sourceNames); }
DataSource parseDataSource(const std::string& text, const std::string& setting) {
  return parseName(text, setting, sourceNames);
}
std::string_view normalisationRuleName(NormalisationRule rule) { return nameOf(rule, ruleNames); }
NormalisationRule parseNormalisationRule(const std::string& text, const std::string& setting) {
  return parseName(text, setting, ruleNames);
}
std::string_view csvTaskName(CsvTask task) { return nameOf(task, taskNames); }
CsvTask parseCsvTask(const std::string& text, const std::string& setting) {
  return parseName(text, setting, taskNames);
}
std::string_view csvHeaderName(CsvHeader header) { return nameOf(header, headerNames); }
CsvHeader parseCsvHeader(const std::string& text, const std::string& setting) {
  return parseName(text, setting, headerNames);
}

DataSettings settingsForPath(const std::filesystem::path& path, const DataSettings& base) {
  DataSettings settings = base;
  std::filesystem::path file = path;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    bool found = false;
    for (const char* name : {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz",
                             "t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"}) {
      if (!std::filesystem::is_regular_file(path / name, error)) continue;
      file = path / name;
      found = true;
      break;
    }
    if (!found)
      throw FileError(path.string() +
                      ": is a folder without MNIST images (train-images-idx3-ubyte[.gz] or "
                      "t10k-images-idx3-ubyte[.gz]); name a file");
  }
  settings.path = file.string();
  settings.labels.clear();
  settings.source = looksLikeIdx(file) ? DataSource::Idx : DataSource::Csv;
  return settings;
}

void splitDataset(Index size, double testShare, std::uint64_t seed, std::vector<Index>& train,
                  std::vector<Index>& test) {
  std::vector<Index> order(static_cast<std::size_t>(size));
  for (Index i = 0; i < size; ++i) order[static_cast<std::size_t>(i)] = i;
  // Fisher–Yates from the back: the first `wanted` that fall out are the test examples.
  const Index wanted =
      std::min(size - 1, static_cast<Index>(std::llround(testShare * static_cast<double>(size))));
  RandomStream stream({seed, DrawPurpose::Split, 0, 0});
  for (Index k = 0; k < wanted; ++k) {
    const Index last = size - 1 - k;
    const auto pick = static_cast<std::size_t>(stream.below(static_cast<std::uint64_t>(last + 1)));
    std::swap(order[pick], order[static_cast<std::size_t>(last)]);
  }
  const auto cut = order.begin() + static_cast<std::ptrdiff_t>(size - wanted);
  train.assign(order.begin(), cut);
  test.assign(cut, order.end());
  std::sort(train.begin(), train.end());
  std::sort(test.begin(), test.end());
}

LoadedData loadDataset(const DataSettings& settings) {
  if (!(settings.testShare >= 0 && settings.testShare <= 0.9))
    throw SettingError("data.test_share: must be from 0 to 0.9");
  Dataset::Content content;
  switch (settings.source) {
    case DataSource::Digits:
      content = generateDigits(settings.digits);
      break;
    case DataSource::Idx:
      content = readImages(settings);
      break;
    case DataSource::Csv:
      content = readCsvDataset(settings);
      break;
  }
  LoadedData loaded;
  const Index values = content.shape.size();
  const auto stored =
      static_cast<Index>(content.pixels.empty() ? content.rows.size() : content.pixels.size());
  splitDataset(stored / values, settings.testShare, settings.splitSeed, loaded.train, loaded.test);
  content.normalisation = normalisationFor(settings, content, loaded.train);
  loaded.data = std::make_shared<Dataset>(std::move(content));
  return loaded;
}

}  // namespace clipscope
