// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/clipping/adaptive_threshold.h"
#include "engine/clipping/clip_factors.h"
#include "engine/clipping/norm_table.h"
#include "engine/noise/noise_histogram.h"
#include "engine/tensor/shape.h"
#include "engine/training/carried_state.h"
#include "engine/training/experiment.h"
#include "engine/training/phase.h"

namespace clipscope {

inline constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

/// A run of another library (Opacus, PyTorch), which was recorded there: what it says of itself.
struct LibraryRun {
  std::string library;             ///< "Opacus 1.4.0, PyTorch 1.13.1"
  std::string mode;                ///< how it clips: "flat", "per_layer", "adaptive", "ghost", …
  std::string optimizer;           ///< "SGD"
  std::string optimizerReduction;  ///< "mean" or "sum": of the optimiser
  std::string modelReduction;      ///< and of what makes per-sample gradients; "" if unknown
  Index ranks = 1;                 ///< processes whose files were read as one run
  bool examplesKnown = true;       ///< false: a row's number tells no example from another
  double reportedEpsilon = std::numeric_limits<double>::quiet_NaN();  ///< its own, at its end
  std::vector<std::string> notes;  ///< what the recorder or the reader found in the way
};

/// What stays the same over a run and is needed to read its records: names and sizes.
struct RunInfo {
  std::vector<std::string> tensors;      ///< trainable tensors, "conv1.weight", by trainable index
  std::vector<std::string> layers;       ///< the layer of each tensor, "conv1"
  std::vector<std::string> modelLayers;  ///< all layers in the order they run, "conv1", "relu1"
  std::vector<Index> sizes;              ///< values in each tensor; their sum is d
  std::vector<Shape> shapes;
  Index dimension = 0;                        ///< d
  Index datasetSize = 0;                      ///< N, training examples
  std::vector<std::string> classNames;        ///< empty for a regression
  std::shared_ptr<const LibraryRun> library;  ///< null for a run of this engine
};

/// Phase Sample: which examples were drawn. Row i of every table below is example `examples[i]`.
struct SamplePart {
  std::vector<Index> examples;   ///< dataset indices, ascending; may be empty
  std::vector<int> labels;       ///< class of each; −1 for a regression
  std::vector<int> ranks;        ///< process of each; empty but for a distributed run
  Index drawn = -1;              ///< where a recording has only some of the rows: how many it drew
  double expectedBatchSize = 0;  ///< B = qN, the denominator
  double sampleRate = 0;         ///< q; B/N where batches have a fixed size
  SamplingScheme scheme = SamplingScheme::Poisson;
  Index epoch = -1;                    ///< of a shuffled batch, from 0; −1 for the others
  double noiseMultiplier = 0;          ///< σ of the step, as its schedule has it
  double gradientNoiseMultiplier = 0;  ///< z ≥ σ: what scales the noise; differs when C adapts
};

/// Phase Forward.
struct ForwardPart {
  std::vector<float> losses;
  std::vector<int> predictions;  ///< arg max; −1 for a regression
  double meanLoss = notANumber;  ///< over the batch drawn; NaN when it is empty
};

/// Phase Norms: n_ip, and what follows from norms alone.
struct NormsPart {
  NormTable norms;             ///< ‖∂L_i/∂θ_p‖₂, examples × trainable tensors
  std::vector<double> global;  ///< n_i = √Σ_p n_ip²
  /// Quantiles of n_i over the finite examples (linear interpolation, as numpy's default); NaN when
  /// there is none.
  double q05 = notANumber, q25 = notANumber, q50 = notANumber, q75 = notANumber, q95 = notANumber;
  double max = notANumber;
  std::vector<double> tensorMean;  ///< mean over finite examples of n_ip
  std::vector<double> tensorMax;
  std::vector<double> tensorShare;  ///< mean over finite examples with n_i > 0 of n_ip²/n_i²
  std::vector<Index> nonFinite;     ///< rows with a NaN or an infinity
};

/// One clipping group of a step.
struct GroupResult {
  std::string name;
  std::vector<Index> tensors;
  double threshold = 0;        ///< C_k
  double clippedFraction = 0;  ///< share of examples with n_ik > C_k; NaN for an automatic rule
  double noiseStd = 0;         ///< s_k: what phase Noise draws with; 0 for none
};

/// Phase Clip: factors, the clipped sum s = Σ f_i g_i and what it lost.
struct ClipPart {
  std::string strategy;
  std::vector<GroupResult> groups;
  std::vector<Index> groupOf;  ///< group of each tensor
  ClipFactors factors;
  double maxGradNorm = 0;                ///< C = √Σ C_k²
  double clippedFraction = notANumber;   ///< any group; NaN for an automatic rule or an empty batch
  double aboveOneFraction = notANumber;  ///< share with a factor above 1 (automatic rules)
  double retainedNorm = notANumber;      ///< Σ ‖clipped g_i‖ / Σ n_i
  double signal = 0;                     ///< ‖s‖
  std::vector<double> tensorSignal;      ///< ‖s_p‖
  /// From the unclipped sum Σ g_i over finite examples; NaN when it is switched off or empty.
  double biasRatio = notANumber;      ///< ‖s − Σg‖ / ‖Σg‖ (= ‖β‖/‖ḡ‖)
  double biasCosine = notANumber;     ///< cos(s, Σg)
  double biasScaleFree = notANumber;  ///< min_α ‖αs − Σg‖ / ‖Σg‖ = √(1 − cos²)
  std::vector<double> tensorBiasRatio;
  std::vector<double> tensorBiasCosine;
  /// max over the checked examples of ‖clipped g_i‖, with the gradient formed in double.
  double worstContribution = notANumber;
  Index worstExample = -1;  ///< its row
  double sensitivity = 0;   ///< what the noise is scaled to: C, or ∞ for the strategy "none"
  bool sensitivityExceeded = false;        ///< worstContribution > C(1 + 1e-5)
  double suggestedThreshold = notANumber;  ///< the "bound" C of methods.md
};

/// Phase Noise: z, by tensor and in total.
struct NoisePart {
  std::vector<double> tensorStd;       ///< s_k of the tensor's group
  std::vector<double> tensorExpected;  ///< s_k √d_p
  std::vector<double> tensorRealised;  ///< ‖z_p‖
  double std = 0;                      ///< root mean square of s over all coordinates
  double expected = 0;                 ///< √(Σ s_k² d_k)
  double realised = 0;                 ///< ‖z‖
  double snr = notANumber;             ///< ‖s‖ / expected; ∞ without noise
  double snrRealised = notANumber;     ///< ‖s‖ / ‖z‖
  double effectiveSigma = 0;           ///< counts of an adaptive threshold included
  NoiseHistogram histogram;            ///< of z/s_k
  /// How each group's threshold goes on; empty where C does not adapt. The step itself has C
  /// before.
  std::vector<AdaptiveResult> adaptive;
  double nextMaxGradNorm = notANumber;  ///< √Σ C_k² of the next step; NaN where C does not adapt
};

/// Phase Update.
struct UpdatePart {
  double learningRate = 0;
  double updateNoise = 0;  ///< learning rate · noise std / B: what a weight feels; NaN but for SGD
  double updateNorm = 0;   ///< ‖Δθ‖ over the trainable parameters
  double parameterNorm = 0;  ///< ‖θ‖ after the update
};

/// Phase Account.
struct AccountPart {
  double epsilon = 0;  ///< ∞ without noise or clipping
  double delta = 0;
  std::string accountant;
  bool simulated = true;  ///< a run that can be replayed from a seed is a simulation, not a release
  /// The sampling of the steps so far, which ε holds for, and with it the neighbouring relation:
  /// add or remove one example under Poisson sampling, zero one out (its gradient becomes 0) where
  /// any batch had a fixed size.
  AccountedSampling sampling = AccountedSampling::Poisson;
  /// "" where ε holds; otherwise why it is no valid statement: "private denominator".
  std::string_view invalidBecause;

  bool isValid() const { return invalidBecause.empty(); }
};

/// "poisson", "shuffled", "fixed", "mixed"; and "add_remove" or "zero_out", as files have them.
std::string_view accountedSamplingName(AccountedSampling sampling);
std::string_view neighboursName(AccountedSampling sampling);

/// Where the passes Forward to Clip spent their time, by layer: seconds, as shares of the wall time
/// (the threads' clocks, added up and scaled); 0 for a pass that has not run. What a phase does
/// beside the layers (gathering, loss, factors, diagnosis) is the rest of its time in
/// StepRecord::seconds.
struct TimesPart {
  struct Layer {
    double forward = 0, backward = 0, norms = 0, sums = 0;
    double total() const { return forward + backward + norms + sums; }
  };
  std::vector<Layer> layers;  ///< as RunInfo::modelLayers
};

/// What a step of another library has besides.
struct LibraryPart {
  std::vector<Index> physicalBatches;  ///< examples of each backward pass, in order
  /// Of the sum over all processes, which only the first one has; NaN and empty for one process.
  double reducedSignal = notANumber;
  std::vector<double> reducedTensorSignal;
  /// Each process's share of a distributed step.
  struct Rank {
    int rank = 0;
    Index examples = 0;
    double loss = notANumber;             ///< mean over its examples
    double median = notANumber;           ///< of its norms
    double clippedFraction = notANumber;  ///< of its examples
    double signal = notANumber;           ///< ‖s_r‖, its clipped sum
  };
  std::vector<Rank> ranks;
};

/// Test evaluation, a task after Account.
struct EvaluationPart {
  double accuracy = notANumber;  ///< NaN for a regression
  double loss = notANumber;
  Index examples = 0;
};

/// Everything that a screen, a file or a recording needs of one step. The parts are immutable and
/// filled in the order of the phases; a part is null until its phase is done. A record handed out
/// never changes: the next phase gives a new record that shares the earlier parts.
struct StepRecord {
  std::shared_ptr<const RunInfo> info;
  Index step = 0;                  ///< 1 for the first
  std::optional<Phase> completed;  ///< the last phase done; empty before Sample
  std::shared_ptr<const SamplePart> sample;
  std::shared_ptr<const ForwardPart> forward;
  std::shared_ptr<const NormsPart> norms;
  std::shared_ptr<const ClipPart> clip;
  std::shared_ptr<const NoisePart> noise;
  std::shared_ptr<const UpdatePart> update;
  std::shared_ptr<const AccountPart> account;
  std::shared_ptr<const EvaluationPart> evaluation;
  std::shared_ptr<const LibraryPart> library;  ///< null for a step of this engine
  std::array<double, phaseCount> seconds{};    ///< of each phase done
  std::shared_ptr<const TimesPart> times;      ///< from phase Forward on
  bool joined = false;  ///< Forward to Clip ran block by block: their times are shares of one pass
  bool kept = true;     ///< phase stepping keeps the batch's activations (else it recomputes them)
  Index keptBytes = 0;  ///< what keeping them takes

  /// Rows of the tables by example.
  Index batchSize() const { return sample ? static_cast<Index>(sample->examples.size()) : 0; }
  /// Examples drawn: more than those where a recording has only some of them.
  Index drawn() const { return sample && sample->drawn >= 0 ? sample->drawn : batchSize(); }
  bool has(Phase phase) const { return completed && *completed >= phase; }
};

}  // namespace clipscope
