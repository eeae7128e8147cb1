// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/rdp_opacus.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/accounting/sampled_gaussian.h"

namespace clipscope {

namespace {

/// Where the budget of a history lies: the smallest ε over the orders, and its order.
std::pair<double, double> best(const std::vector<double>& spent, double delta) {
  double epsilon = std::numeric_limits<double>::infinity(), at = 0;
  for (std::size_t k = 0; k < spent.size(); ++k) {
    if (!std::isfinite(spent[k])) continue;
    const double a = RdpOpacus::orders()[k];
    const double value = spent[k] - (std::log(delta) + std::log(a)) / (a - 1) + std::log1p(-1 / a);
    if (value < epsilon) {
      epsilon = value;
      at = a;
    }
  }
  return {std::max(0.0, epsilon), at};
}

}  // namespace

const std::vector<double>& RdpOpacus::orders() {
  static const std::vector<double> orders = [] {
    std::vector<double> list;
    for (int tenths = 11; tenths < 110; ++tenths) list.push_back(tenths / 10.0);
    for (int order = 12; order < 64; ++order) list.push_back(order);
    return list;
  }();
  return orders;
}

const std::vector<double>& RdpOpacus::stepCost(double sigma, double sampleRate) {
  auto [entry, isNew] = m_costs.try_emplace({sigma, sampleRate});
  if (isNew)
    for (const double order : orders())
      entry->second.push_back(sampledGaussianRdp(sampleRate, sigma, order));
  return entry->second;
}

void RdpOpacus::add(double sigma, double sampleRate, std::int64_t steps) {
  if (steps <= 0) return;
  if (!m_history.empty() && m_history.back().sigma == sigma &&
      m_history.back().sampleRate == sampleRate)
    m_history.back().steps += steps;
  else
    m_history.push_back({sigma, sampleRate, steps});
  sumUp();
}

void RdpOpacus::setHistory(std::vector<AccountedSteps> history) {
  m_history = std::move(history);
  sumUp();
}

void RdpOpacus::sumUp() {
  // From the history rather than step by step: a million additions of one number would drift.
  m_spent.assign(orders().size(), 0.0);
  for (const AccountedSteps& entry : m_history) {
    const std::vector<double>& one = stepCost(entry.sigma, entry.sampleRate);
    for (std::size_t k = 0; k < m_spent.size(); ++k)
      if (one[k] > 0) m_spent[k] += one[k] * static_cast<double>(entry.steps);
  }
}

bool RdpOpacus::spentNothing() const {
  return std::all_of(m_history.begin(), m_history.end(),
                     [](const AccountedSteps& entry) { return entry.sampleRate == 0; });
}

double RdpOpacus::epsilon(double delta) const {
  return spentNothing() ? 0.0 : best(m_spent, delta).first;
}

double RdpOpacus::bestOrder(double delta) const {
  return spentNothing() ? 0.0 : best(m_spent, delta).second;
}

}  // namespace clipscope
