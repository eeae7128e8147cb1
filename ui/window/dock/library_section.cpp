// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/library_section.h"

#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QTableWidget>
#include <QVBoxLayout>
#include <cmath>

#include "ui/plots/number_format.h"

namespace clipscope {

namespace {

enum RankColumn { Rank, Examples, Clipped, Median, Signal, rankColumns };

QString orDash(double value, int digits = 4) {
  return std::isnan(value) ? QStringLiteral("–") : shortNumber(value, digits);
}

QString modeWords(const std::string& mode) {
  if (mode == "flat") return LibrarySection::tr("flat: one C for the whole gradient");
  if (mode == "per_layer") return LibrarySection::tr("a C for each parameter tensor");
  if (mode == "hooked") return LibrarySection::tr("a C for each parameter tensor, in hooks");
  if (mode == "adaptive") return LibrarySection::tr("flat, C follows the norms");
  if (mode == "ghost") return LibrarySection::tr("ghost: flat, without the gradients");
  if (mode == "plain") return LibrarySection::tr("none: norms before a C is chosen");
  return QString::fromStdString(mode);
}

QString sizesText(const std::vector<Index>& sizes) {
  if (sizes.size() < 2) return LibrarySection::tr("one");
  QStringList parts;
  for (std::size_t k = 0; k < std::min<std::size_t>(sizes.size(), 4); ++k)
    parts << QString::number(sizes[k]);
  if (sizes.size() > 4) parts << QStringLiteral("…");
  return LibrarySection::tr("%1: %2").arg(sizes.size()).arg(parts.join(QStringLiteral(" + ")));
}

}  // namespace

LibrarySection::LibrarySection(QWidget* parent) : QWidget(parent) {
  auto* body = new QVBoxLayout(this);
  body->setContentsMargins(11, 0, 11, 4);
  body->setSpacing(4);
  m_rows = new QGridLayout;
  m_rows->setHorizontalSpacing(10);
  m_rows->setVerticalSpacing(5);
  m_rows->setColumnStretch(1, 1);
  body->addLayout(m_rows);
  addTitle(tr("Recorded run"));
  addRow(tr("Trains in"), tr("The library that trains it; its numbers were read there"));
  addRow(tr("Clipping"), tr("How its gradients are clipped"));
  addRow(tr("Optimizer"), tr("What takes the noisy gradient"));
  addRow(tr("Loss"), tr("Whether gradients are of a mean or a sum"));
  addRow(tr("N"), tr("Training examples"));
  addTitle(tr("This step"));
  addRow(tr("Batch drawn"), tr("Examples in the batch, and B, what the sum is divided by"));
  addRow(tr("Backward passes"), tr("Physical batches: how many examples each had"));
  addRow(tr("Sampling"), tr("How batches come about, and q"));
  addRow(tr("C"), tr("C = √Σ C_k² of this step"));
  addRow(tr("σ"), tr("What ε is about; z scales the noise where C adapts"));
  addRow(tr("η"), tr("Of the first parameter group"));
  addRow(tr("ε"),
         tr("After this step: as the library has it, or by the accountant of the same name "
            "here, from the q and σ that it charged"));
  addRow(tr("ε at the end"), tr("What the library itself said of ε when the recording ended"));
  m_ranksTitle = new QLabel(tr("Ranks").toUpper(), this);
  m_ranksTitle->setObjectName(QStringLiteral("section"));
  m_ranksTitle->setContentsMargins(0, 7, 0, 1);
  body->addWidget(m_ranksTitle);
  m_ranks = new QTableWidget(0, rankColumns, this);
  m_ranks->setObjectName(QStringLiteral("rankTable"));
  m_ranks->setAccessibleName(tr("Processes of the run"));
  m_ranks->setHorizontalHeaderLabels({tr("rank"), tr("drew"), tr("clip"), tr("norm"), tr("‖s_r‖")});
  m_ranks->horizontalHeaderItem(Clipped)->setToolTip(tr("Share of its examples that is clipped"));
  m_ranks->horizontalHeaderItem(Median)->setToolTip(tr("Median of its norms n_i"));
  m_ranks->horizontalHeaderItem(Signal)->setToolTip(
      tr("Norm of its own clipped sum, before all are added up"));
  for (int c = 0; c < rankColumns; ++c)
    m_ranks->horizontalHeaderItem(c)->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
  m_ranks->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  m_ranks->horizontalHeader()->setMinimumSectionSize(30);
  // Five heads in the width of the dock.
  m_ranks->horizontalHeader()->setStyleSheet(
      QStringLiteral("QHeaderView::section { padding-left: 1px; padding-right: 3px; }"));
  m_ranks->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  m_ranks->horizontalHeader()->setHighlightSections(false);
  m_ranks->verticalHeader()->hide();
  m_ranks->verticalHeader()->setDefaultSectionSize(22);
  m_ranks->setShowGrid(false);
  m_ranks->setEditTriggers(QAbstractItemView::NoEditTriggers);
  m_ranks->setSelectionMode(QAbstractItemView::NoSelection);
  m_ranks->setMinimumHeight(150);
  body->addWidget(m_ranks);
  m_notes = new QLabel(this);
  m_notes->setObjectName(QStringLiteral("hint"));
  m_notes->setWordWrap(true);
  QSizePolicy policy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  policy.setHeightForWidth(true);
  m_notes->setSizePolicy(policy);
  body->addWidget(m_notes);
  body->addStretch(1);
}

void LibrarySection::addTitle(const QString& text) {
  auto* label = new QLabel(text.toUpper(), this);
  label->setObjectName(QStringLiteral("section"));
  label->setContentsMargins(0, 7, 0, 1);
  m_rows->addWidget(label, m_rows->rowCount(), 0, 1, 2);
}

void LibrarySection::addRow(const QString& name, const QString& tip) {
  auto* label = new QLabel(name, this);
  auto* value = new QLabel(this);
  value->setObjectName(name);
  value->setAccessibleName(name);
  value->setWordWrap(true);
  value->setAlignment(Qt::AlignRight | Qt::AlignTop);
  value->setTextInteractionFlags(Qt::TextSelectableByMouse);
  value->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  label->setToolTip(tip);
  value->setToolTip(tip);
  const int at = m_rows->rowCount();
  m_rows->addWidget(label, at, 0, Qt::AlignTop);
  m_rows->addWidget(value, at, 1);
}

void LibrarySection::set(const QString& name, const QString& value) {
  if (auto* label = findChild<QLabel*>(name)) label->setText(value);
}

QString LibrarySection::value(const QString& name) const {
  const auto* label = findChild<QLabel*>(name);
  return label ? label->text() : QString();
}

void LibrarySection::showRecord(const StepRecord& r) {
  const LibraryRun& library = *r.info->library;
  set(tr("Trains in"), QString::fromStdString(library.library));
  set(tr("Clipping"), modeWords(library.mode));
  set(tr("Optimizer"), QString::fromStdString(library.optimizer));
  set(tr("Loss"), QString::fromStdString(library.optimizerReduction));
  set(tr("N"), grouped(r.info->datasetSize));
  set(tr("ε at the end"), orDash(library.reportedEpsilon));
  QStringList notes;
  for (const std::string& note : library.notes) notes << QString::fromStdString(note);
  notes << tr("Settings are changed where it trains; here it is looked at.");
  m_notes->setText(notes.join(QStringLiteral("\n")));
  const bool isStep = r.has(Phase::Account);
  m_ranksTitle->setVisible(isStep && r.library && !r.library->ranks.empty());
  m_ranks->setVisible(isStep && r.library && !r.library->ranks.empty());
  if (!isStep) return;
  set(tr("Batch drawn"),
      tr("%1 / %2 expected").arg(grouped(r.drawn()), shortNumber(r.sample->expectedBatchSize, 4)));
  set(tr("Backward passes"),
      r.library ? sizesText(r.library->physicalBatches) : QStringLiteral("–"));
  set(tr("Sampling"), tr("%1, q = %2")
                          .arg(QString::fromUtf8(samplingSchemeName(r.sample->scheme).data(),
                                                 static_cast<qsizetype>(
                                                     samplingSchemeName(r.sample->scheme).size())),
                               orDash(r.sample->sampleRate)));
  set(tr("C"), library.mode == "plain" ? QStringLiteral("–") : shortNumber(r.clip->maxGradNorm));
  const double sigma = r.sample->noiseMultiplier, z = r.sample->gradientNoiseMultiplier;
  set(tr("σ"), std::abs(z - sigma) <= 1e-9 * z
                   ? shortNumber(sigma)
                   : tr("%1 (z = %2)").arg(shortNumber(sigma), shortNumber(z)));
  set(tr("η"), orDash(r.update->learningRate));
  const QString epsilon =
      tr("%1 at δ %2").arg(orDash(r.account->epsilon), shortNumber(r.account->delta, 3));
  set(tr("ε"), r.account->isValid() ? epsilon : tr("%1, not valid").arg(epsilon));
  if (r.library) showRanks(*r.library);
}

void LibrarySection::showRanks(const LibraryPart& part) {
  m_ranks->setRowCount(static_cast<int>(part.ranks.size()));
  for (int row = 0; row < m_ranks->rowCount(); ++row) {
    const LibraryPart::Rank& rank = part.ranks[static_cast<std::size_t>(row)];
    const QString cells[rankColumns] = {
        QString::number(rank.rank), grouped(rank.examples),
        std::isnan(rank.clippedFraction) ? QStringLiteral("–")
                                         : tr("%1 %").arg(std::lround(100 * rank.clippedFraction)),
        orDash(rank.median, 3), orDash(rank.signal, 3)};
    for (int c = 0; c < rankColumns; ++c) {
      QTableWidgetItem* item = m_ranks->item(row, c);
      if (!item) {
        m_ranks->setItem(row, c, item = new QTableWidgetItem);
        item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
      }
      item->setText(cells[c]);
    }
  }
}

}  // namespace clipscope
