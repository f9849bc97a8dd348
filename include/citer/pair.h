#pragma once

// A pair of models, loaded and checked to belong together.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "citer/generation.h"
#include "citer/model_options.h"
#include "citer/policy.h"
#include "citer/router.h"

namespace citer {

class LlmServer;  // internal

struct PairOptions {
  ModelOptions slm{};
  /// Without a path there is one model alone, the `slm`: Pair::is_single().
  ModelOptions llm{};
  /// A server that runs the LLM, in place of `llm`.
  std::shared_ptr<LlmServer> llm_server{};
  ChatOptions chat{};
  /// Router files, each for a policy of its own.
  std::vector<std::string> routers{};
};

/// What is known of a loaded model.
struct ModelFacts {
  std::string path;
  std::string description;                  ///< e.g. "llama 1.7B Q8_0"
  std::uint64_t parameters = 0;             ///< number of weights
  std::uint64_t bytes = 0;                  ///< size of the weights
  std::uint64_t cache_bytes_per_token = 0;  ///< keys and values of one token
  int n_embd = 0;                           ///< width of a hidden state
};

/// What is known of a loaded router.
struct RouterFacts {
  std::string policy;
  std::string path;
  std::string fingerprint;  ///< tells files apart: 16 hexadecimal digits
  /// How the prompts it learned from were formatted; "": not known.
  std::string chat_format{};
  /// Of examples held out in training, by rising score; empty: not known.
  std::vector<ReliabilityBin> reliability{};
};

class Model;           // internal
class Vocab;           // internal
class ChatFormat;      // internal
struct DecodeRequest;  // internal

/// Both models, their vocabulary, the chat format, and the policies that may be asked for by name.
/// Immutable; any thread may use it, and services share it.
class Pair {
 public:
  /// Loads both models. Throws InputError (a file is missing, damaged or no model; the two are not
  /// a pair), ResourceError (does not fit), naming the file, or UsageError (chat options).
  explicit Pair(const PairOptions& options);
  ~Pair();
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  /// Whether there is one model alone, which writes every token: slm() and llm() are the same, and
  /// `slm` is the one policy there is.
  bool is_single() const;

  /// Whether both models have one vocabulary. Else the LLM reads and writes the answer's text in
  /// its own tokens, and the pair is for plain routing alone (docs/pairs.md).
  bool has_one_vocabulary() const;
  /// Throws InputError naming both files and `what` cannot be done, unless they have.
  void require_one_vocabulary(const std::string& what) const;

  /// What a user should know of this pair: differences that were let through. A line each.
  const std::vector<std::string>& notes() const;

  /// The prompt as tokens, with how thinking is marked in the answer to it: one function for every
  /// door. Where there is a chat template a text is put in it, as what the user says, unless it or
  /// the pair is raw. Control tokens are read as such, but for those in what others than the
  /// assistant say in it. Throws InputError: a conversation without a template, or that it refuses.
  Prompt read(const Prompt& prompt) const;
  std::vector<Token> tokenize(const Prompt& prompt) const { return read(prompt).tokens; }

  /// The policy of GenerationOptions::own_policy or ::policy; "" is citer where there is a router
  /// for it, else maxprob (of one model alone: slm). Throws UsageError for a name that is not
  /// known.
  std::shared_ptr<const RoutingPolicy> policy(const GenerationOptions& options) const;
  std::shared_ptr<const RoutingPolicy> policy(const std::string& name) const;
  /// The routers of PairOptions::routers, in their order.
  const std::vector<RouterFacts>& router_facts() const;

  const std::shared_ptr<Model>& slm() const;
  /// Null where a server runs the LLM.
  const std::shared_ptr<Model>& llm() const;
  /// Null where it runs in this process.
  const std::shared_ptr<LlmServer>& llm_server() const;
  /// What the server tells of it. With llm_server().
  const ModelFacts& llm_server_facts() const;
  /// The tokens that both models know, or else the SLM's: those of answers.
  const Vocab& vocab() const;
  const ChatFormat& chat_format() const;

  /// Throws UsageError "grammar: LINE:COLUMN: ..." for a GBNF grammar that is malformed or breaks a
  /// bound.
  void check_grammar(const std::string& gbnf) const;

  /// A request as the decoder takes it: policy and threshold looked up, prompt tokenised. Throws
  /// UsageError naming what is wrong, or takes one vocabulary where there are two.
  DecodeRequest resolve(const Request& request) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The promise that answers are to keep: the one that is asked for, or the policy's own where
/// neither threshold nor budget is given. Throws UsageError where one is given beside what is asked
/// for, where its parts are not between 0 and 1, or where the policy knows no outcomes of
/// validation examples.
std::optional<Promise> choose_promise(const RoutingPolicy& policy,
                                      const GenerationOptions& options);

/// The threshold that a threshold, a budget or a promise stands for; the policy's default where
/// none is given. Throws UsageError when several are, when a budget is outside [0, 1], or for a
/// budget where the policy has no calibration; and as choose_promise() does.
double choose_threshold(const RoutingPolicy& policy, const GenerationOptions& options);

}  // namespace citer
