// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/prv_accountant.h"

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <future>
#include <limits>
#include <utility>

#include "engine/accounting/gaussian_mechanism.h"

namespace clipscope {

namespace {

/// From such an ε on, or with lattices that may have raised it by such a share, a Rényi bound may
/// be the lesser one.
constexpr double large = 200, coarse = 0.003;

}  // namespace

void PrvAccountant::add(double sigma, double sampleRate, std::int64_t steps) {
  addToHistory(m_history, {sigma, sampleRate, steps});
}

std::optional<double> PrvAccountant::closedForm(double delta) const {
  m_sampled.clear();
  double squares = 0;
  for (const AccountedSteps& entry : m_history) {
    if (entry.sampleRate == 0) continue;
    if (entry.sigma == 0) return std::numeric_limits<double>::infinity();
    if (entry.sampleRate == 1)
      squares += static_cast<double>(entry.steps) / (entry.sigma * entry.sigma);
    else
      m_sampled.push_back(entry);
  }
  if (m_sampled.empty()) return gaussianEpsilon(std::sqrt(squares), delta);
  // In front, so that what comes after it can grow.
  if (squares > 0) m_sampled.insert(m_sampled.begin(), {1 / std::sqrt(squares), 1, 1});
  return {};
}

template <class Part>
auto PrvAccountant::ofBoth(Part part) const {
  std::int64_t steps = 0;
  for (const AccountedSteps& entry : m_sampled) steps += entry.steps;
  // A step more is soon added to what is known; anything else is worth a second thread.
  const bool isSmall = steps - std::exchange(m_composedSteps, steps) == 1;
  auto added = std::async(isSmall ? std::launch::deferred : std::launch::async,
                          [&] { return part(m_added); });
  auto removed = part(m_removed);
  return std::pair{removed, added.get()};
}

double PrvAccountant::epsilon(double delta) const {
  if (const auto exact = closedForm(delta)) return *exact;
  const auto [removed, added] =
      ofBoth([&](LossComposition& composition) { return composition.upper(m_sampled, delta); });
  return belowRenyi(std::max(removed, added), delta);
}

EpsilonRange PrvAccountant::epsilonRange(double delta) const {
  if (const auto exact = closedForm(delta)) return {*exact, *exact, *exact};
  const auto [removed, added] =
      ofBoth([&](LossComposition& composition) { return composition.range(m_sampled, delta); });
  const double upper = belowRenyi(std::max(removed.upper, added.upper), delta);
  return {std::min(upper, std::max(removed.lower, added.lower)),
          std::min(upper, std::max(removed.estimate, added.estimate)), upper};
}

double PrvAccountant::belowRenyi(double upper, double delta) const {
  const double raised = std::max(m_removed.raisedBy(), m_added.raisedBy());
  if (upper < large && raised < coarse * upper) return upper;
  m_renyi.setHistory(m_history);
  return std::min(upper, m_renyi.epsilon(delta));
}

double PrvAccountant::delta(double epsilon) const {
  constexpr double least = 1e-20, most = 0.99;
  const auto epsilonAt = [this](double delta) { return this->epsilon(delta); };
  if (const double dearest = epsilonAt(least); !(dearest > 0)) return 0;
  if (epsilonAt(least) <= epsilon) return least;
  if (!(epsilonAt(most) <= epsilon)) return 1;
  // ε(δ) falls: looked for in ln δ.
  std::uintmax_t rounds = 60;
  const auto [from, to] = boost::math::tools::toms748_solve(
      [&](double logDelta) { return epsilonAt(std::exp(logDelta)) - epsilon; }, std::log(least),
      std::log(most), [](double a, double b) { return std::abs(b - a) < 1e-6; }, rounds);
  return std::exp(to);
}

}  // namespace clipscope
