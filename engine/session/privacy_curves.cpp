// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/privacy_curves.h"

#include <cmath>

#include "engine/error.h"

namespace clipscope {

namespace {

std::vector<EpsilonCurve> startCurves() {
  std::vector<EpsilonCurve> curves;
  for (const std::string& name : accountantNames())
    curves.push_back({name, accountantIsBound(name), {}, {}});
  return curves;
}

void addPoint(EpsilonCurve& curve, Accountant& accountant, double delta,
              const std::stop_token& stop) {
  if (stop.stop_requested()) throw Cancelled();
  const EpsilonRange range = accountant.epsilonRange(delta);
  curve.epsilon.push_back(accountant.isBound() ? range.upper : range.estimate);
  if (curve.accountant == "prv") curve.lower.push_back(range.lower);
}

}  // namespace

void SpentSamples::append(const StepSummary& summary) {
  m_history.append(summary);
  if (++m_steps % m_every != 0) return;
  m_samples.emplace_back(m_steps, m_history.entries());
  if (m_samples.size() < most) return;
  // Every second one stays.
  for (std::size_t k = 0; 2 * k + 1 < m_samples.size(); ++k)
    m_samples[k] = std::move(m_samples[2 * k + 1]);
  m_samples.resize(m_samples.size() / 2);
  m_every *= 2;
}

std::vector<std::pair<Index, std::vector<AccountedSteps>>> SpentSamples::samples() const {
  auto all = m_samples;
  if (m_steps > 0 && (all.empty() || all.back().first != m_steps))
    all.emplace_back(m_steps, m_history.entries());
  return all;
}

EpsilonOverSteps epsilonOverSteps(const SpentSamples& samples, double delta,
                                  const std::optional<std::pair<Index, AccountedSteps>>& planned,
                                  std::stop_token stop, const EpsilonOverSteps* before) {
  EpsilonOverSteps result;
  result.delta = delta;
  auto points = samples.samples();
  result.done = points.size();
  if (planned && planned->first > samples.steps()) {
    constexpr Index more = 12;
    const Index from = samples.steps(), left = planned->first - from;
    const double charged = static_cast<double>(planned->second.steps);
    for (Index k = 1; k <= more; ++k) {
      const Index step = from + (left * k + more - 1) / more;
      if (!points.empty() && step == points.back().first) continue;
      auto history = samples.now().entries();
      AccountedSteps further = planned->second;
      further.steps = std::llround(
          std::ceil(charged * static_cast<double>(step - from) / static_cast<double>(left)));
      addToHistory(history, further);
      points.emplace_back(step, std::move(history));
    }
  }
  result.curves = startCurves();
  for (const auto& point : points) result.steps.push_back(point.first);
  for (std::size_t c = 0; c < result.curves.size(); ++c) {
    EpsilonCurve& curve = result.curves[c];
    const auto accountant = makeAccountant(curve.accountant);
    std::size_t known = 0;  // in `before`
    for (std::size_t k = 0; k < points.size(); ++k) {
      const auto& [step, history] = points[k];
      while (before && known < before->done && before->steps[known] < step) ++known;
      if (before && k < result.done && known < before->done && before->steps[known] == step) {
        const EpsilonCurve& old = before->curves[c];
        curve.epsilon.push_back(old.epsilon[known]);
        if (!old.lower.empty()) curve.lower.push_back(old.lower[known]);
        continue;
      }
      accountant->setHistory(history);
      addPoint(curve, *accountant, delta, stop);
    }
  }
  return result;
}

EpsilonOverDelta epsilonOverDelta(const std::vector<AccountedSteps>& history,
                                  std::stop_token stop) {
  EpsilonOverDelta result;
  for (int tenths = 10; tenths <= 120; tenths += 4)
    result.deltas.push_back(std::pow(10.0, -tenths / 10.0));
  result.curves = startCurves();
  for (EpsilonCurve& curve : result.curves) {
    const auto accountant = makeAccountant(curve.accountant);
    accountant->setHistory(history);
    for (const double delta : result.deltas) addPoint(curve, *accountant, delta, stop);
  }
  return result;
}

}  // namespace clipscope
