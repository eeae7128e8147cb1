// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/help_window.h"

#include <QKeyEvent>
#include <QScrollBar>
#include <QUrl>

namespace clipscope {

HelpWindow::HelpWindow(QWidget* parent) : QTextBrowser(parent) {
  setWindowFlag(Qt::Window);
  setObjectName(QStringLiteral("help"));
  setAccessibleName(tr("Help"));
  setWindowTitle(tr("Help — Clipscope"));
  resize(640, 760);
}

void HelpWindow::tell(const std::vector<TourPage>& pages, Index step,
                      const QList<std::pair<QString, QString>>& keys) {
  const int at = verticalScrollBar()->value();
  QString html = step > 0 ? tr("<h2>Step %1, phase by phase</h2>").arg(step)
                          : tr("<h2>One DP-SGD step, taken apart</h2>");
  int pictures = 0;
  for (const TourPage& page : pages) {
    html += QStringLiteral("<h3>%1</h3><p>%2</p>")
                .arg(QString::fromUtf8(phaseName(page.phase).data()), page.told);
    if (!page.formula.isEmpty()) html += QStringLiteral("<p><b>%1</b></p>").arg(page.formula);
    html += page.result.isEmpty() ? tr("<p><i>Not done yet: press Space in the window.</i></p>")
                                  : QStringLiteral("<p>%1</p>").arg(page.result.toHtmlEscaped());
    for (const QImage& picture : page.pictures) {
      const QUrl name(QStringLiteral("picture:%1").arg(pictures++));
      document()->addResource(QTextDocument::ImageResource, name, picture);
      html += QStringLiteral("<p><img src='%1' width='%2'></p>")
                  .arg(name.toString())
                  .arg(picture.width() / picture.devicePixelRatio());
    }
  }
  html += tr(
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
      "<tr><td><b>Microscope</b></td><td>Which examples and classes are clipped most, over the "
      "run?</td></tr>"
      "<tr><td><b>Geometry</b></td><td>Does what is released still point where the gradients "
      "do?</td></tr>"
      "<tr><td><b>Privacy, Planner</b></td><td>What did it cost, and what would another plan?"
      "</td></tr>"
      "<tr><td><b>Lanes</b></td><td>What would other settings have made of the whole run? Is it "
      "clipping or noise that costs?</td></tr>"
      "<tr><td><b>Lint</b></td><td>What is mis-set?</td></tr>"
      "<tr><td><b>Breakpoints</b></td><td>Stop where something happens.</td></tr>"
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
  verticalScrollBar()->setValue(at);
}

void HelpWindow::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Escape)
    close();
  else
    QTextBrowser::keyPressEvent(event);
}

}  // namespace clipscope
