#pragma once

// Flags that several commands share, named as llama.cpp's users know them.

#include <string>
#include <vector>

#include "citer/service.h"

namespace CLI {
class App;
}

namespace citer::cli {

/// Name, version, and the versions of libllama and ggml.
std::string version_text();

/// The arguments in CLI11's (reversed) order, with llama.cpp's short flags of several letters
/// ("-ngl", "-md") turned into their long forms.
std::vector<std::string> long_flags(int argc, char** argv);

/// Flags for the two models and their contexts. With no model given, the bundled pair.
class ModelFlags {
 public:
  void add_to(CLI::App& app);
  /// The options as given; loads RPC servers and sets the log level on the way.
  PairOptions pair_options() const;
  /// `parallel`: sequences where -np is not given.
  ServiceOptions service_options(int parallel = 1) const;

 private:
  PairOptions pair_;
  ServiceOptions service_;
  CLI::App* app_ = nullptr;
  std::vector<std::string> rpc_servers_;
  bool no_mmap_ = false;
  bool verbose_ = false;
};

/// Flags for policy, threshold, sampling and stopping.
class GenerationFlags {
 public:
  /// `speculate` is what --speculate is when it is not given.
  void add_to(CLI::App& app, const std::string& speculate = "off");
  GenerationOptions generation_options() const;

 private:
  std::string first_ = "auto";
  std::string speculate_;
  GenerationOptions options_;
  double threshold_ = -1.0;
  double budget_ = -1.0;
  long seed_ = 0;
  CLI::App* app_ = nullptr;
};

/// Path of a file of the bundled pair: in $CITER_MODEL_DIR, where it was installed beside the
/// program, or in the source tree.
std::string bundled_model(const std::string& file);

/// Those of the bundled pair's routers that are there.
std::vector<std::string> bundled_routers();

}  // namespace citer::cli
