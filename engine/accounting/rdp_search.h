// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/accounting/rdp_accountant.h"

namespace clipscope {

/// ε of one run of equal steps for many σ, one after another: the same minimum over the orders as
/// RdpAccountant's, found without most of the orders. ln A(α) = (α − 1) RDP(α) is a cumulant:
/// convex in α, and 0 at α = 1 (Mironov, Talwar, Zhang 2019, arXiv:1908.10530). Beyond two orders
/// it lies above the line through them, RDP itself never falls, and an order whose bound is no
/// better than the best so far is left out. It begins where the last σ had its best order.
class RdpSearch {
 public:
  /// `accountant`: for its orders, which must outlive the search. δ in (0, 1).
  RdpSearch(const RdpAccountant& accountant, double sampleRate, std::int64_t steps, double delta);

  double epsilon(double sigma);
  /// Orders that the last epsilon() worked out.
  int worked() const { return m_worked; }

 private:
  /// An order's (α − 1) RDP(α) of one step.
  struct Known {
    double order = 0, cumulant = 0;
  };
  void look(std::size_t at);
  /// ε of an order with this RDP.
  double value(std::size_t at, double rdp) const;
  bool isLeftOut(std::size_t at, const std::optional<Known>& nearer,
                 const std::optional<Known>& farther) const;
  void walk(std::size_t from, int direction);

  const std::vector<double>& m_orders;
  double m_sampleRate, m_steps, m_delta;
  std::optional<std::size_t> m_best;
  // Of one σ.
  double m_sigma = 0, m_least = 0;
  std::vector<std::optional<Known>> m_known;
  int m_worked = 0;
};

}  // namespace clipscope
