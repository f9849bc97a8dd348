#include "task/answer.h"

#include <algorithm>

#include <fmt/format.h>
#include <re2/re2.h>

#include "citer/error.h"
#include "task/code_answer.h"
#include "task/extract.h"
#include "task/latex.h"
#include "task/text.h"

namespace citer {

namespace {

std::unique_ptr<const RE2> compile(const std::string& pattern) {
  if (pattern.empty()) return nullptr;
  auto regex = std::make_unique<const RE2>(pattern, RE2::Quiet);
  if (!regex->ok()) {
    throw FieldError({"pattern"}, fmt::format("'{}': {}", pattern, regex->error()));
  }
  if (regex->NumberOfCapturingGroups() < 1) {
    throw FieldError({"pattern"}, fmt::format("'{}': expected a group ( ), found none", pattern));
  }
  return regex;
}

/// First group of the last match in which it took part.
std::optional<std::string> last_group(const RE2& regex, std::string_view text) {
  std::optional<std::string> out;
  re2::StringPiece groups[2];
  for (std::size_t at = 0; at <= text.size();) {
    const re2::StringPiece all(text.data(), text.size());
    if (!regex.Match(all, at, text.size(), RE2::UNANCHORED, groups, 2)) break;
    if (groups[1].data() != nullptr) out = std::string(groups[1].data(), groups[1].size());
    const auto end = static_cast<std::size_t>(groups[0].data() - text.data()) + groups[0].size();
    at = groups[0].empty() ? end + 1 : end;
  }
  return out;
}

/// A base model may go on with a question of its own: what it answers there does not count.
std::string_view cut_next_question(std::string_view text) {
  constexpr std::string_view kNext = "\nQuestion:";
  for (std::size_t at = text.find(kNext); at != std::string_view::npos;
       at = text.find(kNext, at + 1)) {
    if (!trim(text.substr(0, at)).empty()) return text.substr(0, at);
  }
  return text;
}

/// The end of a text that is too long to be an answer; bounds the work of the rules.
std::string_view last_part(std::string_view text) {
  constexpr std::size_t kLongest = 32768;
  return text.size() > kLongest ? text.substr(text.size() - kLongest) : text;
}

std::string folded(std::string_view text) { return lower(trim(text)); }

/// Choices that read the same cannot be told apart by an answer.
bool same_choice(const std::vector<Choice>& choices, const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto text_of = [&](const std::string& label) -> std::optional<std::string> {
    const auto found = std::find_if(choices.begin(), choices.end(),
                                    [&](const Choice& c) { return c.label == label; });
    return found == choices.end() ? std::nullopt : std::optional(folded(found->text));
  };
  const auto first = text_of(a);
  return first && first == text_of(b);
}

/// The weaker of how the answer was found and how it was compared.
Confidence confidence_of(AnswerRule rule, Comparison comparison) {
  if (rule == AnswerRule::kLastMention) return Confidence::kLow;
  const bool concluded = rule == AnswerRule::kConcluded;
  return concluded || comparison == Comparison::kUnread ? Confidence::kMedium : Confidence::kHigh;
}

Judgement judgement(std::string answer, AnswerRule rule, Comparison comparison, bool correct) {
  return {std::move(answer), rule, correct, comparison, confidence_of(rule, comparison)};
}

}  // namespace

struct AnswerJudge::Impl {
  AnswerOptions options;
  std::unique_ptr<const RE2> pattern;

  std::optional<Found> find(const Example& example, std::string_view text) const {
    if (!pattern) return find_by_rules(example, text);
    const auto group = last_group(*pattern, text);
    if (!group) return std::nullopt;
    if (example.kind != TaskKind::kChoice) return Found{*group, AnswerRule::kPattern};
    const auto label = choice_named(example.choices, *group);
    return label ? std::optional(Found{*label, AnswerRule::kPattern}) : std::nullopt;
  }

  std::optional<Found> find_by_rules(const Example& example, std::string_view text) const {
    if (example.kind == TaskKind::kOpen) return std::nullopt;
    if (example.kind == TaskKind::kCode) return extract_code(example, text, options.marked_only);
    text = last_part(cut_next_question(text));
    return example.kind == TaskKind::kMath
               ? extract_math(text, options.marked_only)
               : extract_choice(example.choices, text, options.marked_only);
  }
};

AnswerJudge::AnswerJudge(AnswerOptions options) {
  auto pattern = compile(options.pattern);
  impl_ = std::make_unique<const Impl>(Impl{std::move(options), std::move(pattern)});
}
AnswerJudge::~AnswerJudge() = default;
AnswerJudge::AnswerJudge(AnswerJudge&&) noexcept = default;
AnswerJudge& AnswerJudge::operator=(AnswerJudge&&) noexcept = default;

Judgement AnswerJudge::judge(const Example& example, std::string_view text) const {
  const auto found = impl_->find(example, text);
  if (!found) return {};
  if (example.kind == TaskKind::kChoice) {
    return judgement(found->answer, found->rule, Comparison::kLabel,
                     same_choice(example.choices, example.gold, found->answer));
  }
  if (example.kind == TaskKind::kCode) {
    return judgement(found->answer, found->rule, Comparison::kTests,
                     passes_tests(example, found->answer, impl_->options.code_seconds));
  }
  std::string answer = normalize_math(found->answer);
  if (answer.empty()) return {};
  const Comparison comparison = compare_math(example.gold, answer);
  return judgement(std::move(answer), found->rule, comparison, is_same(comparison));
}

Judgement judge(const Example& example, std::string_view text) {
  static const AnswerJudge kJudge;
  return kJudge.judge(example, text);
}

const char* rule_name(AnswerRule rule) {
  switch (rule) {
    case AnswerRule::kNone:
      return "none";
    case AnswerRule::kPattern:
      return "pattern";
    case AnswerRule::kBoxed:
      return "boxed";
    case AnswerRule::kTagged:
      return "tagged";
    case AnswerRule::kHashes:
      return "hashes";
    case AnswerRule::kAnnounced:
      return "announced";
    case AnswerRule::kConcluded:
      return "concluded";
    case AnswerRule::kLeading:
      return "leading";
    case AnswerRule::kLastMention:
      return "last-mention";
    case AnswerRule::kFenced:
      return "fenced";
    case AnswerRule::kContinuation:
      return "continuation";
  }
  return "none";
}

const char* confidence_name(Confidence confidence) {
  switch (confidence) {
    case Confidence::kLow:
      return "low";
    case Confidence::kMedium:
      return "medium";
    case Confidence::kHigh:
      return "high";
  }
  return "low";
}

}  // namespace citer
