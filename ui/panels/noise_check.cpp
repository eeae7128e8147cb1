// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/noise_check.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
constexpr int lineHeight = 17;
constexpr int barRoom = 92;
}  // namespace

NoiseCheck::NoiseCheck(QWidget* parent) : QWidget(parent) {
  setAccessibleName(tr("Worst contribution against sensitivity"));
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void NoiseCheck::show(std::shared_ptr<const StepRecord> record) {
  m_record = std::move(record);
  setAccessibleDescription(contribution().text + QStringLiteral("; ") + multiplier().text +
                           QStringLiteral("; ") + update().text);
  QWidget::update();
}

NoiseCheck::Verdict NoiseCheck::contribution() const {
  Verdict v{tr("worst ‖clipped g‖"), QStringLiteral("–"), Verdict::Kind::Plain};
  if (!m_record || !m_record->has(Phase::Clip)) return v;
  const ClipPart& clip = *m_record->clip;
  const QString worst = shortNumber(clip.worstContribution);
  if (std::isinf(clip.sensitivity)) {
    v.text = tr("⚠ %1, unbounded: no noise is enough").arg(worst);
    v.kind = Verdict::Kind::Alarm;
  } else if (clip.sensitivityExceeded) {
    v.text = tr("⚠ %1 above C = %2").arg(worst, shortNumber(clip.sensitivity));
    v.kind = Verdict::Kind::Alarm;
  } else if (!std::isnan(clip.worstContribution)) {
    v.text = tr("✓ %1 ≤ C = %2").arg(worst, shortNumber(clip.sensitivity));
    v.kind = Verdict::Kind::Good;
  } else {
    v.text = tr("– (no example)");
  }
  return v;
}

NoiseCheck::Verdict NoiseCheck::multiplier() const {
  Verdict v{tr("effective σ"), QStringLiteral("–"), Verdict::Kind::Plain};
  if (!m_record || !m_record->has(Phase::Noise)) return v;
  const NoisePart& noise = *m_record->noise;
  const double asked = m_record->sample->noiseMultiplier;
  const QString effective = shortNumber(noise.effectiveSigma);
  if (asked == 0) {
    v.text = tr("⚠ σ = 0: no noise, ε is ∞");
    v.kind = Verdict::Kind::Alarm;
  } else if (std::abs(noise.effectiveSigma - asked) <= 1e-6 * asked) {
    v.text = tr("✓ %1 = σ").arg(effective);
    v.kind = Verdict::Kind::Good;
  } else {
    v.text = tr("⚠ %1 ≠ σ = %2").arg(effective, shortNumber(asked));
    v.kind = Verdict::Kind::Alarm;
  }
  return v;
}

NoiseCheck::Verdict NoiseCheck::update() const {
  Verdict v{tr("update noise lr·s/B"), QStringLiteral("–"), Verdict::Kind::Plain};
  if (m_record && m_record->has(Phase::Update))
    v.text = std::isnan(m_record->update->updateNoise) ? tr("– (for SGD alone)")
                                                       : shortNumber(m_record->update->updateNoise);
  return v;
}

QSize NoiseCheck::sizeHint() const { return {300, (isWide() ? 2 : 3) * lineHeight + 2}; }

void NoiseCheck::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  setFixedHeight(sizeHint().height());
}

void NoiseCheck::drawVerdict(QPainter& painter, const QRectF& cell, const Verdict& v) const {
  const Theme& theme = Theme::current();
  painter.setPen(theme.dim);
  QRectF caption = cell, value = cell;
  if (isWide()) {
    caption.setHeight(lineHeight);
    value.setTop(cell.top() + lineHeight);
    value.setHeight(lineHeight);
  } else {
    caption.setWidth(140);
    value.setLeft(cell.left() + 142);
  }
  painter.drawText(caption, Qt::AlignLeft | Qt::AlignVCenter, v.caption);
  painter.setPen(v.kind == Verdict::Kind::Good    ? theme.good
                 : v.kind == Verdict::Kind::Alarm ? theme.threshold
                                                  : theme.ink);
  painter.drawText(
      value, Qt::AlignLeft | Qt::AlignVCenter,
      fontMetrics().elidedText(v.text, Qt::ElideRight, static_cast<int>(value.width())));
}

void NoiseCheck::paintEvent(QPaintEvent*) {
  if (!m_record || !m_record->has(Phase::Clip)) return;
  const Theme& theme = Theme::current();
  const ClipPart& clip = *m_record->clip;
  QPainter painter(this);
  const double width = this->width();
  const Verdict verdicts[] = {contribution(), multiplier(), update()};
  std::array<QRectF, 3> cells = this->cells();
  // The bar: what one example adds at most, on a track that ends a quarter beyond the sensitivity.
  const double ratio = clip.worstContribution / clip.sensitivity;
  const QRectF track(isWide() ? barRoom + 48.0 : std::max(142.0, width - barRoom),
                     cells[0].top() + 4, barRoom - 4, lineHeight - 8);
  const bool room = isWide() || width > 142 + 150 + barRoom;
  if (room && std::isfinite(ratio)) {
    painter.fillRect(track, theme.grid);
    const bool over = clip.sensitivityExceeded;
    painter.fillRect(QRectF(track.left(), track.top(), track.width() * std::min(1.0, ratio / 1.25),
                            track.height()),
                     over ? theme.threshold : theme.after);
    const double at = track.left() + track.width() / 1.25;
    painter.fillRect(QRectF(at - 1, track.top() - 3, 2, track.height() + 6), theme.threshold);
    if (!isWide()) cells[0].setRight(track.left() - 6);
  }
  for (std::size_t k = 0; k < 3; ++k) drawVerdict(painter, cells[k], verdicts[k]);
}

std::array<QRectF, 3> NoiseCheck::cells() const {
  std::array<QRectF, 3> cells;
  const double width = this->width();
  for (int k = 0; k < 3; ++k)
    // The first is the longest, and has the bar.
    cells[static_cast<std::size_t>(k)] =
        isWide() ? QRectF(k == 0 ? 0 : width * 0.5 + (k - 1) * width * 0.25, 0,
                          k == 0 ? width * 0.5 - 12 : width * 0.25 - 8, 2 * lineHeight)
                 : QRectF(0, k * lineHeight, width, lineHeight);
  return cells;
}

QString NoiseCheck::tipAt(const QPoint& at) const {
  if (!m_record || !m_record->has(Phase::Clip)) return {};
  const auto places = cells();
  const auto found =
      std::ranges::find_if(places, [&](const QRectF& cell) { return cell.contains(at); });
  const StepRecord& r = *m_record;
  const ClipPart& clip = *r.clip;
  const auto shown = [](double value) { return shortNumber(value, 5); };
  switch (found - places.begin()) {
    case 0: {
      QString text =
          tr("max ‖clipped g_i‖ over the examples checked, formed in double, must not "
             "exceed Δ, what the noise is scaled to: Δ = √Σ C_k²");
      if (clip.worstExample >= 0 && clip.worstExample < r.batchSize())
        text += tr("\n= %1 · %2 = %3, of example #%4; Δ = %5")
                    .arg(shown(clip.factors.overallFactor(clip.worstExample)),
                         shown(r.norms->global[static_cast<std::size_t>(clip.worstExample)]),
                         shown(clip.worstContribution))
                    .arg(r.sample->examples[static_cast<std::size_t>(clip.worstExample)])
                    .arg(shown(clip.sensitivity));
      return text + tr("\nsensitivity to one example: Dwork et al. 2006; Abadi et al. 2016");
    }
    case 1: {
      QString text =
          tr("(Σ C_k²/s_k²)^(−1/2): what the whole mechanism is worth, and ε is charged");
      if (r.has(Phase::Noise)) {
        QStringList parts;
        for (std::size_t k = 0; k < std::min<std::size_t>(clip.groups.size(), 3); ++k)
          parts << tr("(%1/%2)²")
                       .arg(shown(clip.groups[k].threshold), shown(clip.groups[k].noiseStd));
        if (clip.groups.size() > 3) parts << QStringLiteral("…");
        text += tr("\n= (%1)^(−1/2)%2 = %3; asked for: σ = %4")
                    .arg(parts.join(QStringLiteral(" + ")),
                         r.noise->adaptive.empty() ? QString() : tr(", counts included"),
                         shown(r.noise->effectiveSigma), shown(r.sample->noiseMultiplier));
      }
      return text + tr("\nMcMahan et al. 2018, arXiv:1812.06210");
    }
    case 2: {
      QString text = tr("η s/B: the std of the noise that a weight feels in a step of SGD");
      if (r.has(Phase::Update) && !std::isnan(r.update->updateNoise))
        text += tr("\n= %1 · %2 / %3 = %4")
                    .arg(shown(r.update->learningRate), shown(r.noise->std),
                         shown(r.sample->expectedBatchSize), shown(r.update->updateNoise));
      return text + tr("\nother optimisers scale it weight by weight");
    }
    default:
      return {};
  }
}

bool NoiseCheck::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const QString text = tipAt(help->pos());
  text.isEmpty() ? QToolTip::hideText() : QToolTip::showText(help->globalPos(), text, this);
  return true;
}

}  // namespace clipscope
