// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/fuzz/gz.h"

#include <zlib.h>

namespace clipscope::fuzz {

namespace {

constexpr int gzHeader = 16;

Bytef* bytesOf(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

}  // namespace

bool isGz(std::string_view bytes) { return bytes.substr(0, 2) == "\x1f\x8b"; }

std::string packed(std::string_view bytes) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + gzHeader, 8,
               Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = bytesOf(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = bytesOf(out);
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string unpacked(std::string_view bytes, std::size_t most) {
  z_stream stream{};
  inflateInit2(&stream, MAX_WBITS + gzHeader);
  std::string out(most, '\0');
  stream.next_in = bytesOf(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = bytesOf(out);
  stream.avail_out = static_cast<uInt>(most);
  inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

}  // namespace clipscope::fuzz
