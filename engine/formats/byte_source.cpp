// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/byte_source.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/error.h"

namespace clipscope {

struct ByteSource::Gz {
  gzFile file = nullptr;
  ~Gz() {
    if (file) gzclose(file);
  }
};

ByteSource::ByteSource(const std::filesystem::path& path)
    : m_gz(std::make_unique<Gz>()), m_name(path.string()) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status))
    throw FileError(m_name + ": there is no such file; check the path");
  if (std::filesystem::is_directory(status))
    throw FileError(m_name + ": is a folder; name a file in it");
  m_fileSize = static_cast<std::size_t>(std::filesystem::file_size(path, error));
  if (error) m_fileSize = std::size_t{1} << 40;  // a pipe: no bound to be had
  if (m_fileSize == 0) throw FileError(m_name + ": the file is empty");
  m_gz->file = gzopen(path.c_str(), "rb");
  if (!m_gz->file)
    throw FileError(m_name + ": cannot be read (" + std::strerror(errno) +
                    "); check its permissions");
  // As large as is of use: a small file does not need zlib's large buffers.
  gzbuffer(m_gz->file,
           static_cast<unsigned>(std::clamp<std::size_t>(m_fileSize, 1 << 12, 1 << 17)));
  m_compressed = gzdirect(m_gz->file) == 0;
}

ByteSource::~ByteSource() = default;

std::size_t ByteSource::mostLeft() const {
  const std::size_t most = m_compressed ? m_fileSize * 1032 : m_fileSize;
  return most > m_position ? most - m_position : 0;
}

std::size_t ByteSource::read(std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto want = static_cast<unsigned>(std::min<std::size_t>(out.size() - done, 1u << 30));
    const int got = gzread(m_gz->file, out.data() + done, want);
    int code = Z_OK;
    const char* message = gzerror(m_gz->file, &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      // gzread delivers what it could inflate before it reports a file that ends too soon.
      throw FileError(m_name + ": is a damaged .gz file at byte " +
                      std::to_string(m_position + done) + " (" +
                      (code == Z_ERRNO ? std::strerror(errno) : message) + "); fetch it again");
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  m_position += done;
  return done;
}

std::string readText(const std::filesystem::path& path, std::size_t most) {
  ByteSource source(path);
  std::string text;
  std::string piece(1 << 16, '\0');
  for (;;) {
    const std::size_t got =
        source.read(std::as_writable_bytes(std::span(piece.data(), piece.size())));
    if (got == 0) return text;
    if (text.size() + got > most)
      throw FileError(source.name() + ": is larger than " + std::to_string(most >> 20) + " MiB");
    text.append(piece.data(), got);
  }
}

}  // namespace clipscope
