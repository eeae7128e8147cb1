// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/model/parameters.h"
#include "engine/noise/noise_histogram.h"
#include "engine/noise/secure_noise.h"
#include "engine/optimizer/optimizer.h"
#include "engine/tensor/draw_key.h"
#include "engine/tensor/release_kernels.h"

namespace clipscope {

/// What the noise of a step is made from.
struct NoiseTask {
  DrawKey key;                        ///< its block is the tensor's trainable index
  const SecureKey* secret = nullptr;  ///< where it is given, noise comes from it
  std::span<const double> std;        ///< s by trainable tensor; 0: no noise
  std::span<float> store;  ///< Parameters::trainable(), to keep the noise in; may be empty
};

/// What an update is made from: θ' = step(θ, (s + z)/B). Spans as Parameters::trainable().
struct UpdateTask {
  Optimizer* optimizer = nullptr;  ///< whose step has begun
  std::span<const float> sum;      ///< s = Σ f g
  std::span<const float> noise;    ///< z, where it was drawn before
  float inverseBatch = 0;          ///< 1/B
  std::span<const float> before;   ///< θ
  std::span<float> after;          ///< θ'
};

/// The pass over the weights in which a step's noise is drawn and the weights are moved, chunk by
/// chunk on the pool's threads: a chunk's noise and gradient stay in the first-level cache, and are
/// never written anywhere where both are done together. Chunks are fixed, their sums are added in
/// their order, and a normal depends on its position alone: the same bits for any number of
/// threads, together or apart.
class ReleasePass {
 public:
  ReleasePass() = default;
  explicit ReleasePass(const ParameterTable& table);

  struct Result {
    std::vector<double> tensorSquares;  ///< ‖z_p‖² by trainable tensor
    NoiseHistogram histogram;           ///< of z/s
    double parameterSquare = 0;         ///< ‖θ'‖²
    double updateSquare = 0;            ///< ‖θ' − θ‖²
    double noiseSeconds = 0;            ///< shares of the wall time
    double updateSeconds = 0;
  };
  /// Either may be null.
  void run(const NoiseTask* noise, const UpdateTask* update);
  /// Of the last run; what it was not asked for is 0.
  const Result& result() const { return m_result; }

 private:
  struct Chunk {
    Index tensor = 0;
    Index from = 0;    ///< in the tensor
    Index offset = 0;  ///< in Parameters::trainable()
    Index size = 0;
  };
  struct ChunkSums {
    double noise = 0, parameters = 0, update = 0;
  };
  /// What a thread adds up over its chunks.
  struct Tally {
    NoiseTally histogram;
    double noiseSeconds = 0, updateSeconds = 0;
  };
  static constexpr Index chunkSize = static_cast<Index>(secureChunk);

  static DescentSquares updateChunk(const UpdateTask& update, const Chunk& chunk,
                                    const float* noise);
  void runRange(const NoiseTask* noise, const UpdateTask* update, Index first, Index last,
                Tally& tally);

  std::vector<Chunk> m_chunks;
  std::vector<ChunkSums> m_sums;
  Result m_result;
};

}  // namespace clipscope
