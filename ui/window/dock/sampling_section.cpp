// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/sampling_section.h"

#include <QComboBox>
#include <QLabel>

#include "engine/training/memory_estimate.h"
#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

QString memoryText(Index bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1024 ? QStringLiteral("%1 MiB").arg(shortNumber(mib, 3))
                    : QStringLiteral("%1 GiB").arg(shortNumber(mib / 1024, 3));
}

}  // namespace

SamplingSection::SamplingSection(QWidget* parent) : DockSection(tr("Sampling"), parent) {
  m_scheme = addCombo(
      tr("Batches"),
      tr("Poisson: each example with probability q. Shuffled: disjoint batches in a fresh order "
         "each epoch; what is left over sits it out. Fixed: the same examples each step."),
      {QStringLiteral("poisson"), QStringLiteral("shuffled"), QStringLiteral("fixed")},
      {tr("Poisson"), tr("Shuffled"), tr("Fixed")}, [](Experiment& e, const std::string& name) {
        e.sampling.scheme = parseSamplingScheme(name, "sampling.scheme");
      });
  m_batch = addNumber(tr("Expected batch B"), tr("The constant denominator of the mean"),
                      {0, 1e9, false, false}, [](Experiment& e, double v) {
                        e.sampling.expectedBatchSize = v;
                        e.sampling.sampleRate = 0;
                      });
  m_rate = addNumber(tr("Sample rate q"), tr("q = B/N"), {0, 1, false, false},
                     [](Experiment& e, double v) { e.sampling.sampleRate = v; });
  m_rate->setZeroText(tr("by B"));  // until the data says how many examples there are
  m_physical = addNumber(
      tr("Physical batch"),
      tr("Upper bound of the block that goes through the model at once; 0: the model's choice; a "
         "restart. Noise comes once for the whole logical batch."),
      {0, 1e6, true, true},
      [](Experiment& e, double v) { e.sampling.physicalBatchSize = static_cast<Index>(v); });
  m_memory = new QLabel(this);
  m_memory->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
  m_memory->setAccessibleName(tr("Estimated memory"));
  addRow(tr("Memory, about"), m_memory, QString());
  m_validity = addHint();
  m_validity->setAccessibleName(tr("What ε belongs to"));
}

void SamplingSection::showSession(const Session& session) {
  m_trainExamples = session.trainExamples;
  m_model = session.model;
  if (m_model) m_physical->setZeroText(tr("auto, %1").arg(m_model->plan().rows));
}

void SamplingSection::showMemory(const Experiment& e) {
  if (!m_model) return;
  const MemoryEstimate m = estimateMemory(e, *m_model, m_trainExamples);
  m_memory->setText(
      m.recomputes
          ? memoryText(m.whileRunning())
          : tr("%1 to %2").arg(memoryText(m.whileRunning()), memoryText(m.whileStepping())));
  const QString phases = m.recomputes
                             ? tr("Stepping by phase would pass the budget of %1 MiB and computes "
                                  "activations again.")
                                   .arg(e.run.memoryBudgetMiB)
                             : tr("Stepping by phase keeps %1 more: the whole batch's activations.")
                                   .arg(memoryText(m.stepping));
  const QString tip =
      tr("Estimated peak without the data set: parameters %1, optimiser %2, sums and noise %3, "
         "norms and factors %4, blocks under way %5. %6")
          .arg(memoryText(m.parameters), memoryText(m.optimizer), memoryText(m.sums),
               memoryText(m.records), memoryText(m.running), phases);
  m_memory->setToolTip(tip);
  labelOf(m_memory)->setToolTip(tip);
}

void SamplingSection::display(const Experiment& e) {
  const SamplingSettings& s = e.sampling;
  select(m_scheme, fromView(samplingSchemeName(s.scheme)));
  const double n = static_cast<double>(m_trainExamples);
  const bool byRate = s.sampleRate > 0;
  labelOf(m_batch)->setText(s.scheme == SamplingScheme::Poisson ? tr("Expected batch B")
                                                                : tr("Batch size B"));
  m_batch->setValue(byRate && n > 0 ? s.sampleRate * n : s.expectedBatchSize);
  m_rate->setValue(byRate ? s.sampleRate : n > 0 ? s.expectedBatchSize / n : 0);
  m_physical->setValue(static_cast<double>(s.physicalBatchSize));
  showMemory(e);
  switch (s.scheme) {
    case SamplingScheme::Poisson:
      m_validity->setText(
          tr("ε of Poisson sampling; neighbours differ by one example added or "
             "removed."));
      break;
    case SamplingScheme::Shuffled:
      m_validity->setText(
          tr("ε of one Gaussian mechanism (q = 1) an epoch begun, no "
             "amplification; neighbours have one example zeroed out."));
      break;
    case SamplingScheme::Fixed:
      m_validity->setText(tr("ε of q = 1 at each step; neighbours have one example zeroed out."));
      break;
  }
}

}  // namespace clipscope
