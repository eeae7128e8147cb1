// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <limits>

#include "engine/accounting/accountant.h"
#include "engine/accounting/gdp_accountant.h"
#include "engine/accounting/prv_accountant.h"
#include "engine/accounting/sampled_gaussian.h"
#include "engine/interchange/reference_kinds.h"

namespace clipscope {

using nlohmann::json;

namespace {

AccountedSteps stepsOf(const ReferenceFile& entry) {
  const AccountedSteps steps{entry.number("noise_multiplier"), entry.number("sample_rate"),
                             static_cast<std::int64_t>(entry.number("steps"))};
  if (!(steps.sigma >= 0 && steps.sampleRate >= 0 && steps.sampleRate <= 1 && steps.steps >= 0))
    entry.fail("needs a noise multiplier and steps of 0 or more, and a sample rate from 0 to 1");
  return steps;
}

/// Opacus's series lose digits that ours keep (README of the figures): its terms end at an absolute
/// e^-30, and the logarithm of a number next to 1 has an absolute error of a few 1e-16. Both are
/// divided by α − 1 ≥ 0.1 and multiplied by the steps.
double errorOfOpacus(const std::vector<AccountedSteps>& history) {
  double error = 0;
  for (const AccountedSteps& entry : history)
    error += static_cast<double>(entry.steps) * (std::exp(-30.0) + 1e-15) / 0.1;
  return error;
}

/// The central limit theorem's μ and ε as Opacus has them where its q is below 1, and the exact ε
/// of the Gaussian mechanism where all q are 1 (Opacus's formula does not hold there).
void checkGaussian(const ReferenceFile& row, const std::vector<AccountedSteps>& history,
                   double delta, ReferenceReport& report) {
  GdpAccountant gdp;
  gdp.setHistory(history);
  bool sampled = true;
  for (const AccountedSteps& entry : history)
    sampled = sampled && entry.sampleRate > 0 && entry.sampleRate < 1;
  const auto compare = [&](const char* field, const char* figure, const char* what, double got) {
    if (!row.has(field) || !row.field(field).contains(figure)) return;
    const ReferenceFile peer = row.part(row.field(field), field);
    report.add(what, relativeDifference(got, peer.number(figure)), 1e-8, "relative");
  };
  if (sampled) {
    compare("opacus_gdp", "mu_poisson", "mu of gdp", gdp.mu());
    compare("opacus_gdp", "epsilon_poisson", "epsilon of gdp", gdp.epsilon(delta));
  }
  compare("gaussian_exact", "epsilon", "epsilon of gdp at q = 1", gdp.epsilon(delta));
}

/// Its range and the bracket of the truth must meet, and its upper end may lie above the bracket by
/// what it declares only.
void checkRange(const ReferenceFile& row, const std::vector<AccountedSteps>& history, double delta,
                ReferenceReport& report) {
  PrvAccountant prv;
  prv.setHistory(history);
  const EpsilonRange range = prv.epsilonRange(delta);
  const bool ordered =
      range.lower >= 0 && range.lower <= range.estimate && range.estimate <= range.upper;
  report.add("ranges of prv that are none", ordered ? 0 : 1, 0, "none may be");
  if (!row.has("truth")) return;
  const json& lower = row.field("truth").value("lower", json());
  const json& upper = row.field("truth").value("upper", json());
  if (!lower.is_number() || !upper.is_number()) return;
  report.add("epsilon of prv below the truth",
             std::max(0.0, lower.get<double>() - range.upper) / (1e-9 + lower.get<double>()), 1e-9,
             "relative; a bound");
  report.add("epsilon of prv above the truth",
             std::max(0.0, range.upper - upper.get<double>() - (range.upper - range.lower)) /
                 (1e-9 + upper.get<double>()),
             1e-9, "relative, beyond the error it declares");
}

void checkEpsilons(const ReferenceFile& row, const std::vector<AccountedSteps>& history,
                   ReferenceReport& report) {
  const double delta = row.number("delta");
  if (!(delta > 0 && delta < 1)) row.fail("\"delta\" must lie between 0 and 1");
  bool drew = false, noiseless = false;
  for (const AccountedSteps& entry : history) {
    const bool costs = entry.steps > 0 && entry.sampleRate > 0;
    drew = drew || costs;
    noiseless = noiseless || (costs && entry.sigma == 0);
  }

  const auto opacus = makeAccountant("rdp-opacus");
  opacus->setHistory(history);
  const double onItsOrders = opacus->epsilon(delta);
  if (row.has("opacus_rdp") && row.field("opacus_rdp").contains("epsilon") && drew && !noiseless) {
    const ReferenceFile peer = row.part(row.field("opacus_rdp"), "opacus_rdp");
    // It does not clamp at 0.
    const double wanted = std::max(0.0, peer.number("epsilon"));
    if (std::isfinite(wanted)) {
      const double difference =
          std::max(0.0, std::abs(onItsOrders - wanted) - errorOfOpacus(history));
      report.add("epsilon of rdp-opacus", difference / (1e-6 + 1e-6 * wanted), 1,
                 "of 1e-6 absolute + 1e-6 relative, beyond the error of the peer's series");
    }
  }

  checkGaussian(row, history, delta, report);
  checkRange(row, history, delta, report);

  for (const std::string& name : accountantNames()) {
    const auto accountant = makeAccountant(name);
    accountant->setHistory(history);
    const double epsilon = accountant->epsilon(delta);
    // What is no bound may leave the range of a double, and then has no answer: ∞.
    const bool sound = noiseless ? std::isinf(epsilon) && epsilon > 0
                       : drew ? epsilon >= 0 && (std::isfinite(epsilon) || !accountant->isBound())
                              : epsilon == 0;
    report.add("epsilon of " + name + " that is no answer", sound ? 0 : 1, 0, "none may be");
    if (!accountant->isBound() || !row.has("truth") || noiseless) continue;
    const json& lower = row.field("truth").value("lower", json());
    if (lower.is_number())
      report.add("epsilon of " + name + " below the truth",
                 std::max(0.0, lower.get<double>() - epsilon), 1e-9, "absolute; a bound");
    report.add("epsilon of " + name + " above that of rdp-opacus",
               noiseless ? 0 : std::max(0.0, epsilon - onItsOrders), 0, "it has all its orders");
  }
}

std::vector<AccountedSteps> historyOf(const ReferenceFile& row) {
  std::vector<AccountedSteps> history;
  if (!row.has("history")) return {stepsOf(row)};
  for (const json& entry : row.field("history"))
    history.push_back(stepsOf(row.part(entry, "history")));
  return history;
}

/// The σ of the peer keeps ours below the target, and the root is where we meet it.
void checkInverseRow(const ReferenceFile& row, ReferenceReport& report) {
  const double target = row.number("target_epsilon"), delta = row.number("target_delta");
  const double q = row.number("sample_rate");
  const auto steps = static_cast<std::int64_t>(row.number("steps"));
  if (!row.has("rdp_exact_root") || !row.field("rdp_exact_root").contains("noise_multiplier"))
    return;
  const ReferenceFile root = row.part(row.field("rdp_exact_root"), "rdp_exact_root");
  const json& value = root.field("noise_multiplier");
  if (!value.is_number()) return;
  const auto accountant = makeAccountant("rdp-opacus");
  accountant->add(value, q, steps);
  const double allowed = 1e-6 + 1e-6 * target + errorOfOpacus({{value.get<double>(), q, steps}});
  report.add("epsilon of rdp-opacus at the root of the target",
             std::abs(accountant->epsilon(delta) - target) / allowed, 1,
             "of 1e-6 absolute + 1e-6 relative, beyond the error of the peer's series");
}

}  // namespace

void checkAccountingFile(const ReferenceFile& file, ReferenceReport& report) {
  for (const json& content : file.field("rows")) {
    const ReferenceFile row = file.part(content, "rows");
    if (row.has("calls")) {
      const auto accountant = makeAccountant("rdp-opacus");
      for (const json& call : row.field("calls")) accountant->add(call.at(0), call.at(1), 1);
      const json& wanted = row.field("history");
      double different = accountant->history().size() == wanted.size() ? 0 : 1;
      for (std::size_t k = 0; different == 0 && k < wanted.size(); ++k) {
        const AccountedSteps& entry = accountant->history()[k];
        if (entry.sigma != wanted[k].at(0) || entry.sampleRate != wanted[k].at(1) ||
            entry.steps != wanted[k].at(2))
          different = 1;
      }
      report.add("histories that differ", different, 0, "none may");
      if (row.has("rdp_epsilon_delta_1e-5"))
        report.add("epsilon of rdp-opacus",
                   std::abs(accountant->epsilon(1e-5) - row.number("rdp_epsilon_delta_1e-5")) /
                       (1e-6 + 1e-6 * row.number("rdp_epsilon_delta_1e-5")),
                   1, "of 1e-6 absolute + 1e-6 relative, beyond the error of the peer's series");
    } else if (row.has("target_epsilon")) {
      checkInverseRow(row, report);
    } else if (row.has("rows")) {
      for (const json& order : row.field("rows")) {
        const ReferenceFile entry = row.part(order, "rows");
        if (!entry.has("exact") || !entry.field("exact").is_number()) continue;
        report.add("RDP of one step",
                   relativeDifference(
                       sampledGaussianRdp(row.number("sample_rate"), row.number("noise_multiplier"),
                                          entry.number("alpha")),
                       entry.number("exact")),
                   1e-9, "relative");
      }
    } else {
      checkEpsilons(row, historyOf(row), report);
    }
  }
}

}  // namespace clipscope
