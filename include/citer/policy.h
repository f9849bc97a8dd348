#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "citer/router.h"
#include "citer/row_stats.h"

namespace citer {

/// What a policy may look at to score the next token of one sequence.
struct PolicyInput {
  RowStats slm{};                       ///< of the SLM's row; with needs().slm
  RowStats llm{};                       ///< of the LLM's; with needs().llm
  std::span<const float> slm_logits{};  ///< [n_vocab]; empty unless needs().logits
  std::span<const float> slm_hidden{};  ///< [n_embd]; empty unless needs().hidden
  std::uint64_t seed = 0;               ///< (seed, stream, position) addresses random numbers
  std::uint64_t stream = 0;
  std::uint64_t position = 0;
};

/// A drafted token that the LLM has read up to.
struct JudgeInput {
  RowStats slm{};  ///< of the row that it was drawn from
  RowStats llm{};  ///< of the LLM's at its place
  Token token = 0;
};

/// What a policy needs of forward passes before it can score. The less, the faster: see RowStats.
struct PolicyNeeds {
  bool slm = true;      ///< a row of the SLM's: its likeliest tokens
  bool sums = false;    ///< its log-sum-exp and entropy
  bool logits = false;  ///< all of it
  bool hidden = false;  ///< the hidden state that it comes from
  bool llm = false;     ///< a row of the LLM's
  /// Tokens are scored by judge(), once the LLM has read up to them: until then all are pending.
  bool judges = false;
  /// The score of an answer's first token holds for the whole answer.
  bool per_prompt = false;
};

/// Gives each token a routing score in [0, 1]: the higher, the surer that the SLM's own token is
/// good enough. The LLM writes the token iff the score is below the threshold. Immutable; may be
/// shared between threads.
class RoutingPolicy {
 public:
  virtual ~RoutingPolicy() = default;
  virtual const std::string& name() const = 0;
  virtual PolicyNeeds needs() const = 0;
  /// The threshold that is used when the user names none.
  virtual double default_threshold() const = 0;
  /// The threshold at which the LLM wrote this share of the tokens when the policy was calibrated;
  /// nothing for a policy that never was.
  virtual std::optional<double> threshold_for_budget(double /*budget*/) const { return {}; }
  /// What is promised of answers that it routes: as asked for, or without that what its router was
  /// made to promise. Nothing where there is none, or no outcomes of validation examples to make it
  /// of. Throws FieldError for parts that are not between 0 and 1.
  virtual std::optional<Promise> promise(const std::optional<PromiseOptions>& /*asked*/) const {
    return {};
  }
  /// Of the validation answers at a threshold: how many there were by the share of the SLM's tokens
  /// where the LLM would have written another, in bins of equal width; empty where it is not known.
  virtual std::vector<std::int64_t> disagreements(double /*threshold*/) const { return {}; }
  /// Scores a batch of sequences: scores[i] belongs to inputs[i].
  virtual void score(std::span<const PolicyInput> inputs, std::span<double> scores) const = 0;
  /// The score of a token that the LLM has read up to, where needs().judges; score() is then a
  /// guess of it.
  virtual double judge(const JudgeInput& /*input*/) const { return 0.0; }
};

/// A policy by its name on the command line:
///   slm        the SLM writes every token
///   llm        the LLM writes every token
///   speculative  the LLM decides every token, the SLM guesses: speculative decoding where pending
///              tokens are allowed (GenerationOptions::pending_tokens)
///   random:P   the LLM writes a share P of the tokens, drawn at random
///   maxprob    score = probability of the SLM's likeliest token
///   margin     score = difference between its two likeliest tokens' probabilities
///   entropy    score = 1 - entropy / log(n_vocab)
///   divergence  score = overlap of both models' distributions, sum_i min(p_i, q_i), 1 less their
///              total variation; over the tokens that RowStats lists
///   ratio      score = what the LLM gives the SLM's token, in units of what it gives its likeliest
///              (the token-specific rule of speculative cascades, Narasimhan et al., arXiv
///              2405.19261)
///   oracle     score = 1 where SLM and LLM agree on the likeliest token, else 0 (runs both models
///              at every token: a bound for studies, not a way to save)
/// divergence and ratio let the LLM read every token, as speculative does, and let the SLM's stand
/// where the LLM would hardly mind: speculative decoding that trades exactness for speed.
/// The learned policies (citer, citer-s, co-llm, query) come from router files instead
/// (PairOptions::routers). Throws UsageError naming the known ones.
std::shared_ptr<const RoutingPolicy> make_policy(const std::string& name);

/// The names make_policy() knows, and the learned ones, for help texts.
const std::vector<std::string>& policy_names();

}  // namespace citer
