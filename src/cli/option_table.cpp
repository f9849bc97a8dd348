#include "cli/option_table.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "cli/flags.h"

namespace citer::cli {

namespace {

/// "a" and "b" of CLI11's "TEXT:{a,b}" and "ENUM:value in {a->0,b->1} OR {0,1}".
std::vector<std::string> choices_of(const std::string& type) {
  const std::size_t begin = type.find('{');
  if (begin == std::string::npos) return {};
  const std::size_t end = type.find('}', begin);
  std::vector<std::string> choices =
      CLI::detail::split(type.substr(begin + 1, end - begin - 1), ',');
  for (std::string& choice : choices) choice = choice.substr(0, choice.find("->"));
  return choices;
}

/// Flags of several letters after one dash, which descriptions begin with ("-ngl: ...").
std::string take_short_flag(std::string& text, const std::vector<std::string>& long_names) {
  const std::size_t colon = text.find(": ");
  if (!text.starts_with('-') || colon == std::string::npos) return "";
  std::string brief = text.substr(0, colon);
  const std::string full = long_flag(brief);
  const bool is_ours = std::any_of(long_names.begin(), long_names.end(),
                                   [&](const auto& name) { return "--" + name == full; });
  if (!is_ours) return "";
  text.erase(0, colon + 2);
  return brief;
}

OptionEntry entry_of(const CLI::Option& option) {
  OptionEntry entry;
  entry.text = option.get_description();
  for (const std::string& name : option.get_snames()) entry.names.push_back("-" + name);
  const std::string brief = take_short_flag(entry.text, option.get_lnames());
  if (!brief.empty()) entry.names.push_back(brief);
  for (const std::string& name : option.get_lnames()) entry.names.push_back("--" + name);
  if (option.get_items_expected_max() == 0) return entry;
  const std::string type = option.get_type_name();
  entry.value = type.substr(0, type.find_first_of(":{ "));
  entry.choices = choices_of(type);
  entry.initial = option.get_default_str();
  return entry;
}

}  // namespace

std::vector<CommandEntry> option_table(const CLI::App& app) {
  std::vector<CommandEntry> commands;
  for (const CLI::App* command :
       app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); })) {
    CommandEntry entry{.name = command->get_name(), .text = command->get_description()};
    for (const CLI::Option* option : command->get_options()) {
      entry.options.push_back(entry_of(*option));
    }
    commands.push_back(std::move(entry));
  }
  return commands;
}

}  // namespace citer::cli
