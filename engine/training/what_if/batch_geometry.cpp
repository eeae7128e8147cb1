// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/what_if/batch_geometry.h"

#include <Eigen/Dense>
#include <cmath>

#include "engine/error.h"

namespace clipscope {

namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

double cosine(double product, double squareA, double squareB) {
  return squareA > 0 && squareB > 0 ? product / std::sqrt(squareA * squareB) : notANumber;
}

void checkStop(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Cancelled();
}

}  // namespace

BatchGeometry batchGeometry(const StepRecord& record, const BatchGram& gram, std::stop_token stop,
                            Index mostRows) {
  const ClipPart& clip = *record.clip;
  BatchGeometry made;
  std::vector<Index> at;  // rows of the matrices
  const Index size = gram.size(), stride = (size + mostRows - 1) / mostRows;
  for (Index i = 0; i < size; i += std::max<Index>(1, stride)) {
    at.push_back(i);
    made.rows.push_back(gram.rows()[static_cast<std::size_t>(i)]);
  }
  const auto n = static_cast<Eigen::Index>(at.size());
  made.randomCosine = 1 / std::sqrt(static_cast<double>(record.info->dimension));
  if (n < 2) return made;

  // ⟨g_i, g_j⟩, ⟨f_i g_i, g_j⟩, and of the sums s and z with every g_j.
  Matrix plain = Matrix::Zero(n, n), clipped = Matrix::Zero(n, n);
  Vector noise = Vector::Zero(n);
  double clippedSquare = 0, noiseSquare = 0, crossed = 0;  // ‖s‖², ‖z‖², ⟨s, z⟩
  for (Index t = 0; t < gram.tensors(); ++t) {
    checkStop(stop);
    const auto group = static_cast<std::size_t>(clip.groupOf[static_cast<std::size_t>(t)]);
    const double std = clip.groups[group].noiseStd;
    noiseSquare += std * std * gram.noiseSquare(t);
    for (Eigen::Index i = 0; i < n; ++i) {
      const Index a = at[static_cast<std::size_t>(i)];
      const double f =
          clip.factors.factor(made.rows[static_cast<std::size_t>(i)], static_cast<Index>(group));
      const double z = std * gram.noiseProduct(a, t);
      noise(i) += z;
      crossed += f * z;
      for (Eigen::Index j = 0; j < n; ++j) {
        const Index b = at[static_cast<std::size_t>(j)];
        const double product = gram.product(a, b, t);
        plain(i, j) += product;
        clipped(i, j) += f * product;
        clippedSquare +=
            f *
            clip.factors.factor(made.rows[static_cast<std::size_t>(j)], static_cast<Index>(group)) *
            product;
      }
    }
  }
  const auto count = static_cast<double>(n);
  const Vector meanOf = plain.rowwise().sum() / count;  // ⟨ḡ, g_j⟩
  const double meanSquare = meanOf.sum() / count;       // ‖ḡ‖²
  for (Eigen::Index i = 0; i < n; ++i)
    made.cosines.push_back(cosine(meanOf(i), plain(i, i), meanSquare));
  const double sum = clipped.sum() / count;  // ⟨s, ḡ⟩
  made.clippedCosine = cosine(sum, clippedSquare, meanSquare);
  made.privateCosine =
      cosine(sum + noise.sum() / count, clippedSquare + noiseSquare + 2 * crossed, meanSquare);
  const double spread = count / (count - 1) * (plain.trace() / count - meanSquare);
  const double squareOfG = meanSquare - spread / count;
  if (squareOfG > 0) made.noiseScale = spread / squareOfG;

  checkStop(stop);
  // The centred Gram matrix has the components' eigenvalues; a component is Σ_j u_j (g_j − ḡ)/√λ,
  // and Σ u_j = 0, so that ⟨w − ḡ, component⟩ = Σ_j u_j ⟨w − ḡ, g_j⟩/√λ.
  Matrix centred = plain;
  centred.rowwise() -= meanOf.transpose();
  centred.colwise() -= meanOf;
  centred.array() += meanSquare;
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(centred);
  const double total = centred.trace();
  if (!(total > 0)) return made;
  Matrix components(n, 2);
  for (Eigen::Index k = 0; k < 2; ++k) {
    const double value = solver.eigenvalues()(n - 1 - k);
    made.explained[k] = std::max(0.0, value) / total;
    // A direction of rounding would be blown up.
    components.col(k) = value > 1e-12 * total
                            ? Vector(solver.eigenvectors().col(n - 1 - k) / std::sqrt(value))
                            : Vector::Zero(n);
    // The side with more examples far out is the positive one: the same picture each time.
    if (components.col(k).array().cube().sum() < 0) components.col(k) *= -1;
  }
  const auto place = [&](const Vector& products) {
    const Eigen::Vector2d p = components.transpose() * (products - meanOf);
    return BatchGeometry::Point{p(0), p(1)};
  };
  for (Eigen::Index i = 0; i < n; ++i) {
    made.before.push_back(place(plain.row(i).transpose()));
    made.after.push_back(place(clipped.row(i).transpose()));
  }
  const Vector clippedMean = clipped.colwise().sum().transpose() / count;
  made.clippedMean = place(clippedMean);
  made.noisyMean = place(clippedMean + noise / count);
  made.zero = place(Vector::Zero(n));
  return made;
}

}  // namespace clipscope
