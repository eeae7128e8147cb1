// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/what_if/gram_builder.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>

#include "engine/error.h"
#include "engine/tensor/gemm.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/philox.h"
#include "engine/tensor/vector_kernels.h"
#include "engine/tensor/vector_state.h"

namespace clipscope {

namespace {

/// Below this a gradient's entries have left float's range.
constexpr double leastNorm = 1e-36;
/// Memory for the gradients that one block forms at a time.
constexpr Index formingBytes = Index{32} << 20;
/// Columns that are multiplied in one product: partial sums this long keep float's precision.
constexpr Index productColumns = 8192;
constexpr Index panelRows = 256;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

bool usable(double norm) { return std::isfinite(norm) && norm >= leastNorm; }

/// Copies a row scaled to length 1; a row of 0 stays 0.
void copyUnit(const float* from, Index count, float* to) {
  const double length = std::sqrt(sumSquares(from, count));
  if (usable(length))
    scaled(static_cast<float>(1 / length), from, to, count);
  else
    std::fill_n(to, count, 0.0f);
}

}  // namespace

GramBuilder::GramBuilder(const BatchProbe& probe, std::stop_token stop, Index limit,
                         Index workspace)
    : m_probe(probe),
      m_model(probe.model()),
      m_stop(std::move(stop)),
      m_gram(new BatchGram),
      m_tensors(probe.model().table().trainableCount()) {
  m_model.prepare(m_probe.parameters(), m_prepared);
  m_gram->m_norms.resize(static_cast<Index>(m_probe.examples().size()), m_tensors);
  chooseRows(limit);
  m_gram->m_cosines.resize(at(m_tensors));
  m_gram->m_projections.assign(at(m_size * m_tensors), 0.0);
  m_gram->m_noise.assign(at(m_tensors), 0.0);
  chooseForms();
  planPasses(workspace);
  packNoise();
}

void GramBuilder::checkStop() const {
  if (m_stop.stop_requested()) throw Cancelled();
}

void GramBuilder::chooseRows(Index limit) {
  const Index batch = m_gram->batchSize();
  std::vector<Index>& rows = m_gram->m_rows;
  rows.resize(at(batch));
  std::iota(rows.begin(), rows.end(), Index{0});
  if (batch > limit) {
    // The first places of a seeded shuffle; block 1, as block 0 draws the step's own witnesses.
    RandomStream stream({m_probe.key().seed, DrawPurpose::Diagnose, m_probe.key().step, 1});
    for (Index i = 0; i < limit; ++i)
      std::swap(
          rows[at(i)],
          rows[at(i + static_cast<Index>(stream.below(static_cast<std::uint64_t>(batch - i))))]);
    rows.resize(at(limit));
    std::sort(rows.begin(), rows.end());
  }
  m_size = m_gram->size();
  m_slot.assign(at(batch), -1);
  for (Index i = 0; i < m_size; ++i) m_slot[at(rows[at(i)])] = i;
}

void GramBuilder::chooseForms() {
  m_isOuter.assign(at(m_tensors), false);
  // Views of a cache that nothing has run in yet: what matters is which there are.
  const BlockCache cache = m_model.makeCache(1);
  for (Index t = 0; t < m_tensors; ++t) {
    GradientFactors factors;
    if (!m_model.gradientFactors(cache, t, factors)) continue;
    m_isOuter[at(t)] = true;
    // A layer's weight and bias have one left factor; it is kept and multiplied once.
    Outer* outer = nullptr;
    for (Outer& other : m_outers) {
      GradientFactors seen;
      m_model.gradientFactors(cache, other.product >= 0 ? other.product : other.plain, seen);
      const bool free = factors.right.data ? other.product < 0 : other.plain < 0;
      if (seen.left.data == factors.left.data && free) outer = &other;
    }
    if (!outer) outer = &m_outers.emplace_back();
    outer->leftWidth = factors.left.cols;
    outer->left.resize(at(m_size * factors.left.cols));
    if (factors.right.data) {
      outer->product = t;
      outer->rightWidth = factors.right.cols;
      outer->right.resize(at(m_size * factors.right.cols));
    } else {
      outer->plain = t;
    }
  }
}

void GramBuilder::planPasses(Index workspace) {
  const SumSet sums = m_model.makeSums(1, m_isOuter);
  const Index columns =
      std::max<Index>(256, workspace / (Index{sizeof(float)} * std::max<Index>(m_size, 1)));
  std::vector<Piece> pass;
  Index used = 0, extent = 0;
  for (Index t = 0; t < m_tensors; ++t) {
    if (m_isOuter[at(t)]) continue;
    extent += sums.size(t);
    for (Index from = 0; from < sums.size(t);) {
      const Index width = std::min(sums.size(t) - from, columns - used);
      pass.push_back({t, from, width, used});
      used += width;
      from += width;
      if (used < columns) continue;
      m_passes.push_back(std::move(pass));
      pass.clear();
      used = 0;
    }
  }
  // The first pass also takes norms and factors.
  if (!pass.empty() || m_passes.empty()) m_passes.push_back(std::move(pass));
  m_oneHot = std::clamp(formingBytes / (Index{sizeof(float)} * std::max<Index>(extent, 1)),
                        Index{1}, m_model.plan().rows);
  Index widest = 0;
  for (const auto& pieces : m_passes)
    if (!pieces.empty()) widest = std::max(widest, pieces.back().column + pieces.back().width);
  m_formed.resize(at(m_size * widest));
}

void GramBuilder::packNoise() {
  m_noise.resize(at(m_tensors));
  const ParameterTable& table = m_model.table();
  bool anyFormed = false;
  for (Index t = 0; t < m_tensors; ++t) {
    AlignedVector<float>& z = m_noise[at(t)];
    z.resize(at(table.trainableInfo(t).size()));
    m_probe.fillNoise(t, z);
    m_gram->m_noise[at(t)] = sumSquares(z.data(), static_cast<Index>(z.size()));
    anyFormed = anyFormed || !m_isOuter[at(t)];
  }
  if (!anyFormed) return;
  // The way from a layer's layout to PyTorch's is a permutation with gaps. Sent along it, the
  // positions themselves say where each value comes from; in two parts, each exact in float.
  constexpr Index low = 4096;
  SumSet positions = m_model.makeSums(1);
  std::vector<float> parts[2];
  for (int part = 0; part < 2; ++part) {
    for (Index t = 0; t < m_tensors; ++t)
      for (Index j = 0; j < positions.size(t); ++j)
        positions.data(0, t)[j] = static_cast<float>(part == 0 ? j % low : j / low);
    parts[part].resize(at(table.trainableExtent()));
    m_model.unpack(positions, 0, parts[part]);
  }
  for (Index t = 0; t < m_tensors; ++t) {
    if (m_isOuter[at(t)]) continue;
    AlignedVector<float> packed(at(positions.size(t)), 0.0f);
    const std::size_t offset = at(table.trainableInfo(t).offset);
    for (std::size_t i = 0; i < m_noise[at(t)].size(); ++i) {
      const Index from =
          static_cast<Index>(parts[0][offset + i]) + low * static_cast<Index>(parts[1][offset + i]);
      packed[at(from)] = m_noise[at(t)][i];
    }
    m_noise[at(t)] = std::move(packed);
  }
}

std::shared_ptr<const BatchGram> GramBuilder::build() {
  for (Index t = 0; t < m_tensors; ++t) m_gram->m_cosines[at(t)].assign(at(m_size * m_size), 0.0f);
  for (std::size_t p = 0; p < m_passes.size(); ++p) {
    m_pieces = m_passes[p];
    m_width = m_pieces.empty() ? 0 : m_pieces.back().column + m_pieces.back().width;
    std::fill_n(m_formed.begin(), m_size * m_width, 0.0f);
    runPass(p == 0);
    multiplyFormed();
  }
  for (Outer& outer : m_outers) multiplyOuter(outer);
  for (Index t = 0; t < m_tensors; ++t) finish(t);
  return m_gram;
}

void GramBuilder::runPass(bool first) {
  const BlockPlan& plan = m_model.plan();
  const Index blocks = plan.count(m_gram->batchSize());
  const int threads = plan.threadPerBlock ? omp_get_max_threads() : 1;
  const auto runRange = [&](Index from, Index to) {
    BlockCache cache = m_model.makeCache(plan.rowsFor(m_gram->batchSize()));
    SumSet sums = m_pieces.empty() ? SumSet() : m_model.makeSums(m_oneHot, m_isOuter);
    for (Index block = from; block < to; ++block) {
      checkStop();
      runBlock(cache, sums, block, first);
    }
  };
  if (threads == 1) {
    runRange(0, blocks);
    return;
  }
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(threads));
#pragma omp parallel num_threads(threads)
  {
    cleanVectorState();
    const int thread = omp_get_thread_num();
    const auto [from, to] = ownedRange(blocks, thread, threads);
    try {
      runRange(from, to);
    } catch (...) {
      failures[static_cast<std::size_t>(thread)] = std::current_exception();
    }
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

void GramBuilder::runBlock(BlockCache& cache, SumSet& sums, Index block, bool first) {
  const auto [begin, end] = m_model.plan().range(m_gram->batchSize(), block);
  const bool wanted = first || std::any_of(m_slot.begin() + begin, m_slot.begin() + end,
                                           [](Index slot) { return slot >= 0; });
  if (!wanted) return;
  DrawKey key = m_probe.key();
  key.block = static_cast<std::uint32_t>(block);
  runExamples(m_model, m_prepared, m_probe.data(),
              std::span(m_probe.examples()).subspan(at(begin), at(end - begin)), key, cache);
  keepNorms(cache, begin);
  if (first) keepFactors(cache, begin);
  if (!m_pieces.empty()) keepFormed(cache, sums, begin);
}

void GramBuilder::keepNorms(BlockCache& cache, Index firstRow) {
  // Layers that form gradients do so here; in later passes the norms come out the same again.
  thread_local std::vector<double> squares;
  squares.resize(at(cache.rows * m_tensors));
  m_model.squaredNorms(cache, {squares.data(), cache.rows, m_tensors});
  for (Index i = 0; i < cache.rows; ++i) {
    bool finite = true;
    for (Index t = 0; t < m_tensors; ++t) {
      const double norm = std::sqrt(squares[at(i * m_tensors + t)]);
      m_gram->m_norms.at(firstRow + i, t) = norm;
      finite = finite && std::isfinite(norm);
    }
    if (!finite) m_model.blank(cache, i);
  }
}

double GramBuilder::norm(Index slot, Index tensor) const {
  return m_gram->m_norms.at(m_gram->m_rows[at(slot)], tensor);
}

void GramBuilder::keepFactors(const BlockCache& cache, Index firstRow) {
  for (Outer& outer : m_outers) {
    GradientFactors factors;
    m_model.gradientFactors(cache, outer.product >= 0 ? outer.product : outer.plain, factors);
    for (Index i = 0; i < cache.rows; ++i) {
      const Index slot = m_slot[at(firstRow + i)];
      if (slot < 0) continue;
      copyUnit(factors.left.row(i), outer.leftWidth, outer.left.data() + slot * outer.leftWidth);
      if (outer.product >= 0)
        copyUnit(factors.right.row(i), outer.rightWidth,
                 outer.right.data() + slot * outer.rightWidth);
    }
  }
}

void GramBuilder::keepFormed(BlockCache& cache, SumSet& sums, Index firstRow) {
  // Each example's gradient is the weighted sum in which it alone has weight 1.
  thread_local std::vector<Index> wanted;
  wanted.clear();
  for (Index i = 0; i < cache.rows; ++i)
    if (m_slot[at(firstRow + i)] >= 0 && std::isfinite(m_gram->m_norms.globalNorm(firstRow + i)))
      wanted.push_back(i);
  thread_local AlignedVector<float> factors;
  for (std::size_t done = 0; done < wanted.size(); done += at(m_oneHot)) {
    const std::size_t count = std::min(at(m_oneHot), wanted.size() - done);
    const auto width = at(m_oneHot * m_tensors);
    factors.assign(at(cache.rows) * width, 0.0f);
    for (std::size_t s = 0; s < count; ++s)
      for (std::size_t t = 0; t < at(m_tensors); ++t)
        if (!m_isOuter[t]) factors[at(wanted[done + s]) * width + s * at(m_tensors) + t] = 1.0f;
    sums.clear();
    m_model.addWeighted(cache, {factors.data(), cache.rows, m_oneHot, m_tensors}, sums);
    for (std::size_t s = 0; s < count; ++s) {
      const Index slot = m_slot[at(firstRow + wanted[done + s])];
      for (const Piece& piece : m_pieces) {
        const double length = norm(slot, piece.tensor);
        if (!usable(length)) continue;
        scaled(static_cast<float>(1 / length),
               sums.data(static_cast<Index>(s), piece.tensor) + piece.from,
               m_formed.data() + slot * m_width + piece.column, piece.width);
      }
    }
  }
}

void GramBuilder::addProducts(const float* g, Index stride, Index width, float* out) const {
  for (Index from = 0; from < width; from += productColumns) {
    const Index columns = std::min(productColumns, width - from);
    for (Index i = 0; i < m_size; i += panelRows) {
      checkStop();
      const Index rows = std::min(panelRows, m_size - i);
      // From the diagonal panel on; finish() mirrors.
      gemm(false, true, rows, m_size - i, columns, 1.0f, g + i * stride + from, stride,
           g + i * stride + from, stride, 1.0f, out + i * m_size + i, m_size);
    }
  }
}

void GramBuilder::multiplyFormed() {
  for (const Piece& piece : m_pieces) {
    const float* z = m_noise[at(piece.tensor)].data() + piece.from;
    addProducts(m_formed.data() + piece.column, m_width, piece.width,
                m_gram->m_cosines[at(piece.tensor)].data());
    parallelRanges(m_size, m_size * piece.width, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i)
        m_gram->m_projections[at(i * m_tensors + piece.tensor)] +=
            dotProduct(m_formed.data() + i * m_width + piece.column, z, piece.width);
    });
  }
}

void GramBuilder::multiplyOuter(Outer& outer) {
  if (m_size == 0) return;
  AlignedVector<float> left(at(m_size * m_size), 0.0f);
  addProducts(outer.left.data(), outer.leftWidth, outer.leftWidth, left.data());
  if (outer.plain >= 0) {
    const float* z = m_noise[at(outer.plain)].data();
    for (Index i = 0; i < m_size; ++i)
      m_gram->m_projections[at(i * m_tensors + outer.plain)] =
          dotProduct(outer.left.data() + i * outer.leftWidth, z, outer.leftWidth);
  }
  if (outer.product >= 0) {
    AlignedVector<float>& cosines = m_gram->m_cosines[at(outer.product)];
    addProducts(outer.right.data(), outer.rightWidth, outer.rightWidth, cosines.data());
    parallelRanges(m_size, m_size * m_size, [&](Index first, Index last) {
      for (Index k = first * m_size; k < last * m_size; ++k) cosines[at(k)] *= left[at(k)];
    });
    // ⟨Z, δ xᵀ⟩ = δᵀ Z x.
    checkStop();
    AlignedVector<float> products(at(m_size * outer.leftWidth));
    gemm(false, true, m_size, outer.leftWidth, outer.rightWidth, 1.0f, outer.right.data(),
         outer.rightWidth, m_noise[at(outer.product)].data(), outer.rightWidth, 0.0f,
         products.data(), outer.leftWidth);
    for (Index i = 0; i < m_size; ++i)
      m_gram->m_projections[at(i * m_tensors + outer.product)] =
          dotProduct(products.data() + i * outer.leftWidth, outer.left.data() + i * outer.leftWidth,
                     outer.leftWidth);
  }
  if (outer.plain >= 0) m_gram->m_cosines[at(outer.plain)] = std::move(left);
}

void GramBuilder::finish(Index tensor) {
  float* cosines = m_gram->m_cosines[at(tensor)].data();
  parallelRanges(m_size, m_size * m_size, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      // Rows of length 1 have it exactly; rows of 0 none.
      const bool lives = usable(norm(i, tensor)) &&
                         std::isfinite(m_gram->m_norms.globalNorm(m_gram->m_rows[at(i)]));
      cosines[i * m_size + i] = lives ? 1.0f : 0.0f;
      for (Index j = 0; j < i; ++j) cosines[i * m_size + j] = cosines[j * m_size + i];
    }
  });
}

}  // namespace clipscope
