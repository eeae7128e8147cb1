// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/schedule_rows.h"

#include <QComboBox>
#include <QLineEdit>
#include <QStyle>

#include "engine/error.h"

namespace clipscope {

namespace {

void mark(QLineEdit* field, const QString& problem, const QString& tip) {
  field->setProperty("invalid", !problem.isEmpty());
  field->setToolTip(problem.isEmpty() ? tip : problem);
  field->style()->unpolish(field);
  field->style()->polish(field);
}

}  // namespace

ScheduleRows::ScheduleRows(DockSection* section, const QString& symbol, double low,
                           Schedule ScheduleSettings::*schedule)
    : QObject(section), m_section(section), m_schedule(schedule) {
  m_tip = tr("How %1 changes from step to step; t counts the steps done").arg(symbol);
  m_kind = section->addCombo(
      tr("%1 over steps").arg(symbol), m_tip,
      {QStringLiteral("constant"), QStringLiteral("exponential"), QStringLiteral("step"),
       QStringLiteral("cosine"), QStringLiteral("table")},
      {tr("Constant"), tr("Exponential, %1·γᵗ").arg(symbol), tr("Steps, %1·γ^⌊t/k⌋").arg(symbol),
       tr("Cosine to a floor"), tr("Table")},
      [this](Experiment& e, const std::string& name) {
        Schedule& s = of(e);
        s.kind = parseScheduleKind(name, "schedule");
        // A kind begins with something that it can run on.
        if (s.kind == ScheduleKind::Table && s.values.empty())
          s.values = {m_schedule == &ScheduleSettings::noiseMultiplier ? e.noise.noiseMultiplier
                      : m_schedule == &ScheduleSettings::maxGradNorm   ? e.clipping.maxGradNorm
                                                                       : e.optimizer.learningRate};
        if (s.kind == ScheduleKind::Cosine && m_schedule == &ScheduleSettings::maxGradNorm &&
            s.floor <= 0)
          s.floor = 0.1 * e.clipping.maxGradNorm;
      });
  m_gamma = section->addNumber(tr("%1: factor γ").arg(symbol), tr("Above 1 it grows"),
                               {0, 1e6, false, false},
                               [this](Experiment& e, double v) { of(e).gamma = v; });
  m_every = section->addNumber(
      tr("%1: every k steps").arg(symbol), tr("Steps between two changes"), {1, 1e9, true, true},
      [this](Experiment& e, double v) { of(e).every = static_cast<Index>(v); });
  m_floor = section->addNumber(tr("%1: floor").arg(symbol), tr("Where the half wave ends"),
                               {low, 1e30, true, false},
                               [this](Experiment& e, double v) { of(e).floor = v; });
  m_steps = section->addNumber(
      tr("%1: over n steps").arg(symbol), tr("The length of the half wave; the floor holds after"),
      {1, 1e9, true, true},
      [this](Experiment& e, double v) { of(e).steps = static_cast<Index>(v); });
  m_values = new QLineEdit(section);
  m_values->setAccessibleName(tr("%1: values").arg(symbol));
  const QString tip = tr("One value a step, with commas between; the last one holds");
  section->addRow(tr("%1: values").arg(symbol), m_values, tip);
  connect(m_values, &QLineEdit::editingFinished, this, [this, tip] {
    if (!m_values->isModified()) return;
    try {
      const Schedule parsed = parseSchedule(
          "table:" + m_values->text().remove(QLatin1Char(' ')).toStdString(), "values");
      Experiment next = m_section->experiment();
      of(next).values = parsed.values;
      next.validate();
      mark(m_values, {}, tip);
      m_values->setModified(false);
      m_section->change(m_values, [&](Experiment& e) { of(e).values = parsed.values; });
    } catch (const Error& error) {
      mark(m_values, QString::fromUtf8(error.what()), tip);
    }
  });
}

void ScheduleRows::display(const Experiment& experiment) {
  const Schedule& s = experiment.schedules.*m_schedule;
  DockSection::select(m_kind, fromView(scheduleKindName(s.kind)));
  const auto show = [&](QWidget* field, bool visible) { m_section->setRowVisible(field, visible); };
  show(m_gamma, s.kind == ScheduleKind::Exponential || s.kind == ScheduleKind::Step);
  show(m_every, s.kind == ScheduleKind::Step);
  show(m_floor, s.kind == ScheduleKind::Cosine);
  show(m_steps, s.kind == ScheduleKind::Cosine);
  show(m_values, s.kind == ScheduleKind::Table);
  m_gamma->setValue(s.gamma);
  m_every->setValue(static_cast<double>(s.every));
  m_floor->setValue(s.floor);
  m_steps->setValue(static_cast<double>(s.steps));
  if (m_values->hasFocus() && m_values->isModified()) return;
  QStringList values;
  for (const double value : s.values) values << QString::number(value, 'g', 8);
  m_values->setText(values.join(QStringLiteral(", ")));
  m_values->setModified(false);
}

void ScheduleRows::setAvailable(bool available, const QString& reason) {
  m_kind->setEnabled(available);
  m_kind->setToolTip(available ? m_tip : reason);
}

}  // namespace clipscope
