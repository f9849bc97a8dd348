#pragma once

// Models from a hub that speaks the Hugging Face API, and files from URLs, kept where llama.cpp
// keeps them, so that both share them (docs/models.md).

#include <filesystem>
#include <optional>
#include <string>

#include "citer/progress.h"
#include "hub/options.h"

namespace citer {

/// A model on a hub.
struct HubModel {
  std::string repository{};    ///< "user/name"
  std::string quantisation{};  ///< "": Q4_K_M, else Q8_0, else the first GGUF file
  std::string file{};          ///< path in the repository, instead of a quantisation
};

/// Of "user/name" or "user/name:quantisation". Throws UsageError for another text.
HubModel parse_hub_model(const std::string& text);

/// The path of the model's first (mostly only) file in the cache; what is missing is fetched. Where
/// the hub cannot be reached, what the cache has is taken, and a note says so. Nothing when the
/// watcher ended it; what came is kept. Throws InputError (no such model, or not in the cache and
/// offline; damaged) or ResourceError (the hub fails, the disk is full).
std::optional<std::filesystem::path> fetch_model(const HubModel& model, const HubOptions& options,
                                                 const Watcher& watcher);

/// The same of a file at a URL; of a GGUF that is split (-00001-of-00003.gguf) all its parts. What
/// the cache has is fetched again when the server's entity tag is another.
std::optional<std::filesystem::path> fetch_url(const std::string& url, const HubOptions& options,
                                               const Watcher& watcher);

}  // namespace citer
