#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "citer/training.h"
#include "learn/hidden_states.h"
#include "learn/teacher.h"
#include "route/features.h"
#include "route/router.h"

namespace citer {

inline constexpr const char* kPreferencesArchitecture = "citer-preferences";

/// What a position is by its two tokens and the reference's.
enum class PositionKind : std::int32_t { kSlmOk = 0, kLlmOk = 1, kBothOff = 2 };

/// What a position's label comes from.
enum class LabelSource : std::int32_t {
  kAgreement = 0,  ///< both models' tokens are the same
  kShortcut = 1,   ///< the reference
  kRollout = 2,    ///< continuations
  kCut = 3,        ///< none: a continuation was cut off before its answer was known
  kNotChosen = 4,  ///< none: others were rolled out
  kTeacher = 5,    ///< what the LLM gives both tokens
};

/// "paper", "reward", "outcome", "teacher"; "reference", "llm", "policy"; "answer", "agreement",
/// "llm", "command"; "llm", "policy". The parsers throw UsageError.
const char* to_string(LabelRule rule);
const char* to_string(StateSource source);
const char* to_string(OutcomeRule rule);
const char* to_string(ContinueBy who);
LabelRule label_rule(const std::string& name);
StateSource state_source(const std::string& name);
OutcomeRule outcome_rule(const std::string& name);
ContinueBy continue_by(const std::string& name);

struct PreferenceCounts {
  std::int64_t slm_ok = 0;      ///< the SLM's token is the reference's
  std::int64_t llm_ok = 0;      ///< only the LLM's is
  std::int64_t both_off = 0;    ///< neither is
  std::int64_t prefer_slm = 0;  ///< labels above one half
  std::int64_t prefer_llm = 0;
  std::int64_t by_rollout = 0;      ///< positions whose label was decided by rollouts
  std::int64_t cut_off = 0;         ///< positions without a label: a rollout was cut off
  std::int64_t not_chosen = 0;      ///< positions without a label: others were rolled out
  std::int64_t rollouts = 0;        ///< continuations judged
  std::int64_t rollout_tokens = 0;  ///< written for them
  std::int64_t examples = 0;
  std::int64_t no_reference = 0;  ///< examples skipped: no reference text
  std::int64_t wrong_llm = 0;     ///< skipped: the LLM's own answer is wrong
  std::int64_t no_answer = 0;     ///< skipped: the LLM's own text has no answer to agree with
  std::int64_t cut_text = 0;      ///< skipped: the text was cut off
  std::int64_t too_long = 0;      ///< skipped: does not fit the context

  PreferenceCounts& operator+=(const PreferenceCounts& other);
};

/// One line: how many positions of each kind, how they were labelled.
std::string counts_text(const PreferenceCounts& counts);

struct PreferencesInfo {
  int n_embd = 0;
  ModelIdentity slm;
  ModelIdentity llm;
  std::string data;         ///< names of the datasets
  std::string chat_format;  ///< of the prompts, ChatFormat::name(); "": not known
  int round = 1;
  LabelRule labels = LabelRule::kReward;
  StateSource states = StateSource::kReference;
  OutcomeRule judge = OutcomeRule::kAnswer;
  ContinueBy continued_by = ContinueBy::kPolicy;
  PreferenceCounts counts;
  /// Everything that decided the content, as text; the same work is not done twice.
  std::string identity;
};

struct PreferenceExample {
  std::string id;
  /// Whether the SLM's own greedy answer is right; nothing where it was not asked for.
  std::optional<bool> slm_right;
};

/// Labelled positions, column by column; rows of one example lie together, in order.
struct Preferences {
  PreferencesInfo info;
  std::vector<PreferenceExample> examples;

  HiddenStates hidden;            ///< [n_embd, n]: the SLM's state before the token
  std::vector<float> confidence;  ///< [kConfidenceFeatures, n]
  std::vector<float> label;       ///< [n], probability that the SLM is preferred
  /// [n]: a label counts for so many positions like it, itself included; 0: there is none.
  std::vector<float> weight;
  std::vector<float> llm_gap;      ///< [n], TeacherPosition::llm_gap
  std::vector<float> slm_logprob;  ///< [n], of the reference's token, natural logarithm
  std::vector<float> llm_logprob;
  std::vector<std::int32_t> example;    ///< [n], index into examples
  std::vector<std::int32_t> position;   ///< [n], tokens of the answer before it
  std::vector<std::int32_t> slm_token;  ///< [n]
  std::vector<std::int32_t> llm_token;
  std::vector<std::int32_t> ref_token;
  std::vector<std::int32_t> kind;    ///< [n], PositionKind
  std::vector<std::int32_t> source;  ///< [n], LabelSource

  std::size_t size() const { return label.size(); }
  std::span<const float> confidence_row(std::size_t i) const;

  /// Adds position `h` of the last example, and counts it.
  void add_row(const TeacherPosition& p, std::size_t h, Token reference, PositionKind kind,
               LabelSource source, double label, double weight);

  /// Adds the rows and counts of another; examples are renumbered. Throws InputError naming both
  /// sides when they come from different models. `name` and `other_name` are for the message.
  void append(const Preferences& other, const std::string& name, const std::string& other_name);
};

/// The paper's shortcut beside the labels that there are, where the models disagree.
struct ShortcutAgreement {
  std::int64_t settled = 0;  ///< positions where one of the two tokens is the reference's
  std::int64_t agreed = 0;   ///< of these, where the label prefers that token
};
ShortcutAgreement shortcut_agreement(const Preferences& preferences);

/// Positions whose labels come from one source.
struct LabelTally {
  std::int64_t positions = 0;
  std::int64_t prefer_llm = 0;  ///< that have a label, for the LLM
};
LabelTally tally_of(const Preferences& preferences, LabelSource source);

/// counts_text(), and for labels by outcomes how far the shortcut agrees with them.
std::string labels_text(const Preferences& preferences);

/// Reads a preferences GGUF; its hidden states stay in the file. Throws InputError: missing,
/// truncated, another architecture, columns of unequal length.
Preferences load_preferences(const std::filesystem::path& path);

/// Writes it in one step.
void save_preferences(const std::filesystem::path& path, const Preferences& preferences);

/// Positions that both have and whose labels lie on different sides of one half.
std::int64_t flipped_labels(const Preferences& a, const Preferences& b);

}  // namespace citer
