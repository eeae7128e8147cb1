// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "engine/error.h"

/// What libFuzzer calls, and the replay of the corpus: one input. Throws where a property is
/// broken.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace clipscope::fuzz {

/// A promise of a header that an input has broken.
class Broken : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

inline void expect(bool holds, std::string_view promise) {
  if (!holds) throw Broken("broken: " + std::string(promise));
}

/// Runs `body`; false where it refused the input with one of the `Allowed` errors. Whatever else is
/// thrown goes through: what a header does not name must not be thrown.
template <class... Allowed, class Body>
bool accepts(Body&& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    const std::string_view message = error.what();
    expect((... || (dynamic_cast<const Allowed*>(&error) != nullptr)),
           "which errors are thrown: " + std::string(message));
    expect(!message.empty() && message.back() != '\n', "a message without a line feed at its end");
    return false;
  }
}

}  // namespace clipscope::fuzz
