#pragma once

// Where the two models come from: files, a hub or a URL.

#include <string>

#include "citer/pair.h"
#include "hub/options.h"

namespace CLI {
class App;
}

namespace citer::cli {

/// Flags that name the two models.
class SourceFlags {
 public:
  void add_to(CLI::App& app);
  /// The address of the server that runs the LLM; "": it is a file.
  std::string llm_address() const;
  /// Sets the SLM's path as fetch() does; false where it is not named.
  bool fetch_slm(PairOptions& options) const;
  /// Whether no model is named.
  bool is_empty() const { return !llm_.is_named() && !slm_.is_named(); }
  /// Sets both models' paths, fetching what is missing, with a bar on stderr. False where no model
  /// is named. Throws UsageError when only one is, what fetch_model() throws, and Interrupted.
  bool fetch(PairOptions& options) const;
  /// Whether one model alone is named, and whether it is the one that else would be the LLM.
  bool is_one() const { return llm_.is_named() != slm_.is_named(); }
  bool is_llm_alone() const { return llm_.is_named() && !slm_.is_named(); }
  /// The path of the one model that is named, fetched likewise.
  std::string fetch_one() const { return locate(is_llm_alone() ? llm_ : slm_); }

 private:
  struct Source {
    std::string path;
    std::string repository;
    std::string file;
    std::string url;

    bool is_named() const { return !path.empty() || !repository.empty() || !url.empty(); }
  };
  std::string locate(const Source& source) const;
  HubOptions hub_options() const;

  Source llm_;
  Source slm_;
  std::string token_;
  bool offline_ = false;
};

}  // namespace citer::cli
