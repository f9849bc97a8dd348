#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/stopwatch.h"
#include "citer/generation.h"
#include "citer/policy.h"
#include "citer/types.h"
#include "decode/constraint.h"
#include "decode/llm_side.h"
#include "decode/phase.h"
#include "decode/planner.h"
#include "decode/text_stream.h"
#include "model/passes.h"

namespace citer {

/// One answer to write.
struct DecodeRequest {
  std::vector<Token> prompt;  ///< at least one token
  /// The prompt in the LLM's own tokens, and its constraint, in a pair of different vocabularies;
  /// else empty. Such a pair writes by plain routing alone.
  std::vector<Token> llm_prompt{};
  Constraint llm_constraint{};
  std::size_t llm_room = 0;  ///< tokens that its context holds of a sequence
  /// Tokens to write at most; negative: as many as the context holds; 0: none.
  int max_tokens = -1;
  bool ignore_eog = false;   ///< go on after end-of-generation tokens (for measurements)
  int min_tokens = 0;        ///< go on after those before so many tokens
  bool reuse_prefix = true;  ///< else the slot's caches are dropped before
  SamplingOptions sampling;  ///< its grammar's text is not read: see `constraint`
  Constraint constraint;
  std::vector<std::string> stop;
  std::shared_ptr<const RoutingPolicy> policy;
  double threshold = 0.5;  ///< in [0, 1]
  /// Tokens that may wait for the LLM's decision while the SLM drafts on. 1: none, plain routing;
  /// 0: as many as pay, by measured times and acceptance.
  int pending_limit = 1;
  /// So many of the first tokens are the LLM's, which reads the prompt first; the SLM reads a part
  /// of it between two of them.
  int opening = 0;
  /// The LLM's server reads text: it cannot be asked within a character.
  bool llm_reads_text = false;
  /// The answer fails where the LLM's server does not answer; else the SLM's token stands.
  bool llm_required = false;
  /// Have the LLM decide at the SLM's tokens too, as it reads them.
  bool audit = false;
  /// Tells answers to the same prompt apart: they draw other random numbers.
  std::uint64_t choice = 0;
  /// Instead of a fixed threshold: the share of tokens that the LLM may write, in [0, 1]; the
  /// threshold follows from the policy's calibration and from what was written so far.
  std::optional<double> budget;
  /// Give the prompt's tokens records with logprobs, too.
  bool score_prompt = false;
  std::optional<int> slot{};  ///< to be written in this one; else in any
  /// No policy, threshold or budget was asked for: it need not be routed.
  bool routing_is_free = false;
  /// What the threshold keeps.
  std::optional<Promise> promise{};
  /// The LLM alone writes it since routing would be slower.
  std::optional<PredictedSpeeds> not_routed{};
  /// How thinking is marked in the answer; none: not at all.
  std::optional<Thinking> thinking;
};

/// What is kept of the row that a token was drawn from, for a policy that judges it later.
struct KeptRow {
  std::vector<TokenLogit> likeliest;
  double log_sum = 0.0;

  explicit KeptRow(const RowStats& row)
      : likeliest(row.likeliest.begin(), row.likeliest.end()), log_sum(row.log_sum) {}
  RowStats stats() const { return {.likeliest = likeliest, .log_sum = log_sum}; }
};

/// A token that is not decided: it is pending, or stands behind one that is.
struct Draft {
  TokenRecord record;            ///< as the SLM would write it, or as the LLM is guessed to
  bool pending = false;          ///< the LLM will decide
  bool ends = false;             ///< the answer ends with it
  Guesses guesses{};             ///< of a pending token, where drafts behind it are allowed
  std::optional<KeptRow> row{};  ///< of a pending token that the policy is to judge
};

/// One answer being written. The token sequence is authoritative; both KV caches and the text are
/// derived from it: the caches by ModelContext::forward(), the text by TextStream::push(), which
/// gets decided tokens only. In a pair of different vocabularies the tokens are the SLM's, and the
/// LLM's side is derived from the text.
struct Sequence {
  Sequence(DecodeRequest request, int n_vocab, int n_llm_vocab = 0);

  DecodeRequest request;
  std::uint64_t stream;                     ///< addresses this answer's random numbers
  Phase phase = Phase::kQueued;             ///< changed by enter() alone
  std::vector<Token> tokens;                ///< prompt, answer, drafts
  std::vector<Draft> drafts;                ///< the last tokens, as long as they are not decided
  std::size_t verified = 0;                 ///< tokens at which the LLM has decided, or never will
  std::vector<TokenRecord> records;         ///< one per token of the answer
  std::vector<TokenRecord> prompt_records;  ///< with `score_prompt`, one per token of the prompt
  TextStream text;
  ConstrainedSampler sampler;
  std::optional<LlmSide> llm_side;  ///< in a pair of different vocabularies
  Counters counters;
  std::optional<FinishReason> finish;
  bool slm_stands = false;             ///< the LLM did not answer: the next token is the SLM's own
  std::string llm_fault;               ///< why it did not, the last time
  std::string error;                   ///< with FinishReason::kError
  bool is_request_fault = false;       ///< it comes from what the request asked for
  bool is_llm_fault = false;           ///< it is that the LLM did not answer
  std::optional<double> prompt_score;  ///< the policy's, where it scores prompts, not tokens
  std::chrono::steady_clock::time_point started;
  std::chrono::steady_clock::time_point grown;  ///< at the last token, or at the start
  Stopwatch waits_since;                        ///< of a pending one

  /// Moves to a phase that may follow.
  void enter(Phase next);
  void drop_drafts();
  /// No token will follow; drafts are dropped.
  void end(FinishReason reason);

  /// Since the last token was decided, or since the start.
  double seconds_since_token() const;

  /// Tokens that are decided, prompt included.
  std::size_t decided() const { return tokens.size() - drafts.size(); }
  /// What the LLM is to have read, and how much of it will not be taken back.
  std::span<const Token> llm_tokens() const { return llm_side ? llm_side->tokens : tokens; }
  std::size_t llm_decided() const { return llm_side ? llm_side->tokens.size() : decided(); }
  /// Whether the LLM cannot go on yet, since it would read half a character: the SLM ends it.
  bool is_inside_character() const;
  /// What drawing a token needs of a row, and what scoring it beside that.
  RowForm draw_form() const;
  RowForm draft_form() const;
  /// How a server may draw the LLM's tokens: not where a grammar or a budget of thinking has a say.
  Draw draw() const;
  /// Of the pending tokens, in order.
  std::vector<Guesses> pending() const;
  /// Whether the next token is one of the opening.
  bool opens() const { return written() < static_cast<std::size_t>(request.opening); }
  /// Tokens of the prompt that the SLM is to read before it: as many before each, none before the
  /// first.
  std::size_t opening_part() const {
    return request.prompt.size() * written() / static_cast<std::size_t>(request.opening);
  }
  /// Tokens of the answer, drafts included.
  std::size_t written() const { return tokens.size() - request.prompt.size(); }
  /// Whether the prompt's tokens are still to be scored.
  bool scores_prompt() const {
    return request.score_prompt && prompt_records.size() < request.prompt.size();
  }
  /// Whether nothing can be drafted behind its last token.
  bool is_full() const;
  /// The threshold of the next token: the request's, or what keeps to its budget.
  double threshold() const;
};

/// Hands over what became of an answer, finished or not; all but its id.
Answer to_answer(Sequence& sequence);

}  // namespace citer
