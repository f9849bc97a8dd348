#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "citer/service.h"
#include "learn/branch.h"
#include "task/example.h"

namespace citer {

/// Who goes on from a token.
enum class Continuer {
  kSlm,     ///< the SLM alone, greedily
  kLlm,     ///< the LLM alone; greedily, unless several are written
  kPolicy,  ///< RolloutOptions::policy
};

/// How continuations are written.
struct RolloutOptions {
  std::shared_ptr<const RoutingPolicy> policy;
  double threshold = 0.5;
  int count = 1;             ///< per branch
  double temperature = 0.0;  ///< of several
  std::uint64_t seed = 0;
  int max_tokens = 256;  ///< of the whole answer
  std::vector<std::string> stop{};
};

/// A text that continuations start from: its tokens lie in both caches of `sequence`. Never empty.
struct RolloutText {
  Example example;
  int sequence = 0;
  std::vector<Token> prompt;
  std::optional<Thinking> thinking;  ///< how it is marked in `text`
  std::vector<Token> text;
  bool is_whole = true;    ///< `text` came to its end
  std::vector<Token> slm;  ///< the SLM's likeliest token at each place of `text`
  std::vector<Token> llm;  ///< the LLM's
};

/// "Go on from text[0, position) and `token`".
struct RolloutJob {
  const RolloutText* text = nullptr;
  std::size_t position = 0;
  Token token = 0;
  bool by_llm = false;  ///< who wrote `token`
  Continuer by = Continuer::kPolicy;
};

/// What rollouts took.
struct RolloutCosts {
  std::int64_t continuations = 0;  ///< written; of branches that share one, one
  std::int64_t tokens = 0;         ///< written for them
};

/// Writes all jobs' continuations, as many at once as the service has slots, each forked from the
/// caches of its text. Of greedy ones by one model what jobs have in common is written once: a
/// branch that writes the text's own token follows the text to where the model would leave it.
/// Result: per job, RolloutOptions::count branches, one where the SLM goes on alone.
std::vector<std::vector<Continuation>> run_rollouts(Service& service,
                                                    const std::vector<RolloutJob>& jobs,
                                                    const RolloutOptions& options,
                                                    RolloutCosts& costs);

/// Whole answers to `prompts`, which are tokens; of GenerationOptions::max_tokens as many as the
/// context holds.
std::vector<Answer> write_answers(Service& service, const std::vector<Prompt>& prompts,
                                  const GenerationOptions& options);

}  // namespace citer
