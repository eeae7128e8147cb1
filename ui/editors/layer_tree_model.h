// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractItemModel>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/model/spec_report.h"
#include "ui/editors/spec_edits.h"

namespace clipscope {

/// A model's spec as a tree: layers, in a residual block its branch's layers and, last, a row for
/// its shortcut. It shows what the SpecReport says of each layer and changes nothing itself: what a
/// drop or a tick asks for it emits.
class LayerTreeModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column { Layer, Name, Output, Parameters, FrozenBox, columnCount_ };
  enum Role { PointerRole = Qt::UserRole, ErrorRole, IsShortcutRole };

  explicit LayerTreeModel(QObject* parent = nullptr);
  ~LayerTreeModel() override;

  void setSpec(const nlohmann::json& spec, const SpecReport& report);
  const nlohmann::json& spec() const { return m_spec; }
  const SpecReport& report() const { return m_report; }

  /// The row of a layer, or of a shortcut ("/layers/2/shortcut"); invalid where there is none.
  QModelIndex indexOf(const std::string& pointer, int column = Layer) const;
  std::string pointerAt(const QModelIndex& index) const;
  /// Where a new layer goes: behind the layer of a row, at the end of a shortcut's row, into a
  /// block that is empty; at the end of the model for no row.
  SpecGap gapBehind(const QModelIndex& index) const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& index) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  Qt::DropActions supportedDropActions() const override { return Qt::MoveAction; }
  QStringList mimeTypes() const override;
  QMimeData* mimeData(const QModelIndexList& indexes) const override;
  bool canDropMimeData(const QMimeData* data, Qt::DropAction action, int row, int column,
                       const QModelIndex& parent) const override;
  bool dropMimeData(const QMimeData* data, Qt::DropAction action, int row, int column,
                    const QModelIndex& parent) override;

 signals:
  void moveRequested(const std::string& layer, const clipscope::SpecGap& gap);
  void freezeRequested(const std::string& layer, bool frozen);

 private:
  struct Node;
  const Node* nodeOf(const QModelIndex& index) const;
  void addLayers(Node& parent, const std::string& list);
  const Node* find(const Node& from, const std::string& pointer) const;
  SpecGap dropGap(int row, const QModelIndex& parent) const;
  /// The layer's name: as the report has it, else as it was given.
  std::string nameOf(const Node& node) const;
  QVariant frozenBox(const Node& node) const;
  QString text(const Node& node, int column) const;

  nlohmann::json m_spec;
  SpecReport m_report;
  std::unique_ptr<Node> m_root;
};

/// What a SpecError says of its layer, without the layer's place in front.
QString reasonOf(const std::string& error);

}  // namespace clipscope
