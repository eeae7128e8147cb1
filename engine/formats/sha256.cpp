// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/sha256.h"

#include <sodium.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "engine/error.h"

namespace clipscope {

struct Sha256::State {
  crypto_hash_sha256_state hash;
};

Sha256::Sha256() : m_state(std::make_unique<State>()) { crypto_hash_sha256_init(&m_state->hash); }
Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes) {
  crypto_hash_sha256_update(&m_state->hash, reinterpret_cast<const unsigned char*>(bytes.data()),
                            bytes.size());
}

void Sha256::add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }

std::string Sha256::hex() {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256_final(&m_state->hash, digest.data());
  std::string text(2 * digest.size() + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
  text.pop_back();
  return text;
}

std::string sha256OfFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(path.string() + ": cannot be read (" + std::strerror(errno) + ")");
  Sha256 hash;
  std::array<char, 65536> buffer;
  while (file) {
    file.read(buffer.data(), buffer.size());
    hash.add(std::string_view(buffer.data(), static_cast<std::size_t>(file.gcount())));
  }
  return hash.hex();
}

}  // namespace clipscope
