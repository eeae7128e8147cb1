// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/rdp_accountant.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/accounting/sampled_gaussian.h"

namespace clipscope {

namespace {

/// Where the budget of a history lies: the smallest ε over the orders, and its order.
std::pair<double, double> best(const std::vector<double>& orders, const std::vector<double>& spent,
                               double delta) {
  double epsilon = std::numeric_limits<double>::infinity(), at = 0;
  for (std::size_t k = 0; k < spent.size(); ++k) {
    if (!std::isfinite(spent[k])) continue;
    const double a = orders[k];
    const double value = spent[k] - (std::log(delta) + std::log(a)) / (a - 1) + std::log1p(-1 / a);
    if (value < epsilon) {
      epsilon = value;
      at = a;
    }
  }
  return {std::max(0.0, epsilon), at};
}

/// Opacus's list.
const std::vector<double>& opacusOrders() {
  static const std::vector<double> orders = [] {
    std::vector<double> list;
    for (int tenths = 11; tenths < 110; ++tenths) list.push_back(tenths / 10.0);
    for (int order = 12; order < 64; ++order) list.push_back(order);
    return list;
  }();
  return orders;
}

/// Below it for an ε of hundreds, above it for one of thousandths.
const std::vector<double>& allOrders() {
  static const std::vector<double> orders = [] {
    std::vector<double> list;
    for (double excess = 1e-4; excess < 0.095; excess *= 1.2) list.push_back(1 + excess);
    list.insert(list.end(), opacusOrders().begin(), opacusOrders().end());
    for (double order = 66; order < 1e7; order = std::ceil(order * 1.05)) list.push_back(order);
    return list;
  }();
  return orders;
}

}  // namespace

bool isOrderWorthIt(double sigma, double q, double order) {
  constexpr double opacusEnd = 63, most = 8;
  if (order <= opacusEnd || sigma == 0) return true;
  return order / (2 * sigma * sigma) + order / (order - 1) * std::log(q) < most;
}

RdpAccountant RdpAccountant::withOpacusOrders() { return {"rdp-opacus", opacusOrders()}; }
RdpAccountant RdpAccountant::withAllOrders() { return {"rdp", allOrders()}; }

const std::vector<double>& RdpAccountant::stepCost(double sigma, double sampleRate) {
  auto [entry, isNew] = m_costs.try_emplace({sigma, sampleRate});
  if (isNew)
    for (const double order : orders())
      entry->second.push_back(isOrderWorthIt(sigma, sampleRate, order)
                                  ? sampledGaussianRdp(sampleRate, sigma, order)
                                  : std::numeric_limits<double>::infinity());
  return entry->second;
}

void RdpAccountant::add(double sigma, double sampleRate, std::int64_t steps) {
  if (steps <= 0) return;
  addToHistory(m_history, {sigma, sampleRate, steps});
  sumUp();
}

void RdpAccountant::setHistory(std::vector<AccountedSteps> history) {
  m_history = std::move(history);
  sumUp();
}

void RdpAccountant::sumUp() {
  // From the history rather than step by step: a million additions of one number would drift.
  m_spent.assign(orders().size(), 0.0);
  for (const AccountedSteps& entry : m_history) {
    const std::vector<double>& one = stepCost(entry.sigma, entry.sampleRate);
    for (std::size_t k = 0; k < m_spent.size(); ++k)
      if (one[k] > 0) m_spent[k] += one[k] * static_cast<double>(entry.steps);
  }
}

bool RdpAccountant::spentNothing() const {
  return std::all_of(m_history.begin(), m_history.end(),
                     [](const AccountedSteps& entry) { return entry.sampleRate == 0; });
}

double RdpAccountant::epsilon(double delta) const {
  return spentNothing() ? 0.0 : best(orders(), m_spent, delta).first;
}

double RdpAccountant::delta(double epsilon) const {
  if (spentNothing()) return 0;
  double least = 0;  // ln δ
  for (std::size_t k = 0; k < m_spent.size(); ++k) {
    const double a = orders()[k];
    if (std::isfinite(m_spent[k]))
      least = std::min(least, (a - 1) * (m_spent[k] - epsilon + std::log1p(-1 / a)) - std::log(a));
  }
  return std::exp(least);
}

double RdpAccountant::bestOrder(double delta) const {
  return spentNothing() ? 0.0 : best(orders(), m_spent, delta).second;
}

}  // namespace clipscope
