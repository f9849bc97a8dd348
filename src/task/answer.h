#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "citer/data.h"
#include "task/example.h"
#include "task/math_compare.h"

namespace citer {

/// Which rule found an answer, in the order they are tried (code has the last two); docs/answers.md
/// describes each.
enum class AnswerRule {
  kNone,         ///< no answer
  kPattern,      ///< the user's pattern
  kBoxed,        ///< last balanced \boxed{}
  kTagged,       ///< last <answer>...</answer>, or "answer" field of JSON
  kHashes,       ///< last "#### n"
  kAnnounced,    ///< "the answer is ...", "Answer: ...", "... is the correct answer"
  kConcluded,    ///< last sentence that begins with Therefore, So, Thus, ...
  kLeading,      ///< the text begins with a choice
  kLastMention,  ///< last number, label or choice in the text
  kFenced,       ///< code between ``` lines
  kContinuation  ///< code that goes on where the question ends, or stands in the text
};

/// Short lower-case name for records: "boxed", "last-mention", ...
const char* rule_name(AnswerRule rule);

/// How sure a judgement is; docs/answers.md says from what it follows.
enum class Confidence {
  kLow,     ///< the answer was guessed from a mention, or none was found
  kMedium,  ///< it was concluded and not announced, or could not be read as a formula
  kHigh     ///< it was marked or announced, and compared by value, as a label, or by tests
};

/// Short lower-case name for records: "high", ...
const char* confidence_name(Confidence confidence);

struct Judgement {
  /// kMath: the extracted answer, normalised. kChoice: a choice's label. kCode: the program without
  /// its tests. Nothing: none was found.
  std::optional<std::string> answer;
  AnswerRule rule = AnswerRule::kNone;
  bool correct = false;
  Comparison comparison = Comparison::kNone;
  Confidence confidence = Confidence::kLow;
};

/// Extracts and judges answers. Immutable once built; any thread may call it.
class AnswerJudge {
 public:
  /// Throws UsageError when the pattern does not compile or has no group.
  explicit AnswerJudge(AnswerOptions options = {});
  ~AnswerJudge();
  AnswerJudge(AnswerJudge&&) noexcept;
  AnswerJudge& operator=(AnswerJudge&&) noexcept;

  /// Judges `text`, what a model wrote after `example.prompt` (finished or cut off). No text makes
  /// it throw; code throws ResourceError where the system has no sandbox to run it in.
  Judgement judge(const Example& example, std::string_view text) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

/// Judges with the built-in rules.
Judgement judge(const Example& example, std::string_view text);

}  // namespace citer
