// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/optimizer/optimizer.h"

namespace clipscope {

/// What optimisers with buffers share: settings, the step count t (from 1) and the buffers, each as
/// long as the parameters or empty where the settings do not read it. A change of settings in the
/// middle of a run may ask for a buffer that was not there: it starts at its initial value.
class BufferedOptimizer : public Optimizer {
 public:
  BufferedOptimizer(const OptimizerSettings& settings, std::size_t buffers)
      : m_settings(settings), m_buffers(buffers) {}

  double learningRate() const override { return m_settings.learningRate; }
  void setLearningRate(double rate) override { m_settings.learningRate = rate; }
  OptimizerState state() const override { return {m_steps, m_buffers}; }
  void setState(OptimizerState state) override {
    state.buffers.resize(m_buffers.size());
    m_steps = state.steps;
    m_buffers = std::move(state.buffers);
  }

 protected:
  const OptimizerSettings& settings() const { return m_settings; }
  void countStep() { ++m_steps; }
  double steps() const { return static_cast<double>(m_steps); }
  float* buffer(std::size_t number) { return m_buffers[number].data(); }
  /// Gives the buffer `size` values, `initial` where it had none; empties it where not `wanted`.
  void prepare(std::size_t number, bool wanted, std::size_t size, float initial = 0.0f) {
    if (!wanted)
      m_buffers[number].clear();
    else if (m_buffers[number].size() != size)
      m_buffers[number].assign(size, initial);
  }

 private:
  OptimizerSettings m_settings;
  std::vector<AlignedVector<float>> m_buffers;
  Index m_steps = 0;
};

}  // namespace clipscope
