// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/help_window.h"

#include <QKeyEvent>

namespace clipscope {

HelpWindow::HelpWindow(QWidget* parent) : QTextBrowser(parent) {
  setWindowFlag(Qt::Window);
  setObjectName(QStringLiteral("help"));
  setAccessibleName(tr("Help"));
  setWindowTitle(tr("Help — Clipscope"));
  resize(560, 640);
}

void HelpWindow::showKeys(const QList<std::pair<QString, QString>>& keys) {
  QString html = tr(
      "<h2>One DP-SGD step, taken apart</h2>"
      "<p><b>Sample</b> draws a batch. <b>Forward</b> and <b>Backward</b> form every example's own "
      "gradient g<sub>i</sub>; <b>Norms</b> measures it; <b>Clip</b> scales it by its clip factor "
      "f<sub>i</sub>, so that no example adds more than C to the sum. <b>Noise</b> of std σC hides "
      "what one example added; <b>Update</b> divides by the expected batch size and takes the "
      "optimiser's step; <b>Account</b> adds up ε.</p>"
      "<p><b>Space</b> does the next phase, <b>N</b> a whole step, <b>F5</b> runs and pauses; "
      "with <b>Shift</b> phase and step are taken back, bit for bit.</p>"
      "<h3>Questions, and where they are answered</h3>"
      "<table cellspacing=\"6\">"
      "<tr><td><b>Norms</b></td><td>How large are the gradients, and how many does C cut? Drag C "
      "to "
      "try another.</td></tr>"
      "<tr><td><b>Layers</b></td><td>Which tensors is a norm made of?</td></tr>"
      "<tr><td><b>Clip factors</b></td><td>How hard is clipping?</td></tr>"
      "<tr><td><b>Noise</b></td><td>What is left of the signal? Is the noise scaled "
      "right?</td></tr>"
      "<tr><td><b>Compare</b></td><td>What would another clipping do to this batch?</td></tr>"
      "<tr><td><b>Error budget</b></td><td>Which C costs least?</td></tr>"
      "<tr><td><b>History</b></td><td>How did it get here? Drag the cursor to go back.</td></tr>"
      "<tr><td><b>Example</b></td><td>What is it about this one?</td></tr>"
      "</table>"
      "<p>An example selected in one panel is lit in all. In a plot the wheel zooms, dragging "
      "pans, "
      "Shift+drag zooms to a rectangle, Ctrl+drag selects one; arrows pan, + and − zoom, Home "
      "fits. A panel's ⋯ menu exports its picture and its data.</p>"
      "<p>What is shown of single examples is <b>not private</b>: no noise covers it.</p>"
      "<h3>Keys</h3><table cellspacing=\"4\">");
  for (const auto& [text, key] : keys)
    html += QStringLiteral("<tr><td><b>%1</b></td><td>%2</td></tr>")
                .arg(key.toHtmlEscaped(), text.toHtmlEscaped());
  setHtml(html + QStringLiteral("</table>"));
}

void HelpWindow::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Escape)
    close();
  else
    QTextBrowser::keyPressEvent(event);
}

}  // namespace clipscope
