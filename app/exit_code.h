// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace clipscope {

/// What the program tells the shell.
enum ExitCode {
  exitOk = 0,
  exitFailed = 1,         ///< a file could not be read or written, a result is out of tolerance
  exitUsage = 2,          ///< a bad option, setting or experiment; something not supported
  exitBroke = 3,          ///< a breakpoint ended the run
  exitInterrupted = 130,  ///< Ctrl-C: the steps done are complete in the folder
};

}  // namespace clipscope
