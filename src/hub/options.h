#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace citer {

/// Where models come from and where they are kept.
struct HubOptions {
  /// URL that the hub's paths follow; ends with '/'.
  std::string endpoint{};
  /// Access token, sent to the endpoint alone; "": none.
  std::string token{};
  /// Folder of the repositories' files, in the layout of the hub's own clients.
  std::filesystem::path models{};
  /// Folder of files that come from URLs.
  std::filesystem::path files{};
  /// Take what the folders have, without any request.
  bool offline = false;
  /// Attempts in a row that may bring nothing, 1 or more.
  int attempts = 5;
  /// Before the second attempt; doubles with each, up to a minute. A server may ask for more.
  std::chrono::milliseconds pause{1000};
};

/// The options that the environment gives, by llama.cpp's variables: MODEL_ENDPOINT or HF_ENDPOINT;
/// HF_TOKEN; LLAMA_CACHE, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME or HOME for
/// the folders (docs/models.md). Throws UsageError where none of these says where to keep files.
HubOptions hub_options_from_environment();

}  // namespace citer
