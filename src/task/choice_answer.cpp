#include <algorithm>

#include <re2/re2.h>

#include "task/choice_mentions.h"
#include "task/extract.h"
#include "task/marks.h"
#include "task/text.h"

namespace citer {

namespace {

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

/// What a stretch of text says: a choice, several at once ("A or B"), or nothing.
struct Reading {
  enum class Kind { kNothing, kHedged, kChoice };
  Kind kind = Kind::kNothing;
  std::size_t choice = 0;
};

class ChoiceText {
 public:
  ChoiceText(const std::vector<Choice>& choices, std::string_view text)
      : choices_(choices),
        plain_(plain_text(trim(text))),
        mentions_(find_mentions(choices, plain_)) {}

  Reading announced() const;
  Reading concluded() const;
  Reading leading() const;
  Reading last_mention() const;
  /// The first mention in the whole text, as read() takes it.
  Reading first() const { return read(0, plain_.size()); }

 private:
  std::string_view between(std::size_t begin, std::size_t end) const {
    return begin < end ? std::string_view(plain_).substr(begin, end - begin) : std::string_view{};
  }
  std::size_t skip_marks(std::size_t at) const;
  Reading read(std::size_t begin, std::size_t end) const;
  const Mention* label_after(const Mention& text, std::size_t end) const;
  bool hedged(const Mention& chosen) const;
  Reading read_before(std::size_t end) const;

  Reading label_at(std::size_t at) const;
  Reading marked_at(std::size_t at) const;
  Reading said_at(std::size_t from) const;
  bool asked(std::size_t at) const;
  Reading whole_label() const;

  const std::vector<Choice>& choices_;
  std::string plain_;
  std::vector<Mention> mentions_;
};

std::size_t ChoiceText::skip_marks(std::size_t at) const {
  const std::size_t next = plain_.find_first_not_of(" \n:\"'-", at);
  return next == std::string::npos ? plain_.size() : next;
}

/// A parenthesised label further on in the clause of a mention by text: "the answer is money (d)"
/// means d, whatever "money" alone would mean.
const Mention* ChoiceText::label_after(const Mention& text, std::size_t end) const {
  static const RE2 kBreak(R"([,;]|\b(?:because|since|not|but|than|or|and|whereas|while|as)\b)");
  for (const Mention& mention : mentions_) {
    if (mention.begin < text.end || mention.begin >= end) continue;
    if (mention.kind != Mention::Kind::kParenthesised) continue;
    const bool same_clause = !RE2::PartialMatch(piece(between(text.end, mention.begin)), kBreak);
    return same_clause && !mention.negated ? &mention : nullptr;
  }
  return nullptr;
}

/// Whether "or" and another choice follow.
bool ChoiceText::hedged(const Mention& chosen) const {
  static const RE2 kOr(
      R"(^["'\s]*,?\s*or\s+(?:(?:the|a|an|in|at|on|option|choice|perhaps|maybe)\s+)*$)");
  const auto next = std::find_if(mentions_.begin(), mentions_.end(), [&](const Mention& m) {
    return m.begin >= chosen.end && m.choice != chosen.choice;
  });
  return next != mentions_.end() && !next->negated &&
         RE2::PartialMatch(piece(between(chosen.end, next->begin)), kOr);
}

/// The first mention in [begin, end) that is not negated.
Reading ChoiceText::read(std::size_t begin, std::size_t end) const {
  for (const Mention& mention : mentions_) {
    if (mention.begin < begin || mention.begin >= end || mention.negated) continue;
    if (hedged(mention)) return {Reading::Kind::kHedged, 0};
    const Mention* label =
        mention.kind == Mention::Kind::kText ? label_after(mention, end) : nullptr;
    return {Reading::Kind::kChoice, label == nullptr ? mention.choice : label->choice};
  }
  return {};
}

/// The last mention of a sentence that ends at `end`: "..., so (B) is the right answer".
Reading ChoiceText::read_before(std::size_t end) const {
  const std::size_t begin = sentence_begin(plain_, end);
  Reading out;
  for (const Mention& mention : mentions_) {
    if (mention.begin >= begin && mention.end <= end && !mention.negated) {
      out = {Reading::Kind::kChoice, mention.choice};
    }
  }
  return out;
}

/// A label in either case right at `at`, and nothing more in its clause: "answer is b."
Reading ChoiceText::label_at(std::size_t at) const {
  const std::size_t end = std::min(plain_.find_first_of(" \n.,;:!)\"'", at), plain_.size());
  const bool closed = end == plain_.size() || plain_[end] != ' ';
  const std::string word = lower(between(at, end));
  for (std::size_t i = 0; closed && i < choices_.size(); ++i) {
    if (lower(choices_[i].label) == word && !is_digit(word.front())) {
      return {Reading::Kind::kChoice, i};
    }
  }
  return {};
}

/// Whether the sentence that `at` lies in is a question.
bool ChoiceText::asked(std::size_t at) const {
  constexpr std::size_t kReach = 1000;  // bounds the work
  const std::string_view rest = std::string_view(plain_).substr(at, kReach);
  return rest.substr(sentence_end(rest, 0)).starts_with('?');
}

/// The label that stands right at `at`, "option" before it or not.
Reading ChoiceText::marked_at(std::size_t at) const {
  static const RE2 kWord(R"(^(?i:(?:the\s+)?(?:option|choice|letter)\s+))");
  re2::StringPiece word;
  const std::string_view rest = between(at, plain_.size());
  if (kWord.Match(piece(rest), 0, rest.size(), RE2::UNANCHORED, &word, 1)) at += word.size();
  for (const Mention& mention : mentions_) {
    if (mention.begin != at || mention.negated || mention.kind == Mention::Kind::kText) continue;
    return {Reading::Kind::kChoice, mention.choice};
  }
  return {};
}

Reading ChoiceText::announced() const {
  // What announces whatever follows; what does so only for a label ("it's B"); and what follows its
  // choice ("B is correct").
  static const RE2 kPhrase(
      "(" + std::string(announcement_pattern()) +
      R"(|(?i:\b(?:choice|option)(?:\s+(?:to|for|of|here)\b[^.\n:=]{0,80}?)?\s*(?:\b(?:is|(?:would|will|should|must) be)\b|[:=])|\bi(?:'d|'ll|\s+would|\s+will)?\s+(?:pick|choose|select|go with|opt for)\b))|(\b(?i:it(?:'s|\s+is|\s+(?:must|should|has to|can only|would) be))\b)|(?i:\b(?:is|are)\s+(?:(?:the|therefore|thus|clearly|probably|likely)\s+)*(?:(?:correct|right)\b|(?:best|most \w+)\s+(?:answer|choice|option)\b)))");
  Reading out;
  re2::StringPiece groups[3];
  const std::string_view text = plain_;
  for (std::size_t at = 0; at < text.size();) {
    if (!kPhrase.Match(piece(text), at, text.size(), RE2::UNANCHORED, groups, 3)) break;
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    at = begin + groups[0].size();
    const std::size_t from = skip_marks(at);
    if (asked(from)) continue;
    const Reading reading = groups[1].data() != nullptr   ? said_at(from)
                            : groups[2].data() != nullptr ? marked_at(from)
                                                          : read_before(begin);
    if (reading.kind != Reading::Kind::kNothing) out = reading;
  }
  return out;
}

/// What the rest of a sentence says from `from` on.
Reading ChoiceText::said_at(std::size_t from) const {
  const Reading label = label_at(from);
  return label.kind == Reading::Kind::kNothing ? read(from, sentence_end(plain_, from)) : label;
}

Reading ChoiceText::concluded() const {
  static const RE2 kConclusion(
      R"((?:^|[.!?:]\s+|\n)((?i:therefore|thus|so|hence|consequently|in conclusion)\b))");
  Reading out;
  re2::StringPiece groups[2];
  const std::string_view text = plain_;
  for (std::size_t at = 0; at < text.size();) {
    if (!kConclusion.Match(piece(text), at, text.size(), RE2::UNANCHORED, groups, 2)) break;
    at = static_cast<std::size_t>(groups[1].data() - text.data()) + groups[1].size();
    const Reading reading = read(at, sentence_end(text, at));
    if (reading.kind != Reading::Kind::kNothing) out = reading;
  }
  return out;
}

/// A letter in either case that is the whole text but for "option" and marks: "d", "b.", "Option
/// B".
Reading ChoiceText::whole_label() const {
  static const RE2 kWhole(R"re(\W*(?:(?i:option|choice)\s+)?[("'\[]*([A-Za-z])[)"'\].:]*\s*)re");
  std::string letter;
  if (!RE2::FullMatch(plain_, kWhole, &letter)) return {};
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    if (lower(choices_[i].label) == lower(letter)) return {Reading::Kind::kChoice, i};
  }
  return {};
}

/// A choice alone on the first line, unless the second line goes on with another one (a list).
Reading ChoiceText::leading() const {
  if (const Reading alone = whole_label(); alone.kind != Reading::Kind::kNothing) return alone;
  const std::size_t line = std::min(plain_.find('\n'), plain_.size());
  if (mentions_.empty() || mentions_.front().begin != skip_marks(0)) return {};
  const Mention& first = mentions_.front();
  const bool by_label = first.kind != Mention::Kind::kText;
  const bool alone =
      between(first.end, line).find_first_not_of(" .:)!\"'") == std::string_view::npos;
  if (first.end > line || first.negated || !(alone || (by_label && first.begin == 0))) return {};
  if (!alone && first.kind == Mention::Kind::kBare) return {};
  const bool list = mentions_.size() > 1 && mentions_[1].kind != Mention::Kind::kText &&
                    mentions_[1].begin == skip_marks(line);
  if (list) return {};
  return {Reading::Kind::kChoice, first.choice};
}

/// The last label with a mark; where there is none the last choice named by text, or else by a bare
/// label. What a question names does not count.
Reading ChoiceText::last_mention() const {
  Reading label;
  Reading text;
  Reading bare;
  for (const Mention& mention : mentions_) {
    if (mention.negated || asked(mention.begin)) continue;
    Reading& last = mention.kind == Mention::Kind::kText   ? text
                    : mention.kind == Mention::Kind::kBare ? bare
                                                           : label;
    last = {Reading::Kind::kChoice, mention.choice};
  }
  for (const Reading& reading : {label, text}) {
    if (reading.kind != Reading::Kind::kNothing) return reading;
  }
  return bare;
}

}  // namespace

std::optional<std::string> choice_named(const std::vector<Choice>& choices, std::string_view text) {
  static constexpr std::string_view kMarks = " \n().[]:\"'";
  std::string whole = lower(plain_text(trim(text)));
  while (!whole.empty() && kMarks.find(whole.back()) != std::string_view::npos) whole.pop_back();
  whole.erase(0, std::min(whole.find_first_not_of(kMarks), whole.size()));
  for (const Choice& choice : choices) {
    if (lower(choice.label) == whole) return choice.label;
  }
  const Reading reading = ChoiceText(choices, text).first();
  if (reading.kind != Reading::Kind::kChoice) return std::nullopt;
  return choices[reading.choice].label;
}

std::optional<Found> extract_choice(const std::vector<Choice>& choices, std::string_view text,
                                    bool marked_only) {
  if (const auto boxed = last_boxed(text)) {
    if (auto label = choice_named(choices, *boxed)) {
      return Found{std::move(*label), AnswerRule::kBoxed};
    }
  }
  if (const auto tagged = last_tagged(text)) {
    if (auto label = choice_named(choices, *tagged)) {
      return Found{std::move(*label), AnswerRule::kTagged};
    }
  }
  const ChoiceText reader(choices, text);
  using Rule = Reading (ChoiceText::*)() const;
  static constexpr std::pair<Rule, AnswerRule> kRules[] = {
      {&ChoiceText::announced, AnswerRule::kAnnounced},
      {&ChoiceText::concluded, AnswerRule::kConcluded},
      {&ChoiceText::leading, AnswerRule::kLeading},
      {&ChoiceText::last_mention, AnswerRule::kLastMention}};
  for (const auto& [rule, name] : kRules) {
    if (marked_only && name == AnswerRule::kLastMention) break;
    const Reading reading = (reader.*rule)();
    if (reading.kind == Reading::Kind::kHedged) return std::nullopt;
    if (reading.kind == Reading::Kind::kChoice) return Found{choices[reading.choice].label, name};
  }
  return std::nullopt;
}

}  // namespace citer
