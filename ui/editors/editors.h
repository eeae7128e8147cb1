// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <nlohmann/json.hpp>

class QWidget;

namespace clipscope {

class Controller;
class ModelEditor;

/// Opens the editors of an experiment and hands what they made to the Controller, which asks for
/// the restart that it needs. The editors know neither.
class Editors : public QObject {
  Q_OBJECT

 public:
  /// `window`: what the editors stand in front of.
  Editors(Controller* controller, QWidget* window);

  /// Null until it was opened.
  ModelEditor* modelEditor() const { return m_modelEditor; }

 public slots:
  /// Opens the model editor on the experiment's model, or brings the open one to the front.
  void editModel();

 private:
  void takeModel(const nlohmann::json& spec);
  void showData();

  Controller* m_controller;
  QWidget* m_window;
  ModelEditor* m_modelEditor = nullptr;
};

}  // namespace clipscope
