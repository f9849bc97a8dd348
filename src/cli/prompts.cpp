#include "cli/prompts.h"

#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "citer/error.h"

namespace citer::cli {

namespace {

using nlohmann::json;

[[noreturn]] void wrong(const std::string& expected, const json& found) {
  throw InputError(fmt::format("expected {}, found {}", expected, found.type_name()));
}

/// Null stands for a field that is not there.
const json* find_field(const json& object, const char* name) {
  const auto field = object.find(name);
  return field == object.end() || field->is_null() ? nullptr : &*field;
}

std::string text_field(const json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end())
    throw InputError(fmt::format("expected a field '{}', found none", name));
  if (!field->is_string()) wrong(fmt::format("text in '{}'", name), *field);
  return field->get<std::string>();
}

std::string id_of(const json& object, int line) {
  const json* id = find_field(object, "id");
  if (id == nullptr) return std::to_string(line);
  if (id->is_string()) return id->get<std::string>();
  if (id->is_number_integer()) return id->dump();
  wrong("text or an integer in 'id'", *id);
}

Prompt parse_prompt(std::string_view text, int line) {
  json object;
  try {
    object = json::parse(text);
  } catch (const json::parse_error& e) {
    throw InputError(fmt::format("malformed JSON at byte {}", e.byte));
  } catch (const json::out_of_range&) {
    throw InputError("malformed JSON: a number is out of range");
  }
  if (!object.is_object()) wrong("a JSON object", object);
  Prompt prompt;
  prompt.id = id_of(object, line);
  const json* messages = find_field(object, "messages");
  if (messages == nullptr) {
    prompt.text = text_field(object, "prompt");
    return prompt;
  }
  if (!messages->is_array() || messages->empty()) {
    wrong("a non-empty list in 'messages'", *messages);
  }
  for (const json& message : *messages) {
    if (!message.is_object()) wrong("an object in 'messages'", message);
    prompt.messages.push_back({text_field(message, "role"), text_field(message, "content")});
  }
  return prompt;
}

}  // namespace

std::vector<Prompt> read_prompts(const std::string& path) {
  std::vector<Prompt> prompts;
  std::map<std::string, int> lines;  // by id
  for_each_line(path, [&](std::string_view text, int line) {
    if (text.find_first_not_of(" \t") == std::string_view::npos) return;
    try {
      Prompt prompt = parse_prompt(text, line);
      const auto [seen, is_new] = lines.emplace(prompt.id, line);
      if (!is_new) {
        throw InputError(
            fmt::format("id '{}' was used in line {} already", prompt.id, seen->second));
      }
      prompts.push_back(std::move(prompt));
    } catch (const InputError& e) {
      throw InputError(fmt::format("{}:{}: {}", path, line, e.what()));
    }
  });
  if (prompts.empty()) throw InputError(fmt::format("{}: no prompts in it", path));
  return prompts;
}

}  // namespace citer::cli
