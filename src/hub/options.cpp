#include "hub/options.h"

#include <array>
#include <cstdlib>
#include <initializer_list>

#include "citer/error.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPublicHub = "https://huggingface.co/";

/// The first of these variables that is set and not empty, or "".
std::string variable(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

/// A folder by the first variable that is set; what is put behind its value.
struct FolderRule {
  const char* variable;
  const char* behind;
};

template <std::size_t N>
fs::path folder_by(const std::array<FolderRule, N>& rules) {
  for (const FolderRule& rule : rules) {
    const std::string value = variable({rule.variable});
    if (!value.empty()) return fs::path(value) / rule.behind;
  }
  throw UsageError("no folder to keep models in: set LLAMA_CACHE, HF_HOME or HOME");
}

}  // namespace

HubOptions hub_options_from_environment() {
  constexpr std::array<FolderRule, 6> kModels = {{{"LLAMA_CACHE", ""},
                                                  {"HF_HUB_CACHE", ""},
                                                  {"HUGGINGFACE_HUB_CACHE", ""},
                                                  {"HF_HOME", "hub"},
                                                  {"XDG_CACHE_HOME", "huggingface/hub"},
                                                  {"HOME", ".cache/huggingface/hub"}}};
  constexpr std::array<FolderRule, 3> kFiles = {
      {{"LLAMA_CACHE", ""}, {"XDG_CACHE_HOME", "llama.cpp"}, {"HOME", ".cache/llama.cpp"}}};
  HubOptions options;
  options.endpoint = variable({"MODEL_ENDPOINT", "HF_ENDPOINT"});
  if (options.endpoint.empty()) options.endpoint = kPublicHub;
  if (options.endpoint.back() != '/') options.endpoint += '/';
  options.token = variable({"HF_TOKEN"});
  options.models = folder_by(kModels);
  options.files = folder_by(kFiles);
  return options;
}

}  // namespace citer
