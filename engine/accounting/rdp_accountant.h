// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/accounting/accountant.h"

namespace clipscope {

/// Rényi accounting: the RDP of the sampled Gaussian adds up over steps order by order, and
///   ε = min over α of  RDP(α) − (ln δ + ln α)/(α − 1) + ln((α − 1)/α)
/// (Mironov 2017, arXiv:1702.07476; Balle et al. 2020, arXiv:1905.09982, Theorem 21), clamped at 0.
/// An upper bound for any set of orders; an empty history has ε = 0.
///   "rdp-opacus"  the orders that Opacus uses (1.1, 1.2, …, 10.9, 12, …, 63), so that the numbers
///                 can be compared: at δ = 1e-5 it never falls below about 0.10, however little a
///                 run reveals, and it rises where its best order would lie below 1.1.
///   "rdp"         those, and orders from 1.0001 to 10⁷ beside them: never above "rdp-opacus".
class RdpAccountant : public Accountant {
 public:
  static RdpAccountant withOpacusOrders();
  static RdpAccountant withAllOrders();

  std::string_view name() const override { return m_name; }
  bool isBound() const override { return true; }
  void add(double sigma, double sampleRate, std::int64_t steps) override;
  double epsilon(double delta) const override;
  double delta(double epsilon) const override;
  const std::vector<AccountedSteps>& history() const override { return m_history; }
  void setHistory(std::vector<AccountedSteps> history) override;

  /// The order that gives epsilon(delta); 0 where there is none.
  double bestOrder(double delta) const;
  const std::vector<double>& orders() const { return *m_orders; }

 private:
  RdpAccountant(std::string name, const std::vector<double>& orders)
      : m_name(std::move(name)), m_orders(&orders) {}
  /// No step, or only steps that drew nobody: the conversion's floor is not charged for those.
  bool spentNothing() const;
  /// m_spent from m_history.
  void sumUp();
  const std::vector<double>& stepCost(double sigma, double sampleRate);

  std::string m_name;
  const std::vector<double>* m_orders;
  std::vector<AccountedSteps> m_history;
  std::map<std::pair<double, double>, std::vector<double>> m_costs;  ///< RDP of one step, by order
  std::vector<double> m_spent;  ///< by order; ∞ where it was not worth working out
};

/// Whether an order can give the least ε: one step's RDP is at least its largest term,
/// α/(2σ²) + α/(α − 1) ln q, and an order above 63 is the best one only where ε is small.
bool isOrderWorthIt(double sigma, double q, double order);

}  // namespace clipscope
