#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stopwatch.h"
#include "base/worker.h"
#include "citer/engine.h"
#include "citer/policy.h"
#include "citer/types.h"
#include "decode/constraint.h"
#include "decode/planner.h"
#include "decode/text_stream.h"
#include "model/context.h"

namespace citer {

/// One answer to write.
struct DecodeRequest {
  std::vector<Token> prompt;  ///< at least one token
  /// Tokens to write at most; <= 0: as many as the context holds, but with `score_prompt` 0 is
  /// none.
  int max_tokens = 0;
  bool ignore_eog = false;   ///< go on after end-of-generation tokens (for measurements)
  SamplingOptions sampling;  ///< its grammar's text is not read: see `constraint`
  Constraint constraint;
  std::vector<std::string> stop;
  std::shared_ptr<const RoutingPolicy> policy;
  double threshold = 0.5;  ///< in [0, 1]
  /// Tokens that may wait for the LLM's decision while the SLM drafts on. 1: none, plain routing;
  /// 0: as many as pay, by measured times and acceptance.
  int pending_limit = 1;
  /// Ask the LLM about the SLM's tokens too, as it reads them.
  bool audit = false;
  /// Tells answers to the same prompt apart: they draw other random numbers.
  std::uint64_t choice = 0;
  /// Instead of a fixed threshold: the share of tokens that the LLM may write, in [0, 1]; the
  /// threshold follows from the policy's calibration and from what was written so far.
  std::optional<double> budget;
  /// Give the prompt's tokens records with logprobs, too.
  bool score_prompt = false;
};

/// A token that is not decided: it waits for the LLM, or stands behind one that does.
struct Draft {
  TokenRecord record;    ///< as the SLM would write it, or as the LLM is guessed to
  bool pending = false;  ///< the LLM will decide
  Guesses guesses{};     ///< of a pending token, where drafts behind it are allowed
};

/// One answer being written. The token sequence is authoritative; both KV caches and the text are
/// derived from it: the caches by ModelContext::forward(), the text by TextStream::push(), which
/// gets decided tokens only.
struct Sequence {
  Sequence(DecodeRequest request, const Vocab& vocab, std::uint64_t stream);

  DecodeRequest request;
  std::uint64_t stream;                     ///< addresses this answer's random numbers
  std::vector<Token> tokens;                ///< prompt, answer, drafts
  std::vector<Draft> drafts;                ///< the last tokens, as long as they are not decided
  std::size_t asked = 0;                    ///< tokens up to which the LLM was asked all it will be
  bool waits = false;                       ///< nothing is drafted before the LLM has decided
  Stopwatch waits_since;                    ///< when that began
  bool is_read = false;                     ///< the prompt has been read
  std::size_t told = 0;                     ///< how far step() has told of its growth
  std::vector<TokenRecord> records;         ///< one per token of the answer
  std::vector<TokenRecord> prompt_records;  ///< with `score_prompt`, one per token of the prompt
  TextStream text;
  ConstrainedSampler sampler;
  Counters counters;
  std::optional<FinishReason> finish;
  std::optional<float> prompt_score;  ///< the policy's, where it scores prompts, not tokens
  /// Tokens that are decided, prompt included.
  std::size_t decided() const { return tokens.size() - drafts.size(); }
  void drop_drafts();
  /// Of the pending tokens, in order.
  std::vector<Guesses> pending() const;
  /// Whether the prompt's tokens are still to be scored.
  bool scores_prompt() const {
    return request.score_prompt && prompt_records.size() < request.prompt.size();
  }
  /// The threshold of the next token: the request's, or what keeps to its budget.
  double threshold() const;

  std::chrono::steady_clock::time_point start_time;
  std::chrono::steady_clock::time_point last_time;  ///< of the last token, or of the start
};

/// Hands over what became of an answer, finished or not; all but its id.
Answer to_answer(Sequence& sequence);

/// Routing for N sequences at once. Each step drafts one token for every sequence that can go on:
/// the SLM reads the last token and the policy scores. At or above the threshold the SLM's token
/// stands (unless a token before it is pending); below, the token is pending, and where pending
/// tokens are due the LLM reads all tokens it has not seen, in one forward pass shared by all
/// sequences that wait for it, and decides them: up to the first where it disagrees with the SLM's
/// guess they stand, there its own token is put, and what was drafted behind is dropped.
///
/// With one pending token this is plain routing (CITER, arXiv 2502.01976, section 3; no draft is
/// ever dropped). With more it is speculative routing: the same text in fewer LLM passes, since a
/// draw depends on its logits and its place alone; at threshold 1 it is speculative decoding
/// (Leviathan et al., arXiv 2211.17192) with coupled draws. Neither cache is recomputed.
///
/// With schedule_by_times() a prompt is read in chunks while others write, sequences wait for each
/// other where a shared LLM pass pays, and idle caches are dropped at last; without it the
/// schedule, and so every counter, depends on the requests alone. With `overlap` the LLM's passes
/// are made on a thread of their own and the SLM drafts on meanwhile: for models on two devices.
///
/// One thread at a time. Sequences join and leave between steps.
class Decoder {
 public:
  /// Answers are written in the first `slots` sequences of both contexts, which must outlive the
  /// decoder.
  Decoder(ModelContext& slm, ModelContext& llm, int slots, bool overlap = false);
  ~Decoder();

  /// For serving many at once; see above.
  void schedule_by_times() { by_times_ = true; }

  /// Any slot for a new answer, or nothing while all are taken.
  std::optional<int> free_slot() const;

  /// The free slot that suits this prompt best: whose caches hold most of its beginning, else the
  /// one that has been idle longest. Where another sequence's caches hold clearly more of it, they
  /// are forked into the slot. Nothing while all slots are taken, or while another sequence is
  /// about to read the same beginning.
  std::optional<int> claim_slot(const std::vector<Token>& prompt);

  /// Throws UsageError if start() would: empty prompt, prompt and token limit that do not fit the
  /// context, threshold outside [0, 1], sampling options out of range. Any thread may call it.
  void check(const DecodeRequest& request) const;

  /// Starts an answer in a free slot. Throws as check() says.
  void start(int slot, DecodeRequest request);

  /// One draft for every sequence that can go on; returns the slots whose answers grew. Throws
  /// ResourceError when a model fails; what was decided stays, drafts are dropped.
  const std::vector<int>& step();

  const Sequence& at(int slot) const { return *slots_[static_cast<std::size_t>(slot)]; }
  TextStream& text(int slot) { return slots_[static_cast<std::size_t>(slot)]->text; }

  /// Gives the slot back and hands the answer out, finished or not. The caches keep what they hold:
  /// the next answer with the same beginning reuses it, if it comes before keeping it has cost as
  /// much as reading it again.
  Sequence release(int slot);

  /// Tokens an answer may hold, prompt included.
  int context_size() const;

  /// Passes of all sequences together, a shared pass counted once.
  const Counters& totals() const { return totals_; }
  const SpeculationPlanner& planner() const { return planner_; }
  /// Whether a pass of the LLM is under way: its context is not to be touched.
  bool asks_llm() const { return !asked_.empty(); }

 private:
  /// What one step has found out for one sequence that drafts.
  struct Turn {
    int slot;
    Sequence* sequence;
    double threshold = 0.0;
    std::size_t slm_row = kNone;  ///< request index in the SLM's forward pass
    std::size_t llm_row = kNone;  ///< request index in the LLM's, where the policy scores with it
    bool reads_on = false;        ///< its prompt is not read to the end yet: no draft in this step
    float score = 0.0F;
    double slm_seconds = 0.0;
    double llm_seconds = 0.0;
  };
  /// A sequence's part in an LLM pass.
  struct Asked {
    int slot;
    std::vector<Token> tokens;  ///< a copy: drafts may be appended meanwhile
    std::vector<int> rows;      ///< after which tokens; empty: a part of the prompt is read
  };
  static constexpr std::size_t kNone = ~std::size_t{0};
  static constexpr std::size_t kNoLimit = ~std::size_t{0};

  static bool llm_writes(const Turn& turn);
  bool skips_slm(const Turn& turn) const;
  std::size_t running() const;
  bool needs_llm_context() const;
  void give_up_drafts();
  void drop_idle_beginnings();
  void list_turns();
  void run_slm();
  void run_llm_for_scores();
  void score();
  PolicyInput policy_input(const Turn& turn) const;
  void draft(Turn& turn);
  bool must_wait(const Sequence& sequence) const;
  bool is_due(const Sequence& sequence) const;
  void score_prompts();
  void score_prompt(int slot, Sequence& sequence);

  void ask_llm();
  std::size_t unread_by_llm(int slot) const;
  void in_order_of_patience(std::vector<int>& slots) const;
  std::optional<Asked> reading_ahead(const std::vector<int>& moving, std::size_t asked) const;
  std::optional<Asked> question(int slot, std::size_t& room) const;
  void end_llm_pass();
  void verify(const Asked& asked, std::size_t request, double seconds);
  void settle_front(Sequence& sequence, Token llm_token, std::span<const float> llm_logits,
                    double llm_seconds);
  void commit_front(Sequence& sequence);
  Token sample(Sequence& sequence, std::span<const float> logits, std::size_t position,
               Token without = kNoToken);
  ForwardCost read_with_slm(const std::vector<Turn*>& turns, bool hidden);
  void account_llm(Sequence& sequence, const RequestCost& part, double seconds);

  ModelContext& slm_;
  ModelContext& llm_;
  std::vector<std::unique_ptr<Sequence>> slots_;
  std::vector<std::uint64_t> used_at_;  ///< per slot, when it was last taken
  std::vector<Counters> idle_since_;    ///< per slot, the totals when it was given back
  bool by_times_ = false;
  std::uint64_t clock_ = 0;  ///< counts answers begun
  Counters totals_;

  std::vector<Turn> turns_;  ///< of this step
  SpeculationPlanner planner_;
  std::vector<int> progressed_;  ///< result of step()

  std::vector<Asked> asked_;            ///< of the LLM pass under way; empty: there is none
  ForwardCost llm_cost_;                ///< of that pass, when it is done
  std::unique_ptr<Worker> llm_thread_;  ///< with overlap
};

}  // namespace citer
