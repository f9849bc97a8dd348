#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace citer::cli {

namespace {

/// With a backslash before each of the `special` characters.
std::string escaped(const std::string& text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

/// As one word in single quotes, for a POSIX shell.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string names_of(const std::vector<CommandEntry>& commands) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const CommandEntry& command : commands) names.push_back(command.name);
  return fmt::to_string(fmt::join(names, " "));
}

std::string zsh_option(const OptionEntry& option, const std::string& name) {
  // In "--name[text]:value:action" these would end a part.
  const std::string text = escaped(option.text, "[]:\\");
  if (option.value.empty()) return quoted(fmt::format("*{}[{}]", name, text));
  const std::string action =
      option.choices.empty() ? "_files" : fmt::format("({})", fmt::join(option.choices, " "));
  if (name.empty()) return quoted(fmt::format("*:{}:{}", option.value, action));
  return quoted(fmt::format("*{}[{}]:{}:{}", name, text, option.value, action));
}

/// "-s p -o md -l prompt": fish tells flags of one letter from those of several after one dash.
std::string fish_names(const OptionEntry& option) {
  std::string flags;
  for (const std::string& name : option.names) {
    if (name.starts_with("--")) {
      flags += " -l " + name.substr(2);
    } else {
      flags += (name.size() == 2 ? " -s " : " -o ") + name.substr(1);
    }
  }
  return flags;
}

std::string fish_value(const OptionEntry& option) {
  if (option.value.empty()) return "";
  if (option.choices.empty()) return " -r";
  return fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
}

/// As one word in single quotes, for fish.
std::string fish_quoted(const std::string& text) { return "'" + escaped(text, "'\\") + "'"; }

}  // namespace

std::string bash_completion(const std::vector<CommandEntry>& commands) {
  std::string values;
  std::string flags;
  for (const CommandEntry& command : commands) {
    flags += "    " + command.name + ") words='";
    for (const OptionEntry& option : command.options) {
      for (const std::string& name : option.names) {
        flags += name + " ";
        if (option.choices.empty()) continue;
        values += fmt::format("    '{} {}') words='{}' ;;\n", command.name, name,
                              fmt::join(option.choices, " "));
      }
    }
    flags += "' ;;\n";
  }
  return fmt::format(
      "_citer() {{\n"
      "  local words='' word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}}\n"
      "  case \"$command ${{COMP_WORDS[COMP_CWORD - 1]}}\" in\n{}  esac\n"
      "  if [ \"$COMP_CWORD\" = 1 ]; then words='{}'\n"
      "  elif [ -z \"$words\" ] && [[ $word == -* ]]; then\n"
      "    case $command in\n{}    esac\n  fi\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}}\n"
      "complete -o default -F _citer citer\n",
      values, names_of(commands), flags);
}

std::string zsh_completion(const std::vector<CommandEntry>& commands) {
  std::string list;
  std::string cases;
  for (const CommandEntry& command : commands) {
    list += " " + quoted(command.name + ":" + escaped(command.text, ":\\"));
    cases += "    " + command.name + ") _arguments";
    for (const OptionEntry& option : command.options) {
      if (option.names.empty()) cases += " " + zsh_option(option, "");
      for (const std::string& name : option.names) cases += " " + zsh_option(option, name);
    }
    cases += " ;;\n";
  }
  return fmt::format(
      "#compdef citer\n"
      "_citer() {{\n"
      "  local -a commands=({})\n"
      "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  local command=$words[2]\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $command in\n{}  esac\n}}\n"
      "_citer \"$@\"\n",
      list, cases);
}

std::string fish_completion(const std::vector<CommandEntry>& commands) {
  std::string script;
  for (const CommandEntry& command : commands) {
    script += fmt::format("complete -c citer -n __fish_use_subcommand -f -a {} -d {}\n",
                          command.name, fish_quoted(command.text));
    for (const OptionEntry& option : command.options) {
      if (option.names.empty()) continue;
      script += fmt::format("complete -c citer -n '__fish_seen_subcommand_from {}'{}{} -d {}\n",
                            command.name, fish_names(option), fish_value(option),
                            fish_quoted(option.text));
    }
  }
  return script;
}

}  // namespace citer::cli
