// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/microscope_panel.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QHeaderView>
#include <QInputDialog>
#include <QItemSelectionModel>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QSettings>
#include <QSignalBlocker>
#include <QStackedWidget>
#include <QTableView>
#include <QTableWidget>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "engine/formats/number_text.h"
#include "engine/interchange/csv_rows.h"
#include "ui/panels/microscope_model.h"
#include "ui/plots/number_format.h"
#include "ui/selection.h"

namespace clipscope {

namespace {

enum ClassColumn { Name, Examples, Draws, Clipped, MeanNorm, Factor, Loss, classColumns };

/// While a run goes on, its examples are looked at so often.
constexpr int pace = 500;  // ms

}  // namespace

MicroscopePanel::MicroscopePanel(Selection* selection, QWidget* parent)
    : Panel(tr("Microscope"), selection, parent),
      m_model(new MicroscopeModel(this)),
      m_epsilonWork([this](const IndividualPrivacy& privacy) {
        m_syncing = true;
        m_model->setEpsilons(privacy.estimate);
        m_syncing = false;
        showSelection();
      }) {
  auto* head = new QHBoxLayout;
  head->setSpacing(6);
  m_order = new QComboBox(this);
  m_order->setAccessibleName(tr("Which examples first"));
  m_order->addItems({tr("largest norm"), tr("most clipped"), tr("never clipped"),
                     tr("largest loss"), tr("largest ε"), tr("most drawn")});
  m_filter = new QLineEdit(this);
  m_filter->setAccessibleName(tr("Filter"));
  m_filter->setPlaceholderText(tr("Filter: class 3, norm > 5, clipped >= 90 %"));
  m_filter->setClearButtonEnabled(true);
  m_selectionsButton = new QToolButton(this);
  m_selectionsButton->setText(tr("Selections"));
  m_selectionsButton->setToolTip(tr("Examples that were given a name"));
  m_selectionsButton->setPopupMode(QToolButton::InstantPopup);
  m_selectionsMenu = new QMenu(m_selectionsButton);
  m_selectionsButton->setMenu(m_selectionsMenu);
  connect(m_selectionsMenu, &QMenu::aboutToShow, this, &MicroscopePanel::fillSelections);
  auto* group = new QButtonGroup(this);
  m_examplesButton = new QToolButton(this);
  m_examplesButton->setText(tr("examples"));
  m_classesButton = new QToolButton(this);
  m_classesButton->setText(tr("classes"));
  for (QToolButton* button : {m_examplesButton, m_classesButton}) {
    button->setCheckable(true);
    group->addButton(button);
  }
  m_examplesButton->setChecked(true);
  m_order->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  m_order->setMinimumContentsLength(9);
  head->addWidget(m_order);
  head->addStretch(1);
  for (QToolButton* button : {m_examplesButton, m_classesButton}) head->addWidget(button);
  body()->addLayout(head);
  auto* narrow = new QHBoxLayout;
  narrow->setSpacing(6);
  narrow->addWidget(m_filter, 1);
  narrow->addWidget(m_selectionsButton);
  body()->addLayout(narrow);
  m_problem = new QLabel(this);
  m_problem->setWordWrap(true);
  m_problem->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_problem->hide();
  body()->addWidget(m_problem);

  m_views = new QStackedWidget(this);
  m_table = new QTableView(m_views);
  m_table->setObjectName(QStringLiteral("microscopeTable"));
  m_table->setAccessibleName(tr("Examples over the run"));
  m_table->setModel(m_model);
  m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_table->setSelectionMode(QAbstractItemView::ExtendedSelection);
  m_table->setShowGrid(false);
  m_table->setContextMenuPolicy(Qt::NoContextMenu);
  m_table->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  m_table->verticalHeader()->hide();
  m_table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  m_table->verticalHeader()->setDefaultSectionSize(22);
  m_table->horizontalHeader()->setHighlightSections(false);
  m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  m_table->setSortingEnabled(true);
  m_table->sortByColumn(MicroscopeModel::LargestNorm, Qt::DescendingOrder);
  m_views->addWidget(m_table);
  m_classes = new QTableWidget(0, classColumns, m_views);
  m_classes->setObjectName(QStringLiteral("classTable"));
  m_classes->setAccessibleName(tr("Classes over the run"));
  m_classes->setHorizontalHeaderLabels({tr("Class"), tr("Examples"), tr("Draws"), tr("Clipped"),
                                        tr("Norm"), tr("Factor"), tr("Loss")});
  for (const int c : {MeanNorm, Factor, Loss})
    m_classes->horizontalHeaderItem(c)->setToolTip(tr("Mean over the draws"));
  for (int c = 0; c < classColumns; ++c)
    m_classes->horizontalHeaderItem(c)->setTextAlignment(
        (c == Name ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  m_classes->verticalHeader()->hide();
  m_classes->verticalHeader()->setDefaultSectionSize(22);
  m_classes->setShowGrid(false);
  m_classes->setEditTriggers(QAbstractItemView::NoEditTriggers);
  m_classes->setSelectionBehavior(QAbstractItemView::SelectRows);
  m_classes->setContextMenuPolicy(Qt::NoContextMenu);
  m_classes->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  m_views->addWidget(m_classes);
  body()->addWidget(m_views, 1);
  m_later = new QTimer(this);
  m_later->setSingleShot(true);
  connect(m_later, &QTimer::timeout, this, &MicroscopePanel::work);

  connect(m_order, &QComboBox::activated, this,
          [this](int index) { setOrder(static_cast<Order>(index)); });
  connect(m_filter, &QLineEdit::textChanged, this, &MicroscopePanel::setFilter);
  connect(m_examplesButton, &QToolButton::clicked, this, [this] { setView(View::Examples); });
  connect(m_classesButton, &QToolButton::clicked, this, [this] { setView(View::Classes); });
  connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this, [this] {
    if (m_syncing) return;
    std::vector<Index> examples;
    for (const QModelIndex& index : m_table->selectionModel()->selectedRows())
      examples.push_back(m_model->shown()[static_cast<std::size_t>(index.row())]);
    m_syncing = true;
    this->selection()->selectMany(std::move(examples));
    m_syncing = false;
  });
  connect(m_classes, &QTableWidget::itemSelectionChanged, this, [this] {
    if (m_syncing) return;
    std::vector<Index> examples;
    for (std::size_t i = 0; i < m_model->labels().size(); ++i) {
      const int label = m_model->labels()[i];
      const auto example = static_cast<Index>(i);
      if (label >= 0 && m_classes->selectionModel()->isRowSelected(label) &&
          m_model->statistics(example).draws > 0)
        examples.push_back(example);
    }
    m_syncing = true;
    this->selection()->selectMany(std::move(examples));
    m_syncing = false;
  });
  setEmptyText(tr("Opening…"));
}

void MicroscopePanel::setHistory(const RunHistory* history, const ExampleHistory* draws) {
  m_history = history;
  m_draws = draws;
}

QString MicroscopePanel::settingsKey() const {
  return QStringLiteral("selections/") +
         QString::fromStdString(m_data ? m_data->fingerprint().substr(0, 16) : std::string());
}

void MicroscopePanel::setData(std::shared_ptr<const Dataset> data) {
  m_data = std::move(data);
  std::vector<int> labels;
  std::vector<std::string> names;
  if (m_data) {
    names = m_data->classNames();
    for (Index i = 0; i < m_data->size(); ++i)
      labels.push_back(m_data->isClassification() ? m_data->label(i) : -1);
    const auto classes = static_cast<std::size_t>(m_data->outputs());
    if (!m_data->isClassification()) names.clear();
    while (m_data->isClassification() && names.size() < classes)
      names.push_back(std::to_string(names.size()));
  }
  setCatalogue(std::move(labels), std::move(names));
  m_kept.clear();
  const QVariantMap kept = QSettings().value(settingsKey()).toMap();
  for (auto at = kept.begin(); at != kept.end(); ++at) {
    std::vector<Index> examples;
    for (const QString& one : at.value().toStringList()) {
      const Index example = one.toLongLong();
      if (m_data && example >= 0 && example < m_data->size()) examples.push_back(example);
    }
    m_kept.insert(at.key(), std::move(examples));
  }
}

void MicroscopePanel::setCatalogue(std::vector<int> labels, std::vector<std::string> names) {
  m_size = static_cast<Index>(labels.size());
  m_classNames = names;
  m_syncing = true;
  m_model->setData(std::move(labels), std::move(names));
  m_syncing = false;
  m_shownSteps = -1;
}

/// Of a recording without its data: what the records say of them.
void MicroscopePanel::readCatalogue() {
  const RunInfo& info = *record()->info;
  if (m_data || (info.library && !info.library->examplesKnown)) return;
  // A recording may say any number: those beyond any data set that one looks at are left out.
  constexpr Index most = Index{1} << 24;
  std::vector<int> labels(static_cast<std::size_t>(std::min(info.datasetSize, most)), -1);
  for (const auto& step : m_draws->steps())
    for (const StepDraws::Draw& draw : step->draws) {
      if (draw.example < 0 || draw.example >= most) continue;
      const auto at = static_cast<std::size_t>(draw.example);
      // Numbers are of the whole data set, those held out included.
      if (at >= labels.size()) labels.resize(at + 1, -1);
      labels[at] = draw.label;
    }
  if (labels != m_model->labels()) setCatalogue(std::move(labels), info.classNames);
}

void MicroscopePanel::setRunning(bool running) {
  const bool hasPaused = m_running && !running;
  m_running = running;
  if (hasPaused && record()) setRecord(record());
}

void MicroscopePanel::setOrder(Order order) {
  m_order->setCurrentIndex(static_cast<int>(order));
  const std::pair<int, Qt::SortOrder> by[] = {{MicroscopeModel::LargestNorm, Qt::DescendingOrder},
                                              {MicroscopeModel::Clipped, Qt::DescendingOrder},
                                              {MicroscopeModel::LargestNorm, Qt::DescendingOrder},
                                              {MicroscopeModel::Loss, Qt::DescendingOrder},
                                              {MicroscopeModel::Epsilon, Qt::DescendingOrder},
                                              {MicroscopeModel::Draws, Qt::DescendingOrder}};
  const auto& [column, direction] = by[static_cast<std::size_t>(order)];
  m_syncing = true;
  m_model->setNeverClippedOnly(order == Order::NeverClipped);
  m_table->sortByColumn(column, direction);
  m_syncing = false;
  if (record()) setRecord(record());
}

void MicroscopePanel::setView(View view) {
  (view == View::Examples ? m_examplesButton : m_classesButton)->setChecked(true);
  m_views->setCurrentIndex(static_cast<int>(view));
  if (record()) setRecord(record());
}

void MicroscopePanel::setFilter(const QString& text) {
  if (m_filter->text() != text) {
    const QSignalBlocker quiet(m_filter);
    m_filter->setText(text);
  }
  QString problem;
  const auto filter = ExampleFilter::parse(text, &problem);
  m_problem->setText(problem);
  m_problem->setVisible(!filter);
  if (!filter) return;
  m_syncing = true;
  m_model->setFilter(*filter);
  m_syncing = false;
  if (record()) setRecord(record());
}

void MicroscopePanel::showRecord() {
  if (!m_history || !m_draws) return;
  if (record()->info->library && !record()->info->library->examplesKnown) {
    setEmptyText(
        tr("The recorder could not tell which examples were drawn: give it data_loader=."));
    return setSummary(QString());
  }
  if (m_draws->steps().empty()) {
    setEmptyText(tr("Finish a step (N) to see what became of its examples."));
    return setSummary(QString());
  }
  setEmptyText(QString());
  if (!m_running) return work();
  if (!m_later->isActive()) m_later->start(pace);
}

void MicroscopePanel::work() {
  if (!m_draws || m_draws->steps().empty() || !record()) return;
  if (!m_data && m_shownSteps != m_draws->lastStep()) readCatalogue();
  if (m_size == 0) return;
  if (m_shownSteps != m_draws->lastStep() || m_shownRevision != m_history->revision() ||
      m_shownSpan != selection()->steps()) {
    m_shownSpan = selection()->steps();
    m_shownSteps = m_draws->lastStep();
    m_shownRevision = m_history->revision();
    m_syncing = true;
    m_model->setStatistics(exampleStatistics(*m_draws, m_size, span()));
    m_syncing = false;
    fillClasses();
    if (!m_running) {
      std::vector<std::shared_ptr<const StepDraws>> draws(m_draws->steps().begin(),
                                                          m_draws->steps().end());
      std::vector<std::shared_ptr<const NormRefresh>> refreshes(m_draws->refreshes().begin(),
                                                                m_draws->refreshes().end());
      m_epsilonWork.start([summaries = m_history->summaries(), draws = std::move(draws),
                           refreshes = std::move(refreshes), examples = m_size,
                           delta = m_delta](const std::stop_token& stop) {
        return individualPrivacy(summaries, draws, examples, delta, stop, refreshes);
      });
    }
  }
  const Index first = std::max(m_draws->firstStep(), span().first);
  const Index last = std::min(m_draws->lastStep(), span().last);
  setSummary(tr("%1 examples · steps %2 to %3")
                 .arg(grouped(static_cast<Index>(m_model->shown().size())), grouped(first),
                      grouped(last)));
  showSelection();
}

void MicroscopePanel::fillClasses() {
  const int classes = static_cast<int>(m_classNames.size());
  m_classesButton->setEnabled(classes > 0);
  const auto found = classStatistics(*m_draws, m_model->labels(), classes, span());
  m_syncing = true;
  m_classes->setRowCount(classes);
  for (int row = 0; row < classes; ++row) {
    const ClassStatistics& s = found[static_cast<std::size_t>(row)];
    const auto at = static_cast<std::size_t>(row);
    const auto number = [](double value) {
      return std::isnan(value) ? QStringLiteral("–") : shortNumber(value, 3);
    };
    const QString cells[classColumns] = {
        QString::fromStdString(m_classNames[at]),
        grouped(s.examples),
        grouped(s.draws),
        std::isnan(s.clippedShare) ? QStringLiteral("–") : percent(s.clippedShare),
        number(s.meanNorm),
        number(s.meanFactor),
        number(s.meanLoss)};
    for (int c = 0; c < classColumns; ++c) {
      QTableWidgetItem* item = m_classes->item(row, c);
      if (!item) {
        m_classes->setItem(row, c, item = new QTableWidgetItem);
        item->setTextAlignment((c == Name ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
      }
      item->setText(cells[c]);
    }
  }
  m_syncing = false;
}

StepSpan MicroscopePanel::span() const {
  const auto& steps = selection()->steps();
  return steps ? StepSpan{steps->first, steps->second} : StepSpan{};
}

void MicroscopePanel::showSelection() {
  // Other steps are another table.
  if (m_shownSpan != selection()->steps() && m_shownSteps >= 0) return work();
  if (m_syncing || m_views->currentWidget() != m_table) return;
  QItemSelection rows;
  for (int row = 0; row < m_model->rowCount(); ++row)
    if (selection()->contains(m_model->shown()[static_cast<std::size_t>(row)]))
      rows.select(m_model->index(row, 0), m_model->index(row, MicroscopeModel::columnCount_ - 1));
  m_syncing = true;
  m_table->selectionModel()->select(rows, QItemSelectionModel::ClearAndSelect);
  m_syncing = false;
}

void MicroscopePanel::resizeEvent(QResizeEvent* event) {
  Panel::resizeEvent(event);
  // Means give way first; the head of a column must be readable.
  for (const int c : {MicroscopeModel::MeanNorm, MicroscopeModel::Factor, MicroscopeModel::Loss})
    m_table->setColumnHidden(c, width() < 640);
  m_table->setColumnHidden(MicroscopeModel::Class, width() < 420);
}

void MicroscopePanel::finishWork() {
  m_later->stop();
  work();
  m_epsilonWork.finishNow();
}

void MicroscopePanel::keepSelection(const QString& name) {
  if (name.trimmed().isEmpty() || selection()->isEmpty()) return;
  m_kept.insert(name.trimmed(), selection()->examples());
  store();
}

void MicroscopePanel::forgetSelection(const QString& name) {
  m_kept.remove(name);
  store();
}

void MicroscopePanel::store() {
  QVariantMap kept;
  for (auto at = m_kept.begin(); at != m_kept.end(); ++at) {
    QStringList examples;
    for (const Index example : at.value()) examples << QString::number(example);
    kept.insert(at.key(), examples);
  }
  QSettings().setValue(settingsKey(), kept);
}

void MicroscopePanel::fillSelections() {
  m_selectionsMenu->clear();
  m_selectionsMenu
      ->addAction(
          tr("Name the selected examples…"), this,
          [this] {
            bool isGiven = false;
            const QString name = QInputDialog::getText(
                this, tr("Selection"),
                tr("A name for the %1 selected examples:").arg(selection()->examples().size()),
                QLineEdit::Normal, QString(), &isGiven);
            if (isGiven) keepSelection(name);
          })
      ->setEnabled(!selection()->isEmpty());
  m_selectionsMenu->addAction(tr("Select all that are shown"), this,
                              [this] { selection()->selectMany(m_model->shown()); });
  if (m_kept.isEmpty()) return;
  m_selectionsMenu->addSeparator();
  for (auto at = m_kept.begin(); at != m_kept.end(); ++at)
    m_selectionsMenu->addAction(
        tr("%1 (%2)").arg(at.key()).arg(at.value().size()), this,
        [this, examples = at.value()] { selection()->selectMany(examples); });
  QMenu* forget = m_selectionsMenu->addMenu(tr("Forget"));
  for (auto at = m_kept.begin(); at != m_kept.end(); ++at)
    forget->addAction(at.key(), this, [this, name = at.key()] { forgetSelection(name); });
}

void MicroscopePanel::addActions(QMenu& menu) {
  fillSelections();
  menu.addActions(m_selectionsMenu->actions());
  menu.addSeparator();
}

QString MicroscopePanel::csv() const {
  std::string text(
      "example,class,draws,clipped_draws,mean_norm,largest_norm,mean_factor,last_loss,last_step,"
      "epsilon_estimate,selections\n");
  for (const Index example : m_model->shown()) {
    const ExampleStatistics& s = m_model->statistics(example);
    text += std::to_string(example) + ',';
    appendText(text, m_model->className(example).toStdString());
    text += ',' + std::to_string(s.draws) + ',' + std::to_string(s.clipped);
    for (const double value : {s.meanNorm, s.largestNorm, s.meanFactor, s.lastLoss}) {
      text += ',';
      if (!std::isnan(value)) appendNumber(text, value);
    }
    text += ',' + std::to_string(s.lastStep) + ',';
    const double epsilon = m_model->number(example, MicroscopeModel::Epsilon);
    if (!std::isnan(epsilon)) appendNumber(text, epsilon);
    text += ',';
    QStringList names;
    for (auto at = m_kept.begin(); at != m_kept.end(); ++at)
      if (std::ranges::binary_search(at.value(), example)) names << at.key();
    appendText(text, names.join(QLatin1Char(';')).toStdString());
    text += '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
