#pragma once

// What is written and how: prompts, options, answers.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "citer/policy.h"
#include "citer/types.h"

namespace citer {

/// How answers are written.
struct GenerationOptions {
  /// Routing policy: a router's, or as make_policy() names it. "": citer if there is a router for
  /// it, else maxprob; and where no threshold or budget is given either, the LLM alone writes an
  /// answer that routing would make slower (ServiceOptions::by_times; Answer::not_routed).
  std::string policy{};
  /// A policy of one's own, instead of a name.
  std::shared_ptr<const RoutingPolicy> own_policy{};
  /// The LLM writes a token iff its score is below; in [0, 1]. Unset: the policy's default.
  std::optional<double> threshold{};
  /// Instead of a threshold: the share of tokens that the LLM may write, in [0, 1], by the
  /// calibration of the policy's router and by what each answer has spent so far.
  std::optional<double> budget{};
  /// Instead of a threshold: what is to be promised of the answers. The threshold is the cheapest
  /// that keeps it by the validation examples of the policy's router; where none does, the LLM
  /// alone writes (Answer::promise says which).
  std::optional<PromiseOptions> promise{};
  /// Speculative routing: tokens that may wait for the LLM's decision while the SLM drafts on. The
  /// text is the same. 1: none, plain routing; 0: as many as pay, by measured times and acceptance.
  int pending_tokens = 1;
  /// Which model reads the prompt first and so writes the first tokens; the other reads it in parts
  /// meanwhile, or when it is needed. Unset: the LLM, unless it is so much larger than the SLM that
  /// reading with both hardly takes longer than reading with it.
  std::optional<Writer> first{};
  /// Where the LLM is at a server that does not answer in time: the answer fails. Else the SLM's
  /// token stands (Counters::unanswered).
  bool llm_required = false;
  /// Compare the SLM's tokens with the LLM's own, as it catches up: TokenRecord::llm_agrees.
  bool audit = false;
  /// Tokens to write at most; negative: as many as the context holds; 0: none.
  int max_tokens = -1;
  /// Tokens of thinking at most, where the chat template shows between which tags a model thinks;
  /// then the closing tag comes. Negative: any number.
  int reasoning_budget = -1;
  /// Go on after end-of-generation tokens.
  bool ignore_eog = false;
  /// Go on after those that come before so many tokens are written.
  int min_tokens = 0;
  /// Take from the caches what they hold of the prompt's beginning; else it is read anew.
  bool reuse_prefix = true;
  /// Strings that end an answer; they are not part of the text.
  std::vector<std::string> stop{};
  SamplingOptions sampling{};
};

/// How prompts become what the models read. Where there is a chat template, a prompt that is text
/// is what the user says.
struct ChatOptions {
  /// Jinja chat template to use; "": the LLM's own, or the SLM's where the LLM has none.
  std::string template_file{};
  /// Source of the LLM's own template, where a server runs it; "": it has none.
  std::string llm_template{};
  /// Texts are read as they are, as base models want them. Conversations always take the template.
  bool raw = false;
  /// System message of prompts that bring none; "": none.
  std::string system_prompt{};
  /// Variables of the template: a JSON object such as {"enable_thinking": false}; "": none.
  std::string template_kwargs{};
};

/// Between which tags a model thinks before it answers.
struct Thinking {
  std::string open{};    ///< e.g. "<think>"
  std::string close{};   ///< e.g. "</think>"
  bool is_open = false;  ///< the prompt ends with the opening tag
  bool is_kept = false;  ///< in the answer's text, tags and all
};

/// Text, a conversation for the chat template, or tokens as they are: the first that is not empty,
/// from the last to the first.
struct Prompt {
  std::string id{};
  std::string text{};
  std::vector<ChatMessage> messages{};
  std::vector<Token> tokens{};
  /// The text is read as it is, whatever the ChatOptions.
  bool raw = false;
  /// With tokens: how thinking is marked in the answer to them; none: not at all.
  std::optional<Thinking> thinking{};
  /// With tokens: the same for the LLM, where its vocabulary is not the SLM's.
  std::vector<Token> llm_tokens{};
};

/// One answer to write.
struct Request {
  Prompt prompt{};
  GenerationOptions options{};
  /// Tells answers to the same prompt apart: they draw other random numbers.
  std::uint64_t choice = 0;
  /// Give the prompt's tokens records with logprobs, too (Answer::prompt).
  bool score_prompt = false;
  /// Written in this slot, from 0, when it is free, and whatever it holds. Unset: in the free one
  /// that holds most of the prompt's beginning.
  std::optional<int> slot{};
};

/// Tokens per second of answers as they were predicted from the times of passes.
struct PredictedSpeeds {
  double routed = 0.0;  ///< by both models
  double llm = 0.0;     ///< by the LLM alone
};

struct Answer {
  std::string id;
  std::string text;         ///< what follows the thinking
  std::string reasoning{};  ///< the thinking, without its tags, unless it is kept in the text
  std::vector<TokenRecord> tokens;  ///< the last may be an end-of-generation token
  /// If it was asked for: one per token of the prompt, with the logprobs that routing gives it; the
  /// first, which follows nothing, has none.
  std::vector<TokenRecord> prompt;
  FinishReason finish = FinishReason::kLength;
  int prompt_tokens = 0;
  /// Tokens of the prompt that a model had in its cache and so did not read again.
  int cached_tokens = 0;
  Counters counters;
  double threshold = 0.0;  ///< the one that was used
  double seconds = 0.0;    ///< from the start of its prefill to its last token
  /// About what the LLM alone would have taken, by the times of its passes; 0: not known.
  double llm_alone_seconds = 0.0;
  /// What its threshold keeps; without a threshold the LLM alone wrote it since validation shows
  /// too little. Nothing where a threshold or a budget was chosen, or no promise was ever made.
  std::optional<Promise> promise{};
  /// Set where the LLM alone wrote it since routing would have been slower.
  std::optional<PredictedSpeeds> not_routed{};
  /// Why the LLM's server did not answer, the last time that it did not; "": it always did.
  std::string llm_fault{};
};

/// What an answer grew by.
struct Growth {
  /// Thinking and its tags included. May lag behind the tokens: what may still become a stop
  /// string, or is half a character, is held back.
  std::vector<TextPiece> pieces;
  std::vector<TokenRecord> tokens;  ///< decided since the last growth
  /// Set in the last growth: the whole answer.
  std::optional<Answer> answer;
  /// Set in the last growth, instead of `answer`, when it could not be written.
  std::string error;
  bool is_request_fault = false;  ///< the error is what the request asked for, not a model's
  bool is_llm_fault = false;      ///< the error is that the LLM's server did not answer

  std::string text() const {
    std::string all;
    for (const TextPiece& piece : pieces) all += piece.text;
    return all;
  }
  bool is_last() const { return answer.has_value() || !error.empty(); }
};

}  // namespace citer
