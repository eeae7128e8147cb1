// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace clipscope {

/// Files that go into a run's folder: name in the folder ("plots/norms.svg") and bytes.
using Attachments = std::vector<std::pair<std::string, std::string>>;

}  // namespace clipscope
