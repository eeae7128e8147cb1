// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/rdp_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/accounting/sampled_gaussian.h"

namespace clipscope {

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
}

RdpSearch::RdpSearch(const RdpAccountant& accountant, double sampleRate, std::int64_t steps,
                     double delta)
    : m_orders(accountant.orders()),
      m_sampleRate(sampleRate),
      m_steps(static_cast<double>(steps)),
      m_delta(delta) {}

double RdpSearch::value(std::size_t at, double rdp) const {
  const double a = m_orders[at];
  const double spent = rdp > 0 ? rdp * m_steps : 0;
  return spent - (std::log(m_delta) + std::log(a)) / (a - 1) + std::log1p(-1 / a);
}

void RdpSearch::look(std::size_t at) {
  if (m_known[at]) return;
  const double order = m_orders[at];
  if (!isOrderWorthIt(m_sigma, m_sampleRate, order)) {
    m_known[at] = Known{order, infinity};
    return;
  }
  ++m_worked;
  const double rdp = sampledGaussianRdp(m_sampleRate, m_sigma, order);
  m_known[at] = Known{order, (order - 1) * rdp};
  if (!std::isfinite(rdp)) return;
  if (const double epsilon = value(at, rdp); epsilon < m_least) {
    m_least = epsilon;
    m_best = at;
  }
}

/// `nearer` and `farther` lie on one side of it.
bool RdpSearch::isLeftOut(std::size_t at, const std::optional<Known>& nearer,
                          const std::optional<Known>& farther) const {
  if (!nearer || !std::isfinite(nearer->cumulant)) return false;
  const double order = m_orders[at];
  double rdp = order > nearer->order ? nearer->cumulant / (nearer->order - 1) : 0;
  if (farther && std::isfinite(farther->cumulant)) {
    const double slope = (nearer->cumulant - farther->cumulant) / (nearer->order - farther->order);
    rdp = std::max(rdp, (nearer->cumulant + slope * (order - nearer->order)) / (order - 1));
  }
  // Quadrature is good to 1e-11 or so; a bound within its reach leaves nothing out.
  return value(at, rdp * (1 - 1e-9)) > m_least;
}

void RdpSearch::walk(std::size_t from, int direction) {
  std::optional<Known> nearer = m_known[from], farther;
  for (std::size_t at = from; direction > 0 ? at + 1 < m_orders.size() : at > 0;) {
    direction > 0 ? ++at : --at;
    if (!m_known[at] && isLeftOut(at, nearer, farther)) continue;
    look(at);
    farther = nearer;
    nearer = m_known[at];
  }
}

double RdpSearch::epsilon(double sigma) {
  if (m_steps <= 0 || m_sampleRate == 0) return 0;
  if (sigma == 0) return infinity;
  m_sigma = sigma;
  m_least = infinity;
  m_worked = 0;
  m_known.assign(m_orders.size(), std::nullopt);
  std::size_t start = m_best.value_or(m_orders.size());
  m_best.reset();
  if (start < m_orders.size()) look(start);
  // Nothing to begin from, or not for this σ: an order here and there.
  constexpr std::size_t apart = 12;
  if (!m_best)
    for (std::size_t at = 0; at < m_orders.size(); at += apart) look(at);
  if (!m_best)
    for (std::size_t at = 0; at < m_orders.size(); ++at) look(at);
  if (!m_best) return infinity;
  start = *m_best;
  walk(start, 1);
  walk(start, -1);
  return std::max(0.0, m_least);
}

}  // namespace clipscope
