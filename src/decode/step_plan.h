#pragma once

// A step of the decoder as plain data: what is to be done, and what came of it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "decode/planner.h"
#include "decode/sequence.h"
#include "model/context.h"

namespace citer {

inline constexpr std::size_t kNoRead = ~std::size_t{0};

/// One sequence's part in a pass of a model: its cache is brought in line with the first `length`
/// tokens (of the LLM with those of Sequence::llm_tokens()), and rows are wanted after some of
/// them, ascending. Without rows a part of the prompt is read.
struct Read {
  int slot = 0;
  std::size_t length = 0;
  std::vector<int> rows;
  RowForm form{};
};

/// One sequence for which a token is to be drafted.
struct DraftPlan {
  int slot = 0;
  double threshold = 0.0;
  std::size_t slm_read = kNoRead;  ///< which of the SLM's reads has its row; kNoRead: needs none
  std::size_t llm_read = kNoRead;  ///< which of the LLM's, where the policy scores with it
};

/// The cached beginning of an answer that is gone, kept long enough.
struct Eviction {
  int slot = 0;
  bool slm = false;
  bool llm = false;
};

struct StepPlan {
  enum class Kind {
    kNothing,
    kScorePrompt,  ///< the next tokens of one prompt get records
    kDraft,        ///< an SLM pass, scores, a draft for each sequence that is read to its end
    kVerify,       ///< an LLM pass decides pending tokens; with overlap it is only begun
    kCollect,      ///< the LLM pass under way is waited for
  };
  Kind kind = Kind::kNothing;
  std::vector<Read> slm;
  std::vector<Read> llm;
  std::vector<DraftPlan> drafts;
  bool hidden = false;     ///< the SLM's rows come with hidden states
  bool slm_steps = false;  ///< the SLM reads one token of each sequence
  GuessTable guesses{};    ///< what stands in for the LLM's tokens
  Read prompt{};           ///< to be scored: rows after which tokens
  int slm_threads = 0;     ///< of its passes; 0: as before
  int llm_threads = 0;
  std::vector<Eviction> evictions;
};

/// A token as it was drawn.
struct Drawn {
  Token id = kNoToken;
  std::string piece;
  bool ends = false;
  std::optional<TokenLogprobs> logprobs;
};

/// What is written at a position that the LLM has read up to.
struct Decision {
  std::size_t position = 0;
  Drawn drawn;
  std::optional<Guesses> guesses;  ///< of a pending token that was guessed
  Token llm_token = kNoToken;      ///< what the LLM would write
  std::optional<double> score{};   ///< of a pending token that the policy has judged
  bool by_slm = false;             ///< which stands
  /// The rest of the LLM's one token, where it is several of the SLM's.
  std::vector<Drawn> further{};
};

/// What a step found out about one sequence.
struct SlotOutcome {
  int slot = 0;
  Counters cost;                       ///< its part of the passes, of scoring and drawing
  std::optional<Draft> draft;          ///< kDraft
  std::optional<double> prompt_score;  ///< kDraft, of a policy that scores prompts
  std::vector<Decision> decisions;     ///< kVerify, kCollect; up to the first that is not the guess
  std::optional<LlmGrowth> llm_growth;      ///< in a pair of different vocabularies
  std::vector<TokenRecord> prompt_records;  ///< kScorePrompt
  std::string error;                        ///< this sequence alone cannot go on
  std::string llm_fault;                    ///< why the LLM's server did not answer
};

struct StepOutcome {
  std::vector<SlotOutcome> slots;
  int slm_passes = 0;  ///< shared passes counted once
  int llm_passes = 0;
  ForwardCost slm;  ///< of the passes that drafted
  ForwardCost llm;  ///< of the pass that verified
};

/// What is known of a slot when a step is planned.
struct SlotView {
  const Sequence* sequence = nullptr;  ///< null: the slot is free
  /// Tokens of the sequence, or of the answer that is gone, that the caches hold.
  std::size_t slm_cached = 0;
  std::size_t llm_cached = 0;
  /// Passes of each model since a free slot was given back.
  std::int64_t slm_idle = 0;
  std::int64_t llm_idle = 0;
};

/// What is known of the LLM pass under way, if there is one.
struct PassUnderWay {
  bool is_made = false;  ///< there is one
  bool is_done = false;  ///< and waiting for it takes no time
};

/// What is wrong with a plan for these slots, or "": a sequence has one part in a pass, rows ascend
/// within what is read, and only phases that may draft or be verified do.
std::string plan_fault(const StepPlan& plan, const std::vector<SlotView>& slots);

}  // namespace citer
