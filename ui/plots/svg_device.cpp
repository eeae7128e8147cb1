// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/plots/svg_device.h"

#include <QPaintEngine>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <cmath>
#include <optional>

namespace clipscope {

namespace {

/// The part of a line inside a rectangle, if any of it is (Liang and Barsky 1984).
std::optional<QLineF> insideOf(const QRectF& rect, const QLineF& line) {
  double from = 0, to = 1;
  const auto cut = [&](double speed, double room) {
    if (speed == 0) return room >= 0;
    const double at = room / speed;
    if (speed < 0)
      from = std::max(from, at);
    else
      to = std::min(to, at);
    return from <= to;
  };
  if (!cut(-line.dx(), line.x1() - rect.left()) || !cut(line.dx(), rect.right() - line.x1()) ||
      !cut(-line.dy(), line.y1() - rect.top()) || !cut(line.dy(), rect.bottom() - line.y1()))
    return std::nullopt;
  return QLineF(line.pointAt(from), line.pointAt(to));
}

/// Hands everything on to a painter on the generator, cut to the clip.
class ClippingEngine : public QPaintEngine {
 public:
  explicit ClippingEngine(QPaintDevice* target) : QPaintEngine(AllFeatures), m_target(target) {}

  bool begin(QPaintDevice*) override { return m_out.begin(m_target); }
  bool end() override { return m_out.end(); }
  Type type() const override { return User; }

  void updateState(const QPaintEngineState& state) override {
    const DirtyFlags dirty = state.state();
    if (dirty & DirtyTransform) m_out.setTransform(state.transform());
    if (dirty & DirtyPen) m_out.setPen(state.pen());
    if (dirty & DirtyBrush) m_out.setBrush(state.brush());
    if (dirty & DirtyBrushOrigin) m_out.setBrushOrigin(state.brushOrigin());
    if (dirty & DirtyFont) m_out.setFont(state.font());
    if (dirty & DirtyOpacity) m_out.setOpacity(state.opacity());
    if (dirty & DirtyHints) m_out.setRenderHints(state.renderHints());
  }

  void drawLines(const QLineF* lines, int count) override {
    for (int k = 0; k < count; ++k) addLine(lines[k]);
  }
  void drawLines(const QLine* lines, int count) override {
    for (int k = 0; k < count; ++k) addLine(lines[k]);
  }

  void drawRects(const QRectF* rects, int count) override {
    for (int k = 0; k < count; ++k) {
      if (isInside(rects[k])) {
        m_out.drawRect(rects[k]);
        continue;
      }
      QPainterPath path;
      path.addRect(rects[k]);
      addCut(path);
    }
  }
  void drawRects(const QRect* rects, int count) override {
    for (int k = 0; k < count; ++k) {
      const QRectF rect = rects[k];
      drawRects(&rect, 1);
    }
  }

  void drawPolygon(const QPointF* points, int count, PolygonDrawMode mode) override {
    const QPolygonF polygon(QList<QPointF>(points, points + count));
    const bool inside = isInside(polygon.boundingRect());
    if (mode == PolylineMode) {
      if (inside)
        m_out.drawPolyline(polygon);
      else
        addOutline(polygon);
      return;
    }
    QPainterPath path;
    path.setFillRule(mode == WindingMode ? Qt::WindingFill : Qt::OddEvenFill);
    path.addPolygon(polygon);
    path.closeSubpath();
    if (inside)
      m_out.drawPath(path);
    else
      addCut(path);
  }
  void drawPolygon(const QPoint* points, int count, PolygonDrawMode mode) override {
    QPolygonF polygon;
    for (int k = 0; k < count; ++k) polygon.append(points[k]);
    drawPolygon(polygon.constData(), count, mode);
  }

  void drawPath(const QPainterPath& path) override {
    if (isInside(path.boundingRect()))
      m_out.drawPath(path);
    else
      addCut(path);
  }

  void drawPoints(const QPointF* points, int count) override {
    for (int k = 0; k < count; ++k)
      if (!isClipped() || clip().contains(points[k])) m_out.drawPoint(points[k]);
  }
  void drawPoints(const QPoint* points, int count) override {
    for (int k = 0; k < count; ++k) {
      const QPointF point = points[k];
      drawPoints(&point, 1);
    }
  }

  void drawPixmap(const QRectF& target, const QPixmap& pixmap, const QRectF& source) override {
    drawImage(target, pixmap.toImage(), source, Qt::AutoColor);
  }
  void drawImage(const QRectF& target, const QImage& image, const QRectF& source,
                 Qt::ImageConversionFlags flags) override {
    const QRectF shown = isClipped() ? target & clip() : target;
    if (shown.isEmpty()) return;
    const double sx = source.width() / target.width(), sy = source.height() / target.height();
    const QRectF part(source.x() + (shown.x() - target.x()) * sx,
                      source.y() + (shown.y() - target.y()) * sy, shown.width() * sx,
                      shown.height() * sy);
    // Viewers smooth an image that they enlarge; its cells stay cells where it is large already.
    const auto times = [](double to, double from) {
      return from > 0 ? std::clamp(static_cast<int>(std::ceil(2 * to / from)), 1, 64) : 1;
    };
    const int tx = times(shown.width(), part.width()), ty = times(shown.height(), part.height());
    if (painter()->testRenderHint(QPainter::SmoothPixmapTransform) || (tx <= 2 && ty <= 2)) {
      m_out.drawImage(shown, image, part, flags);
      return;
    }
    m_out.drawImage(shown, image.scaled(image.width() * tx, image.height() * ty),
                    QRectF(part.x() * tx, part.y() * ty, part.width() * tx, part.height() * ty),
                    flags);
  }

  void drawTextItem(const QPointF& point, const QTextItem& item) override {
    const QRectF box(point.x(), point.y() - item.ascent(), item.width(),
                     item.ascent() + item.descent());
    if (!isClipped() || clip().intersects(box)) m_out.drawTextItem(point, item);
  }

 private:
  bool isClipped() const { return painter()->hasClipping(); }
  QRectF clip() const { return painter()->clipBoundingRect(); }
  bool isInside(const QRectF& box) const { return !isClipped() || clip().contains(box); }

  void addLine(const QLineF& line) {
    const std::optional<QLineF> shown = isClipped() ? insideOf(clip(), line) : line;
    if (shown && !shown->isNull()) m_out.drawLine(*shown);
  }

  /// A line through points; what is inside in a row stays one line, so that its joins, and the
  /// dashes of its pen, stay.
  void addOutline(const QPolygonF& points) {
    const QRectF rect = clip();
    QPolygonF run;
    const auto finish = [&] {
      if (run.size() > 1) m_out.drawPolyline(run);
      run.clear();
    };
    for (qsizetype k = 1; k < points.size(); ++k) {
      const QLineF line(points[k - 1], points[k]);
      const std::optional<QLineF> shown = insideOf(rect, line);
      if (!shown || shown->isNull()) {
        if (!shown) finish();
        continue;
      }
      if (run.isEmpty() || run.last() != shown->p1()) {
        finish();
        run.append(shown->p1());
      }
      run.append(shown->p2());
      if (shown->p2() != line.p2()) finish();
    }
    finish();
  }

  /// A shape of which some lies outside: its fill and its outline are cut apart, so that the cut
  /// itself is not stroked.
  void addCut(const QPainterPath& path) {
    if (m_out.brush().style() != Qt::NoBrush) {
      QPainterPath window;
      window.addRect(clip());
      const QPen pen = m_out.pen();
      m_out.setPen(Qt::NoPen);
      if (const QPainterPath shown = path.intersected(window); !shown.isEmpty())
        m_out.drawPath(shown);
      m_out.setPen(pen);
    }
    if (m_out.pen().style() == Qt::NoPen) return;
    const QBrush brush = m_out.brush();
    m_out.setBrush(Qt::NoBrush);
    for (const QPolygonF& outline : path.toSubpathPolygons()) addOutline(outline);
    m_out.setBrush(brush);
  }

  QPaintDevice* m_target;
  QPainter m_out;
};

}  // namespace

SvgDevice::SvgDevice(QSize size, const QString& title, const QString& description) : m_size(size) {
  m_buffer.open(QIODevice::WriteOnly);
  m_generator.setOutputDevice(&m_buffer);
  m_generator.setResolution(96);
  m_generator.setSize(size);
  m_generator.setViewBox(QRect(QPoint(), size));
  m_generator.setTitle(title);
  m_generator.setDescription(description);
  m_engine = std::make_unique<ClippingEngine>(&m_generator);
}

SvgDevice::~SvgDevice() = default;

QPaintEngine* SvgDevice::paintEngine() const { return m_engine.get(); }

int SvgDevice::metric(PaintDeviceMetric metric) const {
  constexpr int dpi = 96;
  switch (metric) {
    case PdmWidth:
      return m_size.width();
    case PdmHeight:
      return m_size.height();
    case PdmWidthMM:
      return qRound(m_size.width() * 25.4 / dpi);
    case PdmHeightMM:
      return qRound(m_size.height() * 25.4 / dpi);
    case PdmNumColors:
      return 0x7fffffff;
    case PdmDepth:
      return 32;
    case PdmDpiX:
    case PdmDpiY:
    case PdmPhysicalDpiX:
    case PdmPhysicalDpiY:
      return dpi;
    case PdmDevicePixelRatio:
      return 1;
    case PdmDevicePixelRatioScaled:
      return qRound(devicePixelRatioFScale());
  }
  return 0;
}

}  // namespace clipscope
