#pragma once

// Flags that several commands share, named as llama.cpp's users know them.

#include <memory>
#include <string>
#include <vector>

#include "citer/data.h"
#include "citer/service.h"
#include "cli/model_source.h"
#include "cli/placement_flags.h"
#include "remote/options.h"

namespace CLI {
class App;
}

namespace citer::cli {

/// Name, version, and the versions of libllama and ggml.
std::string version_text();

/// The long form of one of llama.cpp's short flags of several letters, or the argument as it is.
std::string long_flag(const std::string& argument);

/// The arguments in CLI11's (reversed) order, with llama.cpp's short flags of several letters
/// ("-ngl", "-md") turned into their long forms.
std::vector<std::string> long_flags(int argc, char** argv);

/// Flags of how prompts are put into the chat format.
class ChatFormatFlags {
 public:
  void add_to(CLI::App& app);
  ChatOptions options() const;

 private:
  ChatOptions options_;
  std::string reasoning_ = "auto";
  std::string effort_ = "default";
};

/// Flags for the two models and their contexts. With no model given, the bundled pair.
class ModelFlags {
 public:
  /// `takes_server`: a server may run the LLM.
  void add_to(CLI::App& app, bool takes_server = false);
  /// The options as given; fetches models, loads RPC servers and sets the log level on the way.
  /// Throws Interrupted.
  PairOptions pair_options() const;
  /// The same where one model alone will do: Pair::is_single().
  PairOptions pair_or_single_options() const;
  /// Whether no model is given.
  bool is_bundled() const { return source_.is_empty(); }
  /// `parallel`: sequences where -np is not given.
  ServiceOptions service_options(int parallel = 1) const;

 private:
  PairOptions common_options() const;
  void finish(PairOptions& options) const;

  PairOptions pair_;
  ChatFormatFlags chat_;
  ServiceOptions service_;
  SourceFlags source_;
  PlacementFlags placement_;
  void add_server_flags(CLI::App& app);
  void set_server(PairOptions& options) const;

  RemoteOptions remote_;
  double llm_timeout_ = 30.0;
  bool takes_server_ = false;
  CLI::App* app_ = nullptr;
  std::vector<std::string> rpc_servers_;
  bool no_mmap_ = false;
  bool verbose_ = false;
};

/// --rpc: workers whose devices are used, too.
void add_rpc_flag(CLI::App& app, std::vector<std::string>& servers);

/// Loads a pair, and says on stderr what its notes say.
std::shared_ptr<const Pair> load_pair(const PairOptions& options);
void print_notes(const Pair& pair);

/// Flags of how tokens are drawn, but for the seed.
void add_sampling_flags(CLI::App& app, SamplingOptions& sampling);
/// Flags of how answers are found in texts and judged.
void add_answer_flags(CLI::App& app, AnswerOptions& answer);
void add_stop_flag(CLI::App& app, std::vector<std::string>& stop);
/// --accuracy and --confidence; a promise is asked for where the first is given.
void add_promise_flags(CLI::App& app, PromiseOptions& promised);

/// Flags for policy, threshold, sampling and stopping.
class GenerationFlags {
 public:
  /// `speculate` is what --speculate is when it is not given.
  void add_to(CLI::App& app, const std::string& speculate = "off");
  /// --accuracy and --confidence, where answers may keep a promise.
  void add_promise_to(CLI::App& app);
  GenerationOptions generation_options() const;

 private:
  PromiseOptions promised_;
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
