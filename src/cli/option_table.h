#pragma once

// The command line as data: what manual pages and completions are made of.

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace citer::cli {

/// A flag, or what is given without one (then `names` is empty).
struct OptionEntry {
  std::vector<std::string> names{};  ///< as typed, the short ones first
  std::string value{};               ///< kind of its value, such as INT; "": it takes none
  std::vector<std::string> choices{};
  std::string text{};
  std::string initial{};  ///< value where it is not given; "": not said
};

struct CommandEntry {
  std::string name{};
  std::string text{};
  std::vector<OptionEntry> options{};
};

/// Every command but hidden ones, in order.
std::vector<CommandEntry> option_table(const CLI::App& app);

}  // namespace citer::cli
