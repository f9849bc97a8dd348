#pragma once

#include <string>
#include <vector>

#include "cli/option_table.h"

namespace citer::cli {

// Scripts that complete commands, flags and the values of flags that take one of a few; other
// values are completed as files.
std::string bash_completion(const std::vector<CommandEntry>& commands);
std::string zsh_completion(const std::vector<CommandEntry>& commands);
std::string fish_completion(const std::vector<CommandEntry>& commands);

}  // namespace citer::cli
