#pragma once

#include <string>
#include <vector>

#include "cli/option_table.h"

namespace citer::cli {

/// The manual page citer(1), about all commands.
std::string main_page(const std::string& text, const std::vector<CommandEntry>& commands);
/// The manual page citer-COMMAND(1).
std::string command_page(const CommandEntry& command);

}  // namespace citer::cli
