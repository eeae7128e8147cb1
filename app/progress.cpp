// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <string>

namespace clipscope {

using Clock = std::chrono::steady_clock;

Progress::Progress(Index steps)
    : m_steps(steps), m_terminal(isatty(STDERR_FILENO) != 0), m_start(Clock::now()) {}

void Progress::show(const StepRecord& record, double accuracy) {
  const auto now = Clock::now();
  const bool last = record.step == m_steps;
  const double wait = m_terminal ? 0.1 : 2.0;
  if (!last && record.step != 1 && std::chrono::duration<double>(now - m_last).count() < wait)
    return;
  m_last = now;
  const double elapsed = std::chrono::duration<double>(now - m_start).count();
  const double rate = elapsed > 0 ? static_cast<double>(record.step) / elapsed : 0;
  char text[160];
  std::snprintf(text, sizeof text, "step %lld/%lld", static_cast<long long>(record.step),
                static_cast<long long>(m_steps));
  std::string line = text;
  // What has no meaning is left out: an empty batch's loss, an automatic rule's share.
  const auto show = [&](const char* format, double value) {
    if (std::isnan(value)) return;
    std::snprintf(text, sizeof text, format, value);
    line += text;
  };
  show("  loss %.4g", record.forward->meanLoss);
  show("  clipped %.3g %%", 100 * record.clip->clippedFraction);
  show(record.account->isValid() ? "  ε %.4g" : "  ε %.4g (not valid)", record.account->epsilon);
  show("  test %.2f %%", 100 * accuracy);
  show("  %.1f steps/s", rate);
  if (!m_terminal) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  constexpr int width = 24;
  const int full = static_cast<int>(width * record.step / std::max<Index>(1, m_steps));
  std::string bar;
  for (int k = 0; k < width; ++k) bar += k < full ? "█" : "░";
  std::fprintf(stderr, "\r\033[K%s %s", bar.c_str(), line.c_str());
  std::fflush(stderr);
  m_open = true;
}

void Progress::finish() {
  if (m_open) std::fputc('\n', stderr);
  m_open = false;
}

}  // namespace clipscope
