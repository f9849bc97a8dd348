#pragma once

// Training: a router for a pair, learned from the outcome of whole answers (docs/training.md).

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "citer/data.h"
#include "citer/pair.h"
#include "citer/progress.h"
#include "citer/router.h"
#include "citer/service.h"

namespace citer {

/// How a position is labelled.
enum class LabelRule {
  /// CITER's (arXiv 2502.01976, section 3.2): the model whose token is the reference's, the SLM
  /// first; where neither is, the SLM iff the answer that goes on from its token is right.
  kPaper,
  /// The same shortcut; where neither is the reference's, the branch with the larger reward.
  kReward,
  /// The branch with the larger reward wherever the two models disagree: a paraphrase that leads to
  /// the right answer is no error.
  kOutcome,
  /// What the LLM gives the SLM's token in units of its own likeliest, in [0, 1]: no continuation,
  /// no right answer (the token-specific deferral rule of speculative cascades, Narasimhan et al.,
  /// arXiv 2405.19261, to be foreseen).
  kTeacher,
};

/// The texts whose positions are labelled.
enum class StateSource {
  kReference,  ///< the dataset's reference text
  kLlm,        ///< the LLM's own greedy answer, where its final answer is right if that is judged
  kPolicy,     ///< what the routed policy itself writes; labels are outcomes or the teacher's
};

/// Who goes on from a token that is tried.
enum class ContinueBy {
  /// The LLM: a token is harmless where the LLM still comes to a right end from it.
  kLlm,
  /// The round's policy: the SLM alone at first, later the router of the round before.
  kPolicy,
};

/// What a continuation is judged by.
enum class OutcomeRule {
  kAnswer,     ///< the dataset's answer
  kAgreement,  ///< the answer that the LLM's own text comes to; needs no right answers
  kLlm,        ///< the LLM compares the two continuations, in both orders
  kCommand,    ///< a program of the user's
};

/// How routing preferences are collected: which positions are labelled, and how.
struct CollectOptions {
  std::vector<std::filesystem::path> data{};  ///< datasets with reference texts; at least one
  DatasetOptions dataset{};
  LabelRule labels = LabelRule::kOutcome;
  StateSource states = StateSource::kReference;
  OutcomeRule judge = OutcomeRule::kAnswer;
  /// With OutcomeRule::kCommand, a shell command that gets a JSON object {id, prompt, gold, text}
  /// on its input and ends with status 0 where the text is right, 1 where it is not.
  std::string command{};
  /// Unset: for labels by outcomes the LLM in the first round, else the policy.
  std::optional<ContinueBy> continue_by{};
  /// Positions of a text that are rolled out, chosen by what is expected of them; labels weigh the
  /// more the less likely they were to be chosen. 0: all where the rule asks for it.
  int positions = 2;
  /// Ends the collection when rollouts have taken so many tokens; 0: any number.
  std::int64_t rollout_tokens = 0;
  /// Also judge the answers that the SLM writes alone, for TrainOptions::policy query.
  bool slm_answers = false;
  /// Weight of a continuation's cost beside a right answer's 1; 0 or more.
  double cost_weight = 0.05;
  /// Continuations per branch; 1 or more. One is greedy; several are sampled, for soft preferences.
  int rollouts = 1;
  double temperature = 0.7;         ///< of several
  std::uint64_t seed = 0;           ///< of several
  int max_tokens = 256;             ///< of an answer
  std::vector<std::string> stop{};  ///< strings that end an answer
};

/// How the router's network is fitted to preferences.
struct TrainOptions {
  /// What is learned: citer, citer-s, co-llm or query.
  std::string policy = "citer";
  RouterFeatures features = RouterFeatures::kHiddenConfidence;
  bool linear = false;  ///< logistic regression in place of the paper's MLP
  RouterWeights weights = RouterWeights::kF16;
  int epochs = 40;              ///< at most; 1 or more
  int patience = 6;             ///< epochs without a better held-out loss before it ends
  int batch = 256;              ///< rows of a step; 1 or more
  double learning_rate = 1e-3;  ///< AdamW's alpha at first; it falls to a twentieth
  double weight_decay = 0.01;   ///< AdamW's
  double dropout = 0.1;         ///< share of hidden units dropped, in [0, 1)
  double most_weight = 8.0;     ///< of a row for the LLM, beside 1 of one for the SLM
  int folds = 10;               ///< one example in so many is held out; 2 or more
  std::uint64_t seed = 0;
  int threads = 0;  ///< CPU threads; 0: as many as the LLM's passes use
};

/// How thresholds are chosen for a trained router.
struct CalibrateOptions {
  std::vector<std::filesystem::path> data{};  ///< validation examples; none: no calibration
  DatasetOptions dataset{};
  /// LLM shares in [0, 1] that thresholds are chosen for, on what the SLM writes alone.
  std::vector<double> budgets = {0.01, 0.02, 0.03, 0.05, 0.075, 0.10, 0.15, 0.20, 0.30, 0.50};
  int max_tokens = 256;             ///< of an answer
  std::vector<std::string> stop{};  ///< strings that end an answer
  SamplingOptions sampling{};       ///< how its tokens are drawn
  /// Makes a promise of the validation examples; the default threshold is then the one that keeps
  /// it.
  std::optional<PromiseOptions> promise{};
};

/// All that learning a router takes.
struct LearnOptions {
  std::filesystem::path out{};  ///< the router file; replaced in one step
  /// Preferences files (`citer collect`) to train on, instead of collecting in rounds.
  std::vector<std::filesystem::path> preferences{};
  /// Rounds at most; 1 or more. The first collects under the SLM alone, later ones under the router
  /// of the round before; they end early when no label changes side.
  int rounds = 2;
  /// Keeps what rounds make on the way, round-N/preferences.gguf and round-N/router.gguf, so that
  /// the same call after an interruption goes on. Empty: `out` with ".rounds" appended.
  std::filesystem::path folder{};
  /// Services that collect and calibrate side by side; 0: as many as the machine has threads for.
  int workers = 0;
  /// Seconds that it may take in all, about; 0: any time. Collection ends early so that training
  /// and calibration find room; the same call then goes on with more examples for as long again.
  double seconds = 0.0;
  CollectOptions collect{};  ///< of each round
  TrainOptions train{};
  CalibrateOptions calibrate{};
};

/// What is known of a router that was learned.
struct LearnedRouter {
  int rounds = 0;                  ///< it took
  double default_threshold = 0.0;  ///< where the user names neither threshold nor budget
  std::vector<CalibrationPoint>
      calibration;            ///< by rising threshold; empty without validation data
  double slm_accuracy = 0.0;  ///< of the SLM alone on the validation examples
  double llm_accuracy = 0.0;  ///< of the LLM alone
  std::optional<Promise> promise{};
};

/// Learns a router for a pair and writes it to `options.out`, a file for PairOptions::routers.
/// `service.context.sequences` answers are written at once by each worker (16 is a good number);
/// the schedule does not depend on time, so that the same call gives the same router. Nothing when
/// the watcher ended it.
///
/// Throws UsageError (options out of range), InputError (models, datasets, preferences of another
/// pair, a folder of other work, too few examples) or ResourceError.
std::optional<LearnedRouter> learn_router(const PairOptions& pair, const ServiceOptions& service,
                                          const LearnOptions& options, const Watcher& watcher = {});

/// Measures the one router of PairOptions::routers anew on validation examples, for this pair, and
/// writes it with its new curve, and what promises are made of, to `out`. `workers` as in
/// LearnOptions. Nothing when the watcher ended it. Throws as learn_router() does.
std::optional<LearnedRouter> calibrate_router(const PairOptions& pair,
                                              const ServiceOptions& service,
                                              const CalibrateOptions& options,
                                              const std::filesystem::path& out, int workers = 0,
                                              const Watcher& watcher = {});

}  // namespace citer
