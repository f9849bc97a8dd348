// Slots saved to files and restored, as llama-server has it.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/stopwatch.h"
#include "engine/slot_file.h"
#include "serve/api.h"
#include "serve/api_error.h"
#include "serve/json_fields.h"

namespace citer {

namespace {

constexpr int kInternalError = 500;
constexpr int kNotImplemented = 501;
constexpr std::size_t kLongestName = 128;
constexpr double kMilliseconds = 1e3;

bool is_name_char(char c) {
  constexpr std::string_view kOthers = "._-";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

/// Names that stay in their folder, whatever the system makes of others.
std::string parse_file_name(const Fields& fields) {
  std::string name = fields.needed_string("filename");
  const bool is_plain = name.front() != '.' && name.size() <= kLongestName &&
                        std::all_of(name.begin(), name.end(), is_name_char);
  if (is_plain) return name;
  throw bad_field("filename",
                  fmt::format("expected at most {} letters, digits, '.', '_' and '-', the first no "
                              "'.'",
                              kLongestName));
}

/// The number behind the path's last /.
int slot_of(std::string_view path) {
  const std::string_view text = path.substr(path.rfind('/') + 1);
  int slot = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slot);
  if (error == std::errc() && end == text.data() + text.size()) return slot;
  throw bad_field("id_slot", fmt::format("expected a number, found '{}'", text));
}

/// An error of a file without its path, which is the server's business.
std::string without_path(const std::string& what, const std::filesystem::path& path) {
  const std::string before = path.string() + ": ";
  return what.starts_with(before) ? what.substr(before.size()) : what;
}

Json content_json(int slot, const SlotContent& content) {
  return {
      {"id_slot", slot}, {"slm_tokens", content.slm_tokens}, {"llm_tokens", content.llm_tokens}};
}

std::size_t tokens_of(const SlotContent& content) {
  return std::max(content.slm_tokens, content.llm_tokens);
}

HttpReply erase(Service& service, int slot) {
  const SlotContent content = erase_slot(service, slot);
  Json reply = content_json(slot, content);
  reply["n_erased"] = tokens_of(content);
  return json_reply(reply);
}

/// Saves a slot, or restores it; the reply's names are llama-server's.
HttpReply with_file(Service& service, int slot, const std::filesystem::path& path, bool saves) {
  const Stopwatch watch;
  const SlotContent content = (saves ? save_slot : restore_slot)(service, slot, path);
  Json reply = content_json(slot, content);
  reply["filename"] = path.filename().string();
  reply[saves ? "n_saved" : "n_restored"] = tokens_of(content);
  reply[saves ? "n_written" : "n_read"] = content.bytes;
  reply["timings"] = {{saves ? "save_ms" : "restore_ms", kMilliseconds * watch.seconds()}};
  return json_reply(reply);
}

}  // namespace

HttpReply Api::slot_action(const HttpRequest& request) {
  const int slot = slot_of(request.path);
  if (options_.slot_folder.empty()) {
    throw ApiError(kNotImplemented, "this server was started without a folder to save slots in",
                   "not_implemented");
  }
  const Json body = request.body.empty() ? Json::object() : parse_body(request.body);
  const Fields fields(body);
  for (const char* name : {"model", "filename"}) fields.find(name);
  fields.refuse_others();
  if (request.action == "erase") return erase(service_, slot);
  if (request.action != "save" && request.action != "restore") {
    throw bad_field("action",
                    fmt::format("expected save, restore or erase, found '{}'", request.action));
  }
  const std::filesystem::path path =
      std::filesystem::path(options_.slot_folder) / parse_file_name(fields);
  try {
    return with_file(service_, slot, path, request.action == "save");
  } catch (const InputError& e) {
    throw bad_field("filename", without_path(e.what(), path));
  } catch (const ResourceError& e) {
    throw ApiError(kInternalError, without_path(e.what(), path), "slot_failed", "filename");
  }
}

}  // namespace citer
