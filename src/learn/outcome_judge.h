#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "citer/service.h"
#include "citer/training.h"
#include "learn/branch.h"
#include "task/answer.h"
#include "task/example.h"

namespace citer {

/// Both continuations of a position, by who wrote the token they begin with.
struct BranchPair {
  const Example* example = nullptr;
  std::vector<Continuation> slm{};
  std::vector<Continuation> llm{};  ///< none under the paper's rule
};

/// The same, judged. Nothing where a continuation was cut off before its answer was known: it is
/// no evidence for either.
struct JudgedPair {
  std::vector<Branch> slm;
  std::vector<Branch> llm;
};

/// What continuations are worth, by OutcomeRule.
class OutcomeJudge {
 public:
  /// Throws FieldError for a rule `command` without a command. The service writes for the rule
  /// `llm`.
  OutcomeJudge(Service& service, const CollectOptions& options);

  /// One judgement per pair. Throws InputError when a command fails, ResourceError when it cannot
  /// be run or code has no sandbox.
  std::vector<std::optional<JudgedPair>> judge(std::span<const BranchPair> pairs) const;

  /// Whether an answer is right, by the example's own.
  bool is_right(const Example& example, std::string_view text) const {
    return answers_.judge(example, text).correct;
  }

  /// The example with `text`'s answer for the right one; nothing where `text` has none that can be
  /// compared.
  std::optional<Example> judged_by(const Example& example, std::string_view text) const;

 private:
  std::optional<Branch> judge(const Example& example, const Continuation& continuation) const;
  std::optional<std::vector<Branch>> judge(const Example& example,
                                           std::span<const Continuation> continuations) const;
  std::vector<std::optional<JudgedPair>> compare(std::span<const BranchPair> pairs) const;

  Service& service_;
  const CollectOptions& options_;
  AnswerJudge answers_;
};

}  // namespace citer
