// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/layer_tree_model.h"

#include <QMimeData>

#include "engine/model/layers/registry.h"
#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

using nlohmann::json;

namespace {

const QString mimeType = QStringLiteral("application/x-clipscope-layer");

QString titleOf(const std::string& type) {
  for (const LayerKind& kind : layerKinds())
    if (kind.type == type) return QString::fromStdString(kind.title);
  return QString::fromStdString(type);
}

}  // namespace

struct LayerTreeModel::Node {
  std::string pointer;  ///< of the layer, or of the shortcut's list
  bool shortcut = false;
  Node* parent = nullptr;
  int row = 0;
  std::vector<std::unique_ptr<Node>> children;

  Node& add(std::string at, bool isShortcut) {
    children.push_back(std::make_unique<Node>());
    Node& child = *children.back();
    child.pointer = std::move(at);
    child.shortcut = isShortcut;
    child.parent = this;
    child.row = static_cast<int>(children.size()) - 1;
    return child;
  }
};

LayerTreeModel::LayerTreeModel(QObject* parent)
    : QAbstractItemModel(parent), m_spec(json::object()), m_root(std::make_unique<Node>()) {}

LayerTreeModel::~LayerTreeModel() = default;

void LayerTreeModel::setSpec(const json& spec, const SpecReport& report) {
  beginResetModel();
  m_spec = spec;
  m_report = report;
  m_root = std::make_unique<Node>();
  addLayers(*m_root, "/layers");
  endResetModel();
}

void LayerTreeModel::addLayers(Node& parent, const std::string& list) {
  for (int k = 0; k < layersIn(m_spec, list); ++k) {
    const std::string pointer = layerAt({list, k});
    Node& node = parent.add(pointer, false);
    const json& fields = m_spec.at(json::json_pointer(pointer));
    if (!fields.is_object() || fields.value("type", json()) != "residual") continue;
    addLayers(node, pointer + "/layers");
    addLayers(node.add(pointer + "/shortcut", true), pointer + "/shortcut");
  }
}

const LayerTreeModel::Node* LayerTreeModel::nodeOf(const QModelIndex& index) const {
  return index.isValid() ? static_cast<const Node*>(index.constInternalPointer()) : m_root.get();
}

const LayerTreeModel::Node* LayerTreeModel::find(const Node& from,
                                                 const std::string& pointer) const {
  for (const auto& child : from.children) {
    if (child->pointer == pointer) return child.get();
    if (const Node* inner = find(*child, pointer)) return inner;
  }
  return nullptr;
}

QModelIndex LayerTreeModel::indexOf(const std::string& pointer, int column) const {
  const Node* node = find(*m_root, pointer);
  return node ? createIndex(node->row, column, node) : QModelIndex();
}

std::string LayerTreeModel::pointerAt(const QModelIndex& index) const {
  return nodeOf(index)->pointer;
}

SpecGap LayerTreeModel::gapBehind(const QModelIndex& index) const {
  const Node* node = nodeOf(index);
  if (node == m_root.get()) return {"/layers", layersIn(m_spec, "/layers")};
  if (node->shortcut) return {node->pointer, layersIn(m_spec, node->pointer)};
  const std::string branch = node->pointer + "/layers";
  if (!node->children.empty() && layersIn(m_spec, branch) == 0) return {branch, 0};
  const SpecGap before = gapBefore(node->pointer);
  return {before.list, before.index + 1};
}

QModelIndex LayerTreeModel::index(int row, int column, const QModelIndex& parent) const {
  const Node* node = nodeOf(parent);
  if (parent.column() > 0 || row < 0 || column < 0 || column >= columnCount_ ||
      row >= static_cast<int>(node->children.size()))
    return {};
  return createIndex(row, column, node->children[static_cast<std::size_t>(row)].get());
}

QModelIndex LayerTreeModel::parent(const QModelIndex& index) const {
  const Node* above = index.isValid() ? nodeOf(index)->parent : nullptr;
  return above && above != m_root.get() ? createIndex(above->row, 0, above) : QModelIndex();
}

int LayerTreeModel::rowCount(const QModelIndex& parent) const {
  return parent.column() > 0 ? 0 : static_cast<int>(nodeOf(parent)->children.size());
}

int LayerTreeModel::columnCount(const QModelIndex&) const { return columnCount_; }

std::string LayerTreeModel::nameOf(const Node& node) const {
  if (const LayerDescription* line = m_report.at(node.pointer)) return line->name;
  const json& fields = m_spec.at(json::json_pointer(node.pointer));
  return fields.is_object() && fields.contains("name") && fields.at("name").is_string()
             ? fields.at("name").get<std::string>()
             : std::string();
}

QString LayerTreeModel::text(const Node& node, int column) const {
  if (node.shortcut) {
    if (column == Layer) return tr("Shortcut");
    if (column == Output && node.children.empty()) return tr("+ x");
    return {};
  }
  const LayerDescription* line = m_report.at(node.pointer);
  switch (column) {
    case Layer: {
      if (line)
        return QString::fromStdString(line->text) + (line->reuse ? tr(" (again)") : QString());
      const json& fields = m_spec.at(json::json_pointer(node.pointer));
      return titleOf(fields.is_object() && fields.contains("type") && fields.at("type").is_string()
                         ? fields.at("type").get<std::string>()
                         : std::string("?"));
    }
    case Name:
      return QString::fromStdString(nameOf(node));
    case Output:
      return line && line->output.rank() > 0 ? QString::fromStdString(line->output.toString())
                                             : QStringLiteral("–");
    case Parameters:
      return line && line->parameters > 0 ? grouped(line->parameters) : QString();
    default:
      return {};
  }
}

QVariant LayerTreeModel::frozenBox(const Node& node) const {
  if (node.shortcut) return {};
  const LayerDescription* line = m_report.at(node.pointer);
  if (!line || line->parameters == 0 || line->reuse) return {};
  for (const Node* above = node.parent; above; above = above->parent)
    if (!above->shortcut && !above->pointer.empty() &&
        frozenState(m_spec, nameOf(*above)) == Frozen::Yes)
      return Qt::Checked;
  const Frozen state = frozenState(m_spec, line->name);
  return state == Frozen::Yes      ? Qt::Checked
         : state == Frozen::Partly ? Qt::PartiallyChecked
                                   : Qt::Unchecked;
}

QVariant LayerTreeModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const Node& node = *nodeOf(index);
  const bool failed = !node.shortcut && !m_report.sound() && m_report.errorPath == node.pointer;
  switch (role) {
    case Qt::DisplayRole:
      return index.column() == FrozenBox ? QVariant() : QVariant(text(node, index.column()));
    case Qt::CheckStateRole:
      return index.column() == FrozenBox ? frozenBox(node) : QVariant();
    case Qt::TextAlignmentRole:
      return QVariant(Qt::AlignVCenter |
                      (index.column() == Output || index.column() == Parameters ? Qt::AlignRight
                                                                                : Qt::AlignLeft));
    case Qt::ForegroundRole:
      if (failed) return Theme::current().threshold;
      return index.column() == Layer && !node.shortcut ? QVariant()
                                                       : QVariant(Theme::current().dim);
    case Qt::ToolTipRole:
      if (failed) return QString::fromStdString(m_report.error);
      if (index.column() == FrozenBox && !frozenBox(node).isNull())
        return tr("Frozen: its parameters have no gradient and are not trained");
      if (node.shortcut)
        return tr("What is added to the branch: the input itself, or what these layers make of it");
      return text(node, index.column());
    case PointerRole:
      return QString::fromStdString(node.pointer);
    case IsShortcutRole:
      return node.shortcut;
    case ErrorRole:
      return failed ? QVariant(reasonOf(m_report.error)) : QVariant();
    default:
      return {};
  }
}

bool LayerTreeModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  if (role != Qt::CheckStateRole || !(flags(index) & Qt::ItemIsUserCheckable)) return false;
  emit freezeRequested(nodeOf(index)->pointer, value.toInt() == Qt::Checked);
  return true;
}

QVariant LayerTreeModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (role == Qt::TextAlignmentRole)
    return QVariant(Qt::AlignVCenter |
                    (section == Output || section == Parameters ? Qt::AlignRight : Qt::AlignLeft));
  if (role != Qt::DisplayRole) return {};
  const QString titles[] = {tr("Layer"), tr("Name"), tr("Output"), tr("Parameters"), tr("Frozen")};
  return titles[section];
}

Qt::ItemFlags LayerTreeModel::flags(const QModelIndex& index) const {
  if (!index.isValid()) return Qt::ItemIsDropEnabled;
  const Node& node = *nodeOf(index);
  Qt::ItemFlags flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable;
  if (!node.shortcut) flags |= Qt::ItemIsDragEnabled;
  // Into a block or its shortcut; between the rows of any list in any case.
  if (node.shortcut || !node.children.empty()) flags |= Qt::ItemIsDropEnabled;
  if (index.column() == FrozenBox && !frozenBox(node).isNull()) {
    // What the block around it froze is thawed there.
    const bool byBlock =
        frozenBox(node).toInt() == Qt::Checked && frozenState(m_spec, nameOf(node)) != Frozen::Yes;
    if (!byBlock) flags |= Qt::ItemIsUserCheckable;
  }
  return flags;
}

QStringList LayerTreeModel::mimeTypes() const { return {mimeType}; }

QMimeData* LayerTreeModel::mimeData(const QModelIndexList& indexes) const {
  if (indexes.isEmpty()) return nullptr;
  auto* data = new QMimeData;
  data->setData(mimeType, QByteArray::fromStdString(pointerAt(indexes.front())));
  return data;
}

SpecGap LayerTreeModel::dropGap(int row, const QModelIndex& parent) const {
  const Node* node = nodeOf(parent);
  if (node == m_root.get())
    return {"/layers", row < 0 ? static_cast<int>(node->children.size()) : row};
  const std::string list = node->shortcut ? node->pointer : node->pointer + "/layers";
  // Behind the shortcut's own row there is only the branch's end.
  const int most = layersIn(m_spec, list);
  return {list, row < 0 ? most : std::min(row, most)};
}

bool LayerTreeModel::canDropMimeData(const QMimeData* data, Qt::DropAction action, int row, int,
                                     const QModelIndex& parent) const {
  if (action != Qt::MoveAction || !data->hasFormat(mimeType)) return false;
  const std::string layer = data->data(mimeType).toStdString();
  const SpecGap gap = dropGap(row, parent);
  return find(*m_root, layer) && gap.list != layer && gap.list.rfind(layer + "/", 0) != 0;
}

bool LayerTreeModel::dropMimeData(const QMimeData* data, Qt::DropAction action, int row, int column,
                                  const QModelIndex& parent) {
  if (!canDropMimeData(data, action, row, column, parent)) return false;
  emit moveRequested(data->data(mimeType).toStdString(), dropGap(row, parent));
  return true;
}

QString reasonOf(const std::string& error) {
  const QString text = QString::fromStdString(error);
  const auto end = text.indexOf(QLatin1String("): "));
  return text.startsWith(QLatin1String("model, layer")) && end > 0 ? text.mid(end + 3) : text;
}

}  // namespace clipscope
