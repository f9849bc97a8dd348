#pragma once

// The engine: a pair of models, loaded and ready to write answers together.
//
// Who owns what: the Engine owns both models, their KV caches and the decoder. Prompts and
// callbacks belong to the caller and must outlive the call of generate(). Threads: one thread at a
// time may call an Engine. Callbacks run on that thread, between steps.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "citer/model_options.h"
#include "citer/policy.h"
#include "citer/types.h"

namespace citer {

struct EngineOptions {
  ModelOptions slm;
  ModelOptions llm;
  ContextOptions context;
  /// Jinja chat template to use instead of the SLM's own; "" for the model's own.
  std::string chat_template_file;
  /// Router files, each for a policy of its own.
  std::vector<std::string> routers;
  /// Whether the SLM drafts on while the LLM verifies: on, off, or auto (where the two are on
  /// different devices).
  std::string overlap = "auto";
};

/// How answers are written; the same for all prompts of one generate().
struct GenerationOptions {
  /// Routing policy: a router's, or as make_policy() names it. "": citer if there is a router for
  /// it, else maxprob.
  std::string policy;
  /// The LLM writes a token iff its score is below; in [0, 1]. Unset: the policy's default.
  std::optional<double> threshold;
  /// Instead of a threshold: the share of tokens that the LLM may write, in [0, 1], by the
  /// calibration of the policy's router.
  std::optional<double> budget;
  /// Speculative routing: tokens that may wait for the LLM's decision while the SLM drafts on. The
  /// text is the same. 1: none, plain routing; 0: as many as pay, by measured times and acceptance.
  int pending_tokens = 1;
  /// Ask the LLM about the SLM's tokens too, as it reads them: TokenRecord::llm_agrees.
  bool audit = false;
  /// Tokens to write at most; <= 0: as many as the context holds.
  int max_tokens = -1;
  /// Go on after end-of-generation tokens.
  bool ignore_eog = false;
  /// Strings that end an answer; they are not part of the text.
  std::vector<std::string> stop;
  SamplingOptions sampling;
};

/// A plain prompt, or a conversation for the chat template (then `text` is empty).
struct Prompt {
  std::string id;
  std::string text;
  std::vector<ChatMessage> messages;
};

struct Answer {
  std::string id;
  std::string text;
  std::vector<TokenRecord> tokens;  ///< the last may be an end-of-generation token
  /// If it was asked for: one per token of the prompt, with the logprobs that routing gives it; the
  /// first, which follows nothing, has none.
  std::vector<TokenRecord> prompt;
  FinishReason finish = FinishReason::kLength;
  int prompt_tokens = 0;
  Counters counters;
  double threshold = 0.0;  ///< the one that was used
  double seconds = 0.0;    ///< from the start of its prefill to its last token
  /// About what the LLM alone would have taken, by the times of its passes; 0: not known.
  double llm_alone_seconds = 0.0;
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
};

/// Called as answers grow. `index` is the prompt's place in the span given to generate().
struct GenerationCallbacks {
  std::function<void(std::size_t index, const TextPiece&)> on_text;
  std::function<void(std::size_t index, Answer)> on_answer;
  /// Asked between steps; true ends generate() and hands out the answers begun, as far as they got.
  std::function<bool()> should_stop;
};

class Engine {
 public:
  /// Loads both models. Throws InputError (a file is missing, damaged or no model; the two are not
  /// a pair) or ResourceError (does not fit), naming the file.
  explicit Engine(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Throws what generate() throws before any work: UsageError names the prompt that is empty or
  /// does not fit the context.
  void check(std::span<const Prompt> prompts, const GenerationOptions& options);

  /// Writes one answer per prompt, several at once (ContextOptions::sequences). Answers come in the
  /// order they finish; their texts do not depend on how many run at once, but for the last digits
  /// of batched arithmetic. All prompts are checked before any work, as check() says.
  void generate(std::span<const Prompt> prompts, const GenerationOptions& options,
                const GenerationCallbacks& callbacks);

  /// Seconds of one pass of a model that reads the last `tokens` tokens of the last answer: the
  /// median of three. nullopt while the last answer, prompt included, has no more tokens than that.
  std::optional<double> measure_pass_seconds(Writer model, int tokens);

  /// Drops all caches: answers that follow do not depend, not even in the last digit, on what was
  /// written before.
  void reset();

  /// The policy that generate() would use for GenerationOptions::policy. Throws UsageError.
  std::shared_ptr<const RoutingPolicy> policy(const std::string& name) const;

  /// The routers of EngineOptions::routers, in their order.
  std::vector<RouterFacts> router_facts() const;

  /// For each token of an answer to `prompt`: whether it is the LLM's likeliest one at its place.
  /// One LLM pass, drops the caches of one sequence.
  std::vector<bool> audit(const Prompt& prompt, const Answer& answer);

  /// Passes of all answers so far, a pass that several answers shared counted once.
  const Counters& totals() const;

  /// What the models are, e.g. for cost accounting.
  ModelFacts slm_facts() const;
  ModelFacts llm_facts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace citer
