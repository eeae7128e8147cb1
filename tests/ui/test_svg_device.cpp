// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/plots/svg_device.h"

#include <QPainter>
#include <QPainterPath>
#include <QRandomGenerator>
#include <QSvgRenderer>
#include <QTest>
#include <functional>

using namespace clipscope;

namespace {

const QSize size(240, 180);
const QRect inner(60, 40, 120, 90);

using Scene = std::function<void(QPainter&)>;

QByteArray document(const Scene& scene) {
  SvgDevice device(size, "title", "description");
  QPainter painter;
  painter.begin(&device);
  scene(painter);
  painter.end();
  return device.document();
}

QImage blank() {
  QImage image(size, QImage::Format_RGB32);
  image.fill(Qt::white);
  return image;
}

QImage throughSvg(const Scene& scene) {
  QImage image = blank();
  QPainter painter(&image);
  QSvgRenderer(document(scene)).render(&painter);
  return image;
}

/// Qt's raster engine clips by itself.
QImage directly(const Scene& scene) {
  QImage image = blank();
  QPainter painter(&image);
  painter.setRenderHint(QPainter::Antialiasing);  // as QSvgRenderer does
  scene(painter);
  return image;
}

int inkOutside(const QImage& image, const QRect& rect) {
  int count = 0;
  for (int y = 0; y < image.height(); ++y)
    for (int x = 0; x < image.width(); ++x)
      if (!rect.contains(x, y) && image.pixelColor(x, y) != QColor(Qt::white)) ++count;
  return count;
}

int ink(const QImage& image) { return inkOutside(image, QRect()); }

/// Dark pixels of one that have no inked one beside them in the other: engines smooth differently.
int missing(const QImage& from, const QImage& in) {
  int count = 0;
  for (int y = 1; y < from.height() - 1; ++y)
    for (int x = 1; x < from.width() - 1; ++x) {
      if (qGray(from.pixel(x, y)) > 100) continue;
      bool found = false;
      for (int dy = -1; dy <= 1 && !found; ++dy)
        for (int dx = -1; dx <= 1 && !found; ++dx) found = qGray(in.pixel(x + dx, y + dy)) < 200;
      count += !found;
    }
  return count;
}

int differing(const QImage& a, const QImage& b) { return missing(a, b) + missing(b, a); }

void drawLines(QPainter& p) {
  QRandomGenerator random(7);
  for (int k = 0; k < 60; ++k)
    p.drawLine(QPointF(random.bounded(240.0), random.bounded(180.0)),
               QPointF(random.bounded(240.0), random.bounded(180.0)));
  p.drawLine(0, 80, 240, 80);
  p.drawLine(100, 0, 100, 180);
  p.drawLine(QPointF(0, 20), QPointF(240, 20));
}

void drawPolyline(QPainter& p) {
  QPolygonF line;
  for (int k = 0; k <= 60; ++k)
    line.append(QPointF(4.0 * k, 90 + 80 * std::sin(0.5 * k) * (k % 3 ? 1 : 0.4)));
  p.drawPolyline(line);
}

void drawFills(QPainter& p) {
  p.setBrush(QColor(40, 90, 200));
  p.drawRect(20, 20, 60, 60);
  p.drawRect(QRectF(170.5, 100.5, 60, 20));
  p.drawRect(90, 60, 20, 20);
  p.drawEllipse(QPointF(120, 130), 40, 20);
  QPainterPath star;
  star.moveTo(180, 20);
  star.lineTo(230, 120);
  star.lineTo(110, 60);
  star.closeSubpath();
  p.drawPath(star);
  p.drawPolygon(QPolygonF({{40, 100}, {90, 170}, {20, 170}}));
}

void drawImages(QPainter& p) {
  QImage image(8, 8, QImage::Format_RGB32);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) image.setPixel(x, y, (x + y) % 2 ? 0xff000000 : 0xff3366cc);
  p.drawImage(QRectF(20, 20, 80, 80), image);
  p.drawPixmap(QRectF(120, 80, 80, 80), QPixmap::fromImage(image), QRectF(0, 0, 8, 8));
}

}  // namespace

class TestSvgDevice : public QObject {
  Q_OBJECT

 private slots:
  void clips_data();
  void clips();
  void theClipFollowsTheTransform();
  void textsAndPoints();
  void linesOfNoLength();
};

void TestSvgDevice::clips_data() {
  QTest::addColumn<int>("which");
  QTest::newRow("lines") << 0;
  QTest::newRow("polyline") << 1;
  QTest::newRow("fills") << 2;
  QTest::newRow("images") << 3;
}

void TestSvgDevice::clips() {
  QFETCH(int, which);
  const Scene shapes[] = {drawLines, drawPolyline, drawFills, drawImages};
  const Scene scene = shapes[which];
  const Scene clipped = [&](QPainter& p) {
    p.setClipRect(inner);
    scene(p);
  };
  // Uncut it runs over the edge, so there is something to cut.
  QVERIFY(inkOutside(throughSvg(scene), inner) > 100);
  QVERIFY(differing(throughSvg(scene), directly(scene)) < 10);
  const QImage cut = throughSvg(clipped);
  // The square ends of a pen may stand beyond the edge.
  QCOMPARE(inkOutside(cut, inner.adjusted(-2, -2, 2, 2)), 0);
  QVERIFY(ink(cut) > ink(directly(clipped)) * 8 / 10);
  QVERIFY(differing(cut, directly(scene)) > 100);
  QVERIFY(differing(cut, directly(clipped)) < 10);
  // And what comes after the clip is whole again.
  const QImage after = throughSvg([&](QPainter& p) {
    p.save();
    p.setClipRect(inner);
    scene(p);
    p.restore();
    p.fillRect(0, 0, 30, 10, Qt::black);
  });
  QCOMPARE(after.pixelColor(15, 5), QColor(Qt::black));
}

void TestSvgDevice::theClipFollowsTheTransform() {
  const Scene scene = [](QPainter& p) {
    p.translate(50, 30);
    p.setClipRect(0, 0, 40, 40);
    p.fillRect(-20, -20, 200, 200, Qt::black);
    p.translate(10, 10);
    p.fillRect(-20, -20, 200, 200, Qt::black);
  };
  QCOMPARE(throughSvg(scene), directly(scene));
  QCOMPARE(inkOutside(throughSvg(scene), QRect(50, 30, 40, 40)), 0);
  QCOMPARE(ink(throughSvg(scene)), 1600);
}

void TestSvgDevice::textsAndPoints() {
  const QByteArray svg = document([](QPainter& p) {
    p.setClipRect(inner);
    p.drawText(QPointF(70, 60), "inside");
    p.drawText(QPointF(50, 90), "partly");
    p.drawText(QPointF(5, 20), "outside");
  });
  QVERIFY(svg.contains("<text") && svg.contains("inside") && svg.contains("partly"));
  QVERIFY(!svg.contains("outside"));
  QVERIFY(svg.contains("title") && svg.contains("description"));
  const Scene points = [](QPainter& p) {
    p.setPen(QPen(Qt::black, 4));
    p.setClipRect(inner);
    p.drawPoint(QPointF(100, 80));
    p.drawPoint(QPointF(20, 20));
  };
  QVERIFY(throughSvg(points).pixelColor(100, 80) != QColor(Qt::white));
  QCOMPARE(throughSvg(points).pixelColor(20, 20), QColor(Qt::white));
}

void TestSvgDevice::linesOfNoLength() {
  const Scene dots = [](QPainter& p) {
    p.drawLine(QPointF(100, 80), QPointF(100, 80));
    p.drawLine(QPoint(30, 30), QPoint(30, 30));
  };
  QCOMPARE(ink(throughSvg(dots)), 0);
}

QTEST_MAIN(TestSvgDevice)
#include "test_svg_device.moc"
