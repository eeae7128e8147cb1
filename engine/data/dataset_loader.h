// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/data/digits.h"
#include "engine/formats/csv.h"

namespace clipscope {

enum class DataSource { Digits, Idx, Csv };
enum class NormalisationRule {
  Default,  ///< images: fixed public constants; rows: none
  None,
  Constants,    ///< the given mean and std
  Standardise,  ///< mean and std of the training examples: private, and marked so
};
enum class CsvTask { Automatic, Classification, Regression };

std::string_view dataSourceName(DataSource source);
DataSource parseDataSource(const std::string& text, const std::string& setting);
std::string_view normalisationRuleName(NormalisationRule rule);
NormalisationRule parseNormalisationRule(const std::string& text, const std::string& setting);
std::string_view csvTaskName(CsvTask task);
CsvTask parseCsvTask(const std::string& text, const std::string& setting);
std::string_view csvHeaderName(CsvHeader header);
CsvHeader parseCsvHeader(const std::string& text, const std::string& setting);

/// Which data, how it is read, and how it is split.
struct DataSettings {
  DataSource source = DataSource::Digits;
  std::string path;    ///< IDX images or CSV
  std::string labels;  ///< IDX labels; "" looks beside the images
  DigitsSettings digits;
  CsvHeader csvHeader = CsvHeader::Automatic;
  /// By name or number from 1; "" takes a column called label, class, target, diagnosis or y, or
  /// the last one.
  std::string labelColumn;
  std::vector<std::string> ignoreColumns{"id"};  ///< by name (any case) or number; need not exist
  CsvTask csvTask = CsvTask::Automatic;
  NormalisationRule normalisation = NormalisationRule::Default;
  std::vector<double> mean, std;  ///< for Constants
  double testShare = 0.2;         ///< of the examples, held out; 0 … 0.9
  std::uint64_t splitSeed = 1;

  friend bool operator==(const DataSettings&, const DataSettings&) = default;
};

/// A data set and its split; indices ascend.
struct LoadedData {
  std::shared_ptr<const Dataset> data;
  std::vector<Index> train;
  std::vector<Index> test;
};

/// The settings for a path that a person gave: what kind of file it is, from its content; for a
/// folder, the images of MNIST in it under their usual names. Throws FileError.
DataSettings settingsForPath(const std::filesystem::path& path, const DataSettings& base = {});

/// Reads or generates. Throws FileError or SettingError.
LoadedData loadDataset(const DataSettings& settings);

/// Chooses round(share·N) test examples by the seed; never all of them.
void splitDataset(Index size, double testShare, std::uint64_t seed, std::vector<Index>& train,
                  std::vector<Index>& test);

}  // namespace clipscope
