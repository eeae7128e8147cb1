// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/example_panel.h"

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QLabel>
#include <QMenu>
#include <QScrollArea>
#include <QScrollBar>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "engine/formats/number_text.h"
#include "engine/interchange/csv_rows.h"
#include "ui/panels/empty_batch.h"
#include "ui/panels/example_card.h"
#include "ui/panels/gradient_map.h"
#include "ui/panels/paired_bars.h"
#include "ui/plots/number_format.h"
#include "ui/selection.h"

namespace clipscope {

namespace {
constexpr std::size_t mostScores = 10;
}

ExamplePanel::ExamplePanel(Selection* selection, QWidget* parent)
    : Panel(tr("Example"), selection, parent) {
  auto* scroll = new QScrollArea(this);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  // The map's height follows its width: a bar that comes and goes would change it without end. It
  // has its place always, and is seen where there is something to scroll.
  scroll->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOn);
  QScrollBar* bar = scroll->verticalScrollBar();
  bar->setEnabled(false);
  connect(bar, &QScrollBar::rangeChanged, bar,
          [bar](int low, int high) { bar->setEnabled(high > low); });
  auto* content = new QWidget;
  auto* column = new QVBoxLayout(content);
  column->setContentsMargins(0, 0, 4, 0);
  column->setSpacing(4);
  m_card = new ExampleCard(content);
  column->addWidget(m_card);
  m_normsHeading = heading(tr("Norm by tensor"), column);
  m_norms = new PairedBars(tr("Norm by tensor before and after clipping"), content);
  column->addWidget(m_norms);

  auto* row = new QHBoxLayout;
  row->setContentsMargins(0, 4, 0, 0);
  auto* of = new QLabel(tr("<b>Gradient of</b>"), content);
  row->addWidget(of);
  m_tensor = new QComboBox(content);
  m_tensor->setAccessibleName(tr("Gradient of"));
  m_tensor->setToolTip(tr("The tensor whose gradient is pictured, before and after clipping"));
  m_tensor->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  // The dock is narrow: the field takes what the labels leave.
  m_tensor->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
  m_tensor->setMinimumWidth(60);
  of->setBuddy(m_tensor);
  row->addWidget(m_tensor, 1);
  m_shape = new QLabel(content);
  m_shape->setObjectName(QStringLiteral("hint"));
  row->addWidget(m_shape);
  column->addLayout(row);
  m_gradient = new GradientMap(content);
  column->addWidget(m_gradient);

  m_scoresHeading = heading(tr("Class scores"), column);
  m_scores = new PairedBars(tr("Probabilities of the classes"), content);
  column->addWidget(m_scores);
  column->addSpacing(4);
  m_track = new ExampleTrack(content);
  column->addWidget(m_track);
  column->addStretch(1);
  scroll->setWidget(content);
  body()->addWidget(scroll, 1);
  connect(m_tensor, &QComboBox::currentIndexChanged, this, [this](int index) {
    // What is chosen everywhere follows what is chosen here.
    if (index >= 0 && !this->selection()->tensors().empty())
      return this->selection()->selectTensor(m_tensors[static_cast<std::size_t>(index)]);
    if (record() && isVisible()) showGradient();
  });
  setEmptyText(tr("Opening…"));
}

QLabel* ExamplePanel::heading(const QString& text, QVBoxLayout* column) {
  auto* label = new QLabel(text, this);
  QFont bold = label->font();
  bold.setBold(true);
  label->setFont(bold);
  label->setContentsMargins(0, 6, 0, 0);
  column->addWidget(label);
  return label;
}

void ExamplePanel::setDataset(std::shared_ptr<const Dataset> data) {
  m_data = std::move(data);
  m_view.reset();
}

void ExamplePanel::setView(std::shared_ptr<const ExampleView> view) {
  if (!fits(view.get())) return;
  m_view = std::move(view);
  showGradient();
  showScores();
}

bool ExamplePanel::fits(const ExampleView* view) const {
  return view && record() && view->sample == record()->sample && view->example == m_facts.example;
}

void ExamplePanel::showSelection() {
  m_facts = exampleFacts(*record(), selection()->current());
  // A tensor chosen elsewhere is the one pictured.
  if (selection()->tensors().size() == 1) {
    const auto& names = record()->info->tensors;
    const auto at = std::ranges::find(names, selection()->tensors().front());
    const int index = static_cast<int>(at - names.begin());
    if (at != names.end() && index < m_tensor->count()) {
      const QSignalBlocker quiet(m_tensor);
      m_tensor->setCurrentIndex(index);
    }
  }
  if (m_facts.example < 0) {
    setEmptyText(record()->sample
                     ? emptyBatchText(*record())
                     : tr("Run to Sample (Space) and select an example to look at it closely."));
    setSummary(QString());
    return;
  }
  setEmptyText(QString());
  setSummary(m_facts.picked                ? tr("selected")
             : record()->has(Phase::Norms) ? tr("the largest norm")
                                           : tr("the first drawn"));
  if (!fits(m_view.get())) m_view.reset();
  fillTensors();
  m_card->show(m_data, record()->info, m_facts, record()->batchSize());
  showNorms();
  showGradient();
  showScores();
  showTrack();
  if (!m_view && m_facts.row >= 0) emit lookRequested(m_facts.example);
}

void ExamplePanel::fillTensors() {
  if (m_tensors == record()->info->tensors && m_tensor->count() > 0) return;
  m_tensors = record()->info->tensors;
  const QSignalBlocker block(m_tensor);
  m_tensor->clear();
  for (const std::string& name : m_tensors) m_tensor->addItem(QString::fromStdString(name));
}

double ExamplePanel::factorOf(Index tensor) const {
  if (m_facts.row < 0 || !record()->has(Phase::Clip)) return notANumber;
  const ClipPart& clip = *record()->clip;
  return clip.factors.factor(m_facts.row, clip.groupOf[static_cast<std::size_t>(tensor)]);
}

void ExamplePanel::showNorms() {
  const bool known = m_facts.row >= 0 && record()->has(Phase::Norms);
  m_normsHeading->setVisible(known);
  m_norms->setVisible(known);
  if (!known) return;
  std::vector<PairedBars::Row> rows;
  for (std::size_t t = 0; t < m_tensors.size(); ++t) {
    PairedBars::Row row;
    row.name = QString::fromStdString(m_tensors[t]);
    row.first = record()->norms->norms.at(m_facts.row, static_cast<Index>(t));
    const double f = factorOf(static_cast<Index>(t));
    // By selection: a dropped example contributes nothing, whatever its norm.
    row.second = f == 0 ? 0.0 : f * row.first;
    row.number = shortNumber(row.first);
    row.tip = tr("%1: norm %2").arg(row.name, shortNumber(row.first));
    if (!std::isnan(f))
      row.tip += tr(" before, %1 after, factor %2").arg(shortNumber(row.second), shortNumber(f));
    row.marked = selection()->hasTensor(record()->info->tensors[rows.size()]);
    rows.push_back(std::move(row));
  }
  m_norms->show(std::move(rows));
}

void ExamplePanel::showGradient() {
  const auto tensor = static_cast<Index>(std::max(0, m_tensor->currentIndex()));
  const auto at = static_cast<std::size_t>(tensor);
  m_shape->setText(QString::fromStdString(record()->info->shapes[at].toString()));
  if (m_view)
    m_gradient->show(m_view, tensor, factorOf(tensor));
  else
    m_gradient->showNothing(m_facts.row < 0 ? tr("Not drawn in this step: it has no gradient here.")
                            : record()->info->library ? tr("Its gradient is where the run trains.")
                                                      : tr("The gradient is formed at a pause."));
}

void ExamplePanel::showScores() {
  const bool known = m_view && !m_view->output.empty();
  m_scoresHeading->setVisible(known);
  m_scores->setVisible(known);
  if (!known) return;
  const std::vector<float>& output = m_view->output;
  std::vector<PairedBars::Row> rows;
  const bool classes = m_data && m_data->isClassification() && output.size() > 1;
  m_scoresHeading->setText(classes ? tr("Class scores, softmax") : tr("Output"));
  std::vector<double> shares(output.begin(), output.end());
  if (classes) {
    const double most = *std::max_element(shares.begin(), shares.end());
    double total = 0;
    for (double& share : shares) total += share = std::exp(share - most);
    for (double& share : shares) share /= total;
  }
  // The likeliest of many, and the label in any case; in the order of the classes.
  std::vector<std::size_t> order(shares.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (order.size() > mostScores) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const bool isLabel = static_cast<int>(a) == m_facts.label;
      if (isLabel || static_cast<int>(b) == m_facts.label) return isLabel;
      return shares[a] > shares[b];
    });
    order.resize(mostScores);
    std::sort(order.begin(), order.end());
  }
  double scale = 1;
  for (const std::size_t k : order) {
    PairedBars::Row row;
    row.name = classes              ? className(*record()->info, static_cast<int>(k))
               : output.size() == 1 ? tr("output")
                                    : tr("output %1").arg(k + 1);
    row.first = classes ? shares[k] : std::abs(shares[k]);
    row.second = notANumber;
    row.number = shortNumber(shares[k], 3);
    row.marked = classes && static_cast<int>(k) == m_facts.label;
    row.tip = tr("output %1").arg(shortNumber(static_cast<double>(output[k])));
    if (classes)
      row.tip += tr(", probability %1").arg(shortNumber(shares[k])) +
                 (row.marked ? tr(": the label") : QString());
    else
      scale = std::max(scale, row.first);
    rows.push_back(std::move(row));
  }
  m_scores->show(std::move(rows), scale);
}

void ExamplePanel::showTrack() {
  std::vector<ExamplePoint> points;
  Index steps = 1;
  if (m_history) {
    std::tie(points, steps) = m_history(m_facts.example);
  }
  // The step under way is not in the history before it is complete.
  if (m_facts.row >= 0 && record()->has(Phase::Norms) &&
      (points.empty() || points.back().step < record()->step)) {
    points.push_back({record()->step, m_facts.before, m_facts.after, m_facts.factor, m_facts.loss});
    steps = std::max(steps, m_history ? record()->step : Index{1});
  }
  m_track->setVisible(!points.empty());
  if (!points.empty()) m_track->show(points, steps);
}

void ExamplePanel::addActions(QMenu& menu) {
  QAction* copy = menu.addAction(tr("Copy gradient of %1").arg(m_tensor->currentText()), this,
                                 [this] { QApplication::clipboard()->setText(gradientCsv()); });
  copy->setEnabled(!m_gradient->isEmpty());
}

QString ExamplePanel::csv() const {
  std::string text(exampleLayersHeader());
  if (!record() || !record()->has(Phase::Norms)) return QString::fromStdString(text);
  const ExampleFacts facts = exampleFacts(*record(), selection()->current());
  if (facts.row < 0) return QString::fromStdString(text);
  for (std::size_t t = 0; t < record()->info->tensors.size(); ++t) {
    text += std::to_string(record()->step) + ',' + std::to_string(facts.example) + ',';
    appendText(text, record()->info->tensors[t]);
    const double norm = record()->norms->norms.at(facts.row, static_cast<Index>(t));
    text += ',';
    appendNumber(text, norm);
    text += ',';
    if (record()->has(Phase::Clip)) {
      const double f = record()->clip->factors.factor(facts.row, record()->clip->groupOf[t]);
      appendNumber(text, f);
      text += ',';
      appendNumber(text, f == 0 ? 0.0 : f * norm);
    } else {
      text += ',';
    }
    text += '\n';
  }
  return QString::fromStdString(text);
}

QString ExamplePanel::gradientCsv() const {
  std::string text = "index,before,after\n";
  const auto values = m_gradient->before();
  for (std::size_t k = 0; k < values.size(); ++k) {
    text += std::to_string(k) + ',';
    appendNumber(text, values[k]);
    text += ',';
    const double after = m_gradient->after(static_cast<Index>(k));
    if (!std::isnan(after)) appendNumber(text, after);  // empty before phase Clip
    text += '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
