// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>

namespace clipscope {

/// Starts the window, with a file to open or with the default experiment. Returns the exit code.
int runWindow(int argc, char** argv, const std::optional<std::filesystem::path>& open);

}  // namespace clipscope
