#include "cli/man_page.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace citer::cli {

namespace {

using Definitions = std::vector<std::pair<std::string, std::string>>;

/// Text as roff takes it; "-" is a minus, which can be copied.
std::string roff(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  const bool would_be_a_request = escaped.starts_with('.') || escaped.starts_with('\'');
  return would_be_a_request ? "\\&" + escaped : escaped;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

std::string head(const std::string& name, const std::string& text) {
  return fmt::format(".TH {} 1 \"\" \"citer {}\" \"citer\"\n.SH NAME\n{} \\- {}\n", name,
                     CITER_VERSION, roff(name), roff(text));
}

std::string section(const std::string& title, const Definitions& definitions) {
  std::string page = ".SH " + title + "\n";
  for (const auto& [term, text] : definitions) {
    page += fmt::format(".TP\n{}\n{}\n", term, roff(text));
  }
  return page;
}

std::pair<std::string, std::string> definition(const OptionEntry& option) {
  std::vector<std::string> names(option.names.size());
  std::transform(option.names.begin(), option.names.end(), names.begin(), bold);
  std::string term = fmt::format("{}", fmt::join(names, ", "));
  if (!option.value.empty()) {
    const std::string value = option.choices.empty()
                                  ? italic(option.value)
                                  : roff(fmt::to_string(fmt::join(option.choices, "|")));
    term += (term.empty() ? "" : " ") + value;
  }
  std::string text = option.text;
  if (!option.initial.empty()) text += fmt::format(" [{}]", option.initial);
  return {term, text};
}

}  // namespace

std::string main_page(const std::string& text, const std::vector<CommandEntry>& commands) {
  Definitions list;
  for (const CommandEntry& command : commands) {
    list.emplace_back(bold(command.name), command.text + ": citer-" + command.name + "(1)");
  }
  return head("citer", "token-level routing between a small and a large language model") +
         ".SH SYNOPSIS\n.B citer\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n" +
         roff(text) + "\n" + section("COMMANDS", list) +
         section("ENVIRONMENT", {{bold("CITER_MODEL_DIR"), "Folder of the bundled pair"},
                                 {bold("CITER_BACKEND_DIR"), "Folder of ggml's backends"}}) +
         section("EXIT STATUS", {{"0", "All went well"},
                                 {"1", "An input or a resource was at fault; stderr says which"},
                                 {"2", "The command line was at fault"},
                                 {"130", "Interrupted"}});
}

std::string command_page(const CommandEntry& command) {
  Definitions options;
  for (const OptionEntry& option : command.options) options.push_back(definition(option));
  return head("citer-" + command.name, command.text) + ".SH SYNOPSIS\n.B citer " +
         roff(command.name) + "\n[\\fIOPTIONS\\fR]\n" + section("OPTIONS", options) +
         ".SH SEE ALSO\n.BR citer (1)\n";
}

}  // namespace citer::cli
