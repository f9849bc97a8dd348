#include "cli/served_models.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/field_flags.h"
#include "cli/flags.h"

namespace citer::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kSequences = 4;

/// The flags of one model.
struct EntryFlags {
  EntryFlags() {
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.set_help_flag();
    app.add_option("--alias", aliases)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    generation.add_to(app, "auto");
    generation.add_promise_to(app);
    model.add_to(app);
  }
  EntryFlags(const EntryFlags&) = delete;
  EntryFlags& operator=(const EntryFlags&) = delete;

  CLI::App app;
  std::vector<std::string> aliases;
  GenerationFlags generation;
  ModelFlags model;
};

/// "LINE:COLUMN" of a byte, counted from 1 as the parser does.
std::string place_of(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte > 0 ? byte - 1 : 0, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n');
  const std::size_t column = before.size() - (start == std::string_view::npos ? 0 : start + 1) + 1;
  return fmt::format("{}:{}", line, column);
}

Json parse_file(const std::string& path) {
  const std::string text = read_file(path);
  try {
    std::vector<std::set<std::string>> keys;  // of the objects that are open
    const auto see_twice = [&](int, Json::parse_event_t event, Json& value) {
      using Event = Json::parse_event_t;
      if (event == Event::object_start) keys.emplace_back();
      if (event == Event::object_end) keys.pop_back();
      if (event == Event::key && !keys.back().insert(value.get<std::string>()).second) {
        throw InputError(
            fmt::format("{}: '{}' stands there twice", path, value.get<std::string>()));
      }
      return true;
    };
    return Json::parse(text, see_twice);
  } catch (const Json::parse_error& e) {
    throw InputError(fmt::format("{}:{}: no JSON", path, place_of(text, e.byte)));
  }
}

void check_name(const std::string& place, const std::string& name) {
  const bool is_plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._/:").find(c) != std::string_view::npos;
  });
  if (is_plain) return;
  throw InputError(
      fmt::format("{}: a name is made of letters, digits and - . _ / :, found '{}'", place, name));
}

/// A value as an argument of the command line.
std::string argument_of(const std::string& place, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  throw InputError(fmt::format("{}: expected a text, a number or a list of them, found {}", place,
                               value.type_name()));
}

/// Adds to the arguments what a key and its value stand for.
void add_arguments(const std::string& place, const CLI::Option& option, const std::string& flag,
                   const Json& value, std::vector<std::string>& arguments) {
  const bool is_switch = option.get_items_expected_max() == 0;
  if (is_switch) {
    if (!value.is_boolean()) {
      throw InputError(
          fmt::format("{}: expected true or false, found {}", place, value.type_name()));
    }
    if (value.get<bool>()) arguments.push_back(flag);
    return;
  }
  const Json values = value.is_array() ? value : Json::array({value});
  for (const Json& each : values) arguments.push_back(flag + "=" + argument_of(place, each));
}

void parse_entry(const std::string& place, const Json& entry, EntryFlags& flags) {
  if (!entry.is_object()) {
    throw InputError(
        fmt::format("{}: expected an object of flags, found {}", place, entry.type_name()));
  }
  std::vector<std::string> arguments;
  for (const auto& [key, value] : entry.items()) {
    const std::string flag = "--" + key;
    const CLI::Option* option = flags.app.get_option_no_throw(flag);
    if (option == nullptr) {
      throw InputError(
          fmt::format("{}.{}: no such flag; expected one of citer serve's for models, "
                      "routing and sampling, or alias",
                      place, key));
    }
    add_arguments(fmt::format("{}.{}", place, key), *option, flag, value, arguments);
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    flags.app.parse(std::move(arguments));
  } catch (const CLI::ParseError& e) {
    throw InputError(fmt::format("{}: {}", place, e.what()));
  }
}

ServedModel served_model(const std::string& name, const EntryFlags& flags,
                         const ServedModel& common) {
  ServedModel model = common;
  model.pair = flags.model.pair_or_single_options();
  const int queue_limit = model.service.queue_limit;
  model.service = flags.model.service_options(kSequences);
  model.service.queue_limit = queue_limit;
  model.api.name = name;
  model.api.aliases = flags.aliases;
  model.api.defaults = flags.generation.generation_options();
  model.api.random_seed = flags.app.count("--seed") == 0;
  return model;
}

/// Throws UsageError for what says how a pair is routed.
void check_single(const ServedModel& model) {
  const GenerationOptions& defaults = model.api.defaults;
  const bool is_routed = !defaults.policy.empty() || defaults.threshold || defaults.budget ||
                         defaults.promise || !model.pair.routers.empty();
  if (model.pair.llm.path.empty() && is_routed) {
    throw UsageError(
        "one model alone is not routed: expected both models, or neither router, policy, "
        "threshold, budget nor accuracy");
  }
}

ServedModel read_entry(const std::string& place, const std::string& name, const Json& entry,
                       const ServedModel& common) {
  EntryFlags flags;
  parse_entry(place, entry, flags);
  try {
    ServedModel model = served_model(name, flags, common);
    check_single(model);
    for (const std::string& alias : model.api.aliases) check_name(place + ".alias", alias);
    return model;
  } catch (const FieldError& e) {
    throw InputError(fmt::format("{}: {}", place, flag_text(e)));
  } catch (const Error& e) {
    throw InputError(fmt::format("{}: {}", place, e.what()));
  }
}

}  // namespace

std::vector<ServedModel> read_served_models(const std::string& path, const ServedModel& common) {
  const Json file = parse_file(path);
  if (!file.is_object() || file.empty()) {
    throw InputError(fmt::format("{}: expected an object of models by name, found {}", path,
                                 file.empty() ? "none" : file.type_name()));
  }
  std::vector<ServedModel> models;
  for (const auto& [name, entry] : file.items()) {
    check_name(path, name);
    models.push_back(read_entry(fmt::format("{}: {}", path, name), name, entry, common));
  }
  return models;
}

}  // namespace citer::cli
