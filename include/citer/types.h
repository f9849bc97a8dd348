#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace citer {

/// Index into a vocabulary.
using Token = std::int32_t;

/// Which model wrote a token.
enum class Writer { kSlm, kLlm };

/// "slm" or "llm".
const char* to_string(Writer writer);

/// A stretch of text by one writer.
struct TextPiece {
  std::string text;
  Writer writer = Writer::kSlm;
};

/// One turn of a conversation.
struct ChatMessage {
  std::string role;  ///< "system", "user", "assistant"
  std::string content;
};

/// How a next token is drawn from a model's logits. Applied in the order bias, penalties, grammar,
/// top-k, top-p, min-p, temperature, as llama.cpp does.
struct SamplingOptions {
  /// 0 is greedy; above, logits are divided by it. Range [0, inf).
  double temperature = 0.0;
  /// Keep the k likeliest tokens; 0 keeps all.
  int top_k = 40;
  /// Keep the likeliest tokens that together reach this probability. Range (0, 1]; 1 keeps all.
  double top_p = 0.95;
  /// Keep tokens at least this times as likely as the likeliest. Range [0, 1]; 0 keeps all.
  double min_p = 0.05;
  /// Divides (positive) or multiplies (negative) the logits of recent tokens. 1 is off; > 0.
  double repeat_penalty = 1.0;
  /// How many of the last tokens the penalties look at; 0 turns them off.
  int repeat_last_n = 64;
  /// Subtracted from a recent token's logit, times its count. 0 is off.
  double frequency_penalty = 0.0;
  /// Subtracted from a recent token's logit once. 0 is off.
  double presence_penalty = 0.0;
  /// Draws are addressed by (seed, prompt, position, token): the same seed and prompt give the same
  /// text, alone or in a batch.
  std::uint64_t seed = 0;
  /// Added to single tokens' logits; -infinity bans one.
  std::vector<std::pair<Token, float>> logit_bias{};
  /// GBNF grammar (llama.cpp's) that the answer must match from its rule `root`; "" for none.
  std::string grammar{};
  /// How many of the likeliest tokens TokenRecord::logprobs lists; negative: no logprobs at all.
  int top_logprobs = -1;
};

/// Log-probabilities at one token's place, of its writer's distribution before bias, penalties,
/// grammar and temperature.
struct TokenLogprobs {
  float logprob = 0.0F;                        ///< of the token itself
  std::vector<std::pair<Token, float>> top{};  ///< likeliest first
};

/// One generated token, as it was decided.
struct TokenRecord {
  Token id = 0;
  /// The token's bytes; a character may span several tokens.
  std::string piece;
  Writer writer = Writer::kSlm;
  /// Routing score in [0, 1]: the policy's probability that the SLM's token is good enough.
  double score = 0.0;
  /// Wall-clock time since the answer's previous token (for the first: since its start), in
  /// seconds.
  double seconds = 0.0;
  /// This token's share of the SLM's and the LLM's forward passes, in seconds.
  double slm_seconds = 0.0;
  double llm_seconds = 0.0;
  /// Where both models drew a token: whether they agree. Of a token of the SLM's (audit) whether
  /// the LLM would have written the same, of one of the LLM's whether the SLM would have.
  std::optional<bool> llm_agrees;
  /// Of a token of the LLM's: whether drafts behind it, if there were any, could stand.
  bool guessed = false;
  /// The SLM's token stands where the LLM's was wanted: its server did not answer.
  bool unanswered = false;
  /// If SamplingOptions::top_logprobs asked for them.
  std::optional<TokenLogprobs> logprobs;
};

/// What an answer cost. Counters only; ratios are computed where they are shown.
struct Counters {
  std::int64_t slm_tokens = 0;  ///< generated tokens that the SLM wrote
  std::int64_t llm_tokens = 0;  ///< generated tokens that the LLM wrote
  /// Tokens of its own vocabulary that the LLM drew to write them: as many, but in a pair of
  /// different vocabularies, where slm_tokens and llm_tokens count tokens of the SLM's.
  std::int64_t llm_own_tokens = 0;
  std::int64_t slm_passes = 0;       ///< SLM forward passes that took part in the answer
  std::int64_t llm_passes = 0;       ///< LLM forward passes that took part in the answer
  std::int64_t slm_positions = 0;    ///< tokens the SLM evaluated, prompt included
  std::int64_t llm_positions = 0;    ///< tokens the LLM evaluated, prompt and catch-up included
  std::int64_t slm_cache_reads = 0;  ///< cached tokens the SLM attended to, summed over passes
  std::int64_t llm_cache_reads = 0;  ///< cached tokens the LLM attended to, summed over passes
  std::int64_t accepted = 0;         ///< tokens where the LLM's decision was the SLM's guess
  std::int64_t rejected = 0;         ///< tokens where it was another
  std::int64_t dropped = 0;          ///< drafts behind a rejected guess
  std::int64_t unanswered = 0;       ///< tokens of the SLM's where the LLM's server did not answer
  double slm_seconds = 0.0;          ///< share of the SLM's forward passes
  double llm_seconds = 0.0;          ///< share of the LLM's forward passes
  double router_seconds = 0.0;       ///< share of the scoring
  double sampling_seconds = 0.0;     ///< of drawing tokens from logits

  std::int64_t tokens() const { return slm_tokens + llm_tokens; }
  Counters& operator+=(const Counters& other);
  Counters& operator-=(const Counters& other);
};

enum class FinishReason {
  kEndOfGeneration,  ///< an end-of-generation token was written
  kStopString,       ///< one of the stop strings appeared; the text ends before it
  kLength,           ///< the token limit or the end of the context was reached
  kError,            ///< a model failed, or what the answer must match broke a bound
};

/// "stop" or "length", as the OpenAI API names them, or "error".
const char* to_string(FinishReason reason);

}  // namespace citer
