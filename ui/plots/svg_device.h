// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QBuffer>
#include <QPaintDevice>
#include <QSvgGenerator>
#include <memory>

namespace clipscope {

/// QSvgGenerator that clips. Qt's own forgets the clip, so that what an axis cuts off on the screen
/// would run on over the rest of the picture. Here shapes are cut before they are written:
///
/// * the clip is the bounding rectangle of the painter's clip (plots and widgets have no other);
/// * fills are intersected with it, outlines and lines end at it, images are cropped;
/// * a text is written whole if any of it is inside;
/// * lines of no length are left out: Qt writes them as dots;
/// * images that are enlarged keep their cells sharp, as on the screen.
///
/// One unit is a logical pixel, 1/96 inch.
class SvgDevice : public QPaintDevice {
 public:
  SvgDevice(QSize size, const QString& title, const QString& description);
  ~SvgDevice() override;
  SvgDevice(const SvgDevice&) = delete;
  SvgDevice& operator=(const SvgDevice&) = delete;

  /// The document; after the painter's end().
  const QByteArray& document() const { return m_bytes; }

  QPaintEngine* paintEngine() const override;

 protected:
  int metric(PaintDeviceMetric metric) const override;

 private:
  QSize m_size;
  QByteArray m_bytes;
  QBuffer m_buffer{&m_bytes};
  QSvgGenerator m_generator;
  std::unique_ptr<QPaintEngine> m_engine;
};

}  // namespace clipscope
