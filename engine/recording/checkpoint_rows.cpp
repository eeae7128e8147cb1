// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/checkpoint_rows.h"

#include <cmath>
#include <limits>

#include "engine/error.h"
#include "engine/recording/blob.h"
#include "engine/recording/row_access.h"
#include "engine/recording/run_rows.h"

namespace clipscope {

namespace {

constexpr Index mostSteps = Index{1} << 48;

void bindBlob(SQLite::Statement& statement, int at, const std::string& bytes) {
  statement.bindNoCopy(at, bytes.data(), static_cast<int>(bytes.size()));
}

/// (σ, q, steps) of each run of equal steps.
std::string accountedBlob(const std::vector<AccountedSteps>& history) {
  std::vector<double> values;
  for (const AccountedSteps& entry : history)
    values.insert(values.end(), {entry.sigma, entry.sampleRate, static_cast<double>(entry.steps)});
  return blobOf<double>(std::span<const double>(values));
}

std::vector<AccountedSteps> accountedOf(std::span<const char> bytes) {
  std::vector<double> values;
  readBlob<double>(bytes, values);
  std::vector<AccountedSteps> history;
  for (std::size_t at = 0; at + 3 <= values.size(); at += 3) {
    const double sigma = values[at], rate = values[at + 1], steps = values[at + 2];
    if (!(sigma >= 0) || !(rate >= 0 && rate <= 1) ||
        !(steps >= 1 && steps <= static_cast<double>(mostSteps)) || steps != std::trunc(steps))
      throw FileError("what was accounted for so far cannot be");
    history.push_back({sigma, rate, static_cast<std::int64_t>(steps)});
  }
  return history;
}

AccountedSampling samplingOf(const std::string& name) {
  for (int k = 0; k <= static_cast<int>(AccountedSampling::Mixed); ++k)
    if (accountedSamplingName(static_cast<AccountedSampling>(k)) == name)
      return static_cast<AccountedSampling>(k);
  throw FileError("its sampling is an unknown word");
}

/// The bytes of a blob that holds whole values of `size` bytes.
std::span<const char> wholeBlob(const Row& row, int column, std::size_t size) {
  const auto bytes = row.blob(column);
  if (bytes.size() % size != 0) throw FileError("a number is cut off");
  return bytes;
}

SavedCheckpoint readRow(const Row& row, Index step) {
  SavedCheckpoint saved;
  saved.done = step;
  saved.experiment = experimentOf(row.text(0, longestExperiment));
  readBlob<float>(wholeBlob(row, 1, sizeof(float)), saved.parameters);
  saved.optimizer.steps = row.whole(2, 0, mostSteps);
  std::vector<Index> sizes;
  readBlob<std::int64_t>(wholeBlob(row, 3, sizeof(std::int64_t)), sizes);
  auto bytes = row.blob(4);
  for (const Index size : sizes) {
    if (size < 0 || static_cast<std::size_t>(size) > bytes.size() / sizeof(float))
      throw FileError("the optimiser's buffers are cut off");
    const std::size_t taken = static_cast<std::size_t>(size) * sizeof(float);
    readBlob<float>(bytes.first(taken), saved.optimizer.buffers.emplace_back());
    bytes = bytes.subspan(taken);
  }
  if (!bytes.empty()) throw FileError("the optimiser's buffers have more than their sizes");
  saved.accounted = accountedOf(wholeBlob(row, 5, 3 * sizeof(double)));
  readBlob<double>(wholeBlob(row, 6, sizeof(double)), saved.medians);
  readBlob<double>(wholeBlob(row, 7, sizeof(double)), saved.carried.thresholds);
  saved.carried.shuffleStep = row.whole(8, 0, step);
  saved.carried.shuffleEpoch = row.whole(9, 0, mostSteps);
  saved.carried.epochSigma = row.number(10);
  saved.carried.accounted = samplingOf(row.text(11));
  saved.carried.privateDenominator = row.whole(12, 0, 1) == 1;
  return saved;
}

}  // namespace

void writeCheckpoint(SQLite::Database& database, int branch, const TrainerCheckpoint& checkpoint) {
  const RunningState& running = checkpoint.running;
  std::vector<Index> sizes;
  std::string buffers;
  for (const auto& buffer : checkpoint.optimizer.buffers) {
    sizes.push_back(static_cast<Index>(buffer.size()));
    appendBlob<float>(buffers, std::span<const float>(buffer));
  }
  const auto parameters = running.parameters->flat();
  const std::string sizeBytes = blobOf<std::int64_t>(std::span<const Index>(sizes));
  const std::string accounted = accountedBlob(checkpoint.accounted);
  const std::string medians = blobOf<double>(std::span<const double>(running.medians));
  const std::string thresholds =
      blobOf<double>(std::span<const double>(running.carried.thresholds));
  SQLite::Statement insert(
      database,
      "INSERT OR REPLACE INTO checkpoints (branch, step, experiment, parameters, optimizer_steps, "
      "optimizer_sizes, optimizer_buffers, accounted, medians, thresholds, shuffle_step, "
      "shuffle_epoch, epoch_sigma, accounted_sampling, private_denominator) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, branch);
  insert.bind(2, static_cast<std::int64_t>(running.done));
  insert.bind(3, experimentText(checkpoint.experiment()));
  insert.bindNoCopy(4, parameters.data(), static_cast<int>(parameters.size_bytes()));
  insert.bind(5, static_cast<std::int64_t>(checkpoint.optimizer.steps));
  bindBlob(insert, 6, sizeBytes);
  bindBlob(insert, 7, buffers);
  bindBlob(insert, 8, accounted);
  bindBlob(insert, 9, medians);
  bindBlob(insert, 10, thresholds);
  insert.bind(11, static_cast<std::int64_t>(running.carried.shuffleStep));
  insert.bind(12, static_cast<std::int64_t>(running.carried.shuffleEpoch));
  if (!std::isnan(running.carried.epochSigma)) insert.bind(13, running.carried.epochSigma);
  insert.bind(14, std::string(accountedSamplingName(running.carried.accounted)));
  insert.bind(15, running.carried.privateDenominator ? 1 : 0);
  insert.exec();
}

void removeCheckpointRow(SQLite::Database& database, int branch, Index step) {
  SQLite::Statement remove(database, "DELETE FROM checkpoints WHERE branch = ? AND step = ?");
  remove.bind(1, branch);
  remove.bind(2, static_cast<std::int64_t>(step));
  remove.exec();
}

std::vector<RecordingReader::CheckpointPlace> listCheckpoints(SQLite::Database& database) {
  std::vector<RecordingReader::CheckpointPlace> places;
  SQLite::Statement query(database,
                          "SELECT branch, step, length(parameters) + length(optimizer_buffers) "
                          "FROM checkpoints ORDER BY branch, step");
  while (query.executeStep()) {
    const Row row(query);
    places.push_back({static_cast<int>(row.whole(0, 0, std::numeric_limits<int>::max())),
                      row.whole(1, 0, mostSteps), row.whole(2, 0, mostSteps)});
  }
  return places;
}

SavedCheckpoint readCheckpoint(SQLite::Database& database, int branch, Index step) {
  SQLite::Statement query(
      database,
      "SELECT experiment, parameters, optimizer_steps, optimizer_sizes, optimizer_buffers, "
      "accounted, medians, thresholds, shuffle_step, shuffle_epoch, epoch_sigma, "
      "accounted_sampling, private_denominator FROM checkpoints WHERE branch = ? AND step = ?");
  query.bind(1, branch);
  query.bind(2, static_cast<std::int64_t>(step));
  const std::string name =
      "the checkpoint of step " + std::to_string(step) + " of branch " + std::to_string(branch);
  if (!query.executeStep()) throw FileError(name + " is not there");
  try {
    return readRow(Row(query), step);
  } catch (const FileError& error) {
    throw FileError(name + " cannot be read: " + error.what() + "; it is damaged");
  }
}

}  // namespace clipscope
