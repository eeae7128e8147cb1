// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stdexcept>
#include <string>

namespace clipscope {

/// Base of everything the engine throws for a cause outside the program. The message is one
/// sentence or two for a person: what is wrong, where (file, line or byte, layer, example,
/// setting), and what to do about it. It ends without a line feed. A NUL that it quotes from
/// somebody's file, at which what() would end, becomes the sign for one.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(withoutNul(message)) {}

 private:
  static std::string withoutNul(std::string message) {
    for (std::size_t at; (at = message.find('\0')) != std::string::npos;)
      message.replace(at, 1, "␀");
    return message;
  }
};

/// A file, folder or stream that cannot be read or written, or whose content is not what it claims.
class FileError : public Error {
 public:
  using Error::Error;
};

/// A model description that names an unknown layer, or whose shapes do not fit.
class SpecError : public Error {
 public:
  using Error::Error;
};

/// A setting of an experiment outside its range. The message begins with the setting's path,
/// for example "clipping.max_grad_norm".
class SettingError : public Error {
 public:
  using Error::Error;
};

/// The requested thing is sound but not something this version can do; the message names it.
class UnsupportedError : public Error {
 public:
  using Error::Error;
};

/// Work that was stopped on request (a cancel or a pause); never shown as a failure.
class Cancelled : public Error {
 public:
  Cancelled() : Error("cancelled") {}
};

}  // namespace clipscope
