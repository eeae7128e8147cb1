// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/atomic_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "engine/error.h"

namespace clipscope {

namespace {
constexpr std::size_t bufferSize = 1 << 16;
}

AtomicFile::AtomicFile(std::filesystem::path path) : m_path(std::move(path)) {
  m_temporary = m_path.string() + ".XXXXXX";
  m_descriptor = mkstemp(m_temporary.data());
  if (m_descriptor < 0) {
    m_temporary.clear();
    fail("cannot be created", errno);
  }
  // mkstemp makes private files; a result is an ordinary one.
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(m_descriptor, 0666 & ~mask);
}

AtomicFile::~AtomicFile() {
  if (m_descriptor >= 0) close(m_descriptor);
  if (!m_temporary.empty()) unlink(m_temporary.c_str());
}

void AtomicFile::fail(const char* what, int error) {
  throw FileError(m_path.string() + ": " + what + " (" + std::strerror(error) +
                  "); choose another folder or make room");
}

void AtomicFile::write(std::string_view bytes) {
  m_buffer += bytes;
  if (m_buffer.size() >= bufferSize) drain();
}

void AtomicFile::drain() {
  std::size_t done = 0;
  while (done < m_buffer.size()) {
    const ssize_t written = ::write(m_descriptor, m_buffer.data() + done, m_buffer.size() - done);
    if (written < 0) {
      if (errno == EINTR) continue;
      fail("cannot be written", errno);
    }
    done += static_cast<std::size_t>(written);
  }
  m_buffer.clear();
}

void AtomicFile::flush() { drain(); }

void AtomicFile::commit() {
  drain();
  if (fsync(m_descriptor) != 0 && errno != EINVAL) fail("cannot be written", errno);
  const int closed = close(m_descriptor);
  m_descriptor = -1;
  if (closed != 0) fail("cannot be written", errno);
  if (rename(m_temporary.c_str(), m_path.c_str()) != 0) fail("cannot be put in place", errno);
  m_temporary.clear();
}

void writeFileAtomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace clipscope
