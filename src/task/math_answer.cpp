#include <re2/re2.h>

#include "task/extract.h"
#include "task/latex.h"
#include "task/marks.h"
#include "task/math_compare.h"
#include "task/text.h"

namespace citer {

namespace {

struct Span {
  std::size_t begin;
  std::size_t end;
};

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

/// A sign binds to what follows unless a number or a variable stands right before it ("16-3").
bool is_sign(std::string_view text, std::size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  return !is_digit(before) && !is_letter(before) && before != ')' && before != '}';
}

/// "2nd", "x2", "H2O": digits that are part of a word.
bool in_word(std::string_view text, Span span) {
  if (span.begin > 0 && (is_letter(text[span.begin - 1]) || text[span.begin - 1] == '_')) {
    return text[span.begin] != '\\';
  }
  static const RE2 kOrdinal(R"(^(?:st|nd|rd|th)\b)");
  return RE2::PartialMatch(piece(text.substr(span.end)), kOrdinal);
}

/// Every number in prose: sign, currency, thousands separators, decimals, fractions, mixed numbers,
/// powers.
std::vector<Span> find_numbers(std::string_view text) {
  static const RE2 kNumber(
      R"([-+]?(?:\\?\$)?(?:\d+)?\\[dtc]?frac\s*\{-?\d+\}\s*\{\d+\})"
      R"(|[-+]?(?:\\?\$)?\d+ \d+/\d+\b)"
      R"(|[-+]?(?:\\?\$\s?)?[-+]?(?:(?:\d{1,3}(?:(?:,|,\\!|\\,|\{,\}|\x{2009}|\x{202f})\d{3})+\b|\d+)(?:\.\d+)?|\.\d+)(?:/\d+\b)?)"
      R"((?:[eE][-+]?\d+\b|\s?(?:\\times|\\cdot|×|·|\*|x)\s?10\^(?:\{-?\d+\}|-?\d+)|\^(?:\{-?\d+\}|-?\d+))?)");
  std::vector<Span> out;
  re2::StringPiece match;
  for (std::size_t at = 0; at < text.size();) {
    if (!kNumber.Match(piece(text), at, text.size(), RE2::UNANCHORED, &match, 1)) break;
    Span span{static_cast<std::size_t>(match.data() - text.data()), 0};
    span.end = span.begin + match.size();
    at = span.end;
    if ((text[span.begin] == '-' || text[span.begin] == '+') && !is_sign(text, span.begin)) {
      ++span.begin;
    }
    if (!in_word(text, span)) out.push_back(span);
  }
  return out;
}

std::string_view cut(std::string_view text, Span span) {
  return text.substr(span.begin, span.end - span.begin);
}

/// How far an answer is looked for after the words that announce it; bounds the work.
constexpr std::size_t kReach = 1000;

/// The rest of the sentence that `from` lies in.
std::string_view sentence_at(std::string_view text, std::size_t from) {
  const std::string_view rest = text.substr(from, kReach);
  return rest.substr(0, sentence_end(rest, 0));
}

/// "9 * 2 = 18" -> "18"; an equation that defines something ("x = 5") is left to normalize_math().
std::string_view result_of(std::string_view text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) return text;
  const std::string_view result = trim(text.substr(equals + 1));
  const std::string left = normalize_math(text.substr(0, equals));
  if (left.find(',') != std::string::npos) return text;  // "x = 3, y = 4"
  const bool chain = left.find('=') != std::string::npos;
  const bool arithmetic = left.find_first_of("0123456789") != std::string::npos &&
                          (chain || is_constant_text(left)) &&
                          is_constant_text(normalize_math(result));
  return arithmetic ? result : text;
}

/// The contents of "$...$", "\(...\)" or "\[...\]" at the start of `clause`, if it starts so.
std::optional<std::string_view> delimited(std::string_view clause) {
  static const RE2 kMath(
      R"((?s)^(?:\$\$\s*([^$]+?)\s*\$\$|\$([^$\s](?:[^$]*[^$\s])?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]))");
  re2::StringPiece groups[5];
  if (!kMath.Match(piece(clause), 0, clause.size(), RE2::ANCHOR_START, groups, 5)) {
    return std::nullopt;
  }
  for (int i = 1; i < 5; ++i) {
    if (!groups[i].empty()) return std::string_view(groups[i].data(), groups[i].size());
  }
  return std::nullopt;
}

/// Whether a clause is one formula or word, and not prose around one.
bool is_compact(std::string_view clause) {
  static const RE2 kProse(R"((?:^|[^\\A-Za-z{])[A-Za-z]{2,})");
  static const RE2 kOneWord(R"([A-Za-z][A-Za-z'-]*)");
  static const RE2 kText(R"(\\(?:text|mbox|mathrm)\s*\{[^}]*\}|\b(?:and|or)\b)");
  if (RE2::FullMatch(piece(clause), kOneWord)) return true;
  std::string rest(clause);
  RE2::GlobalReplace(&rest, kText, "");
  return !RE2::PartialMatch(rest, kProse);
}

/// Without what explains the answer: "7 days because ...", "42 (which is ...)".
std::string_view without_reason(std::string_view clause) {
  static const RE2 kReason(
      R"([\s,;(]+(?i:because|since|as|which|where|so|but|i\.e\.|given|if|when)\b)");
  re2::StringPiece match;
  if (!kReason.Match(piece(clause), 0, clause.size(), RE2::UNANCHORED, &match, 1)) return clause;
  return clause.substr(0, static_cast<std::size_t>(match.data() - clause.data()));
}

/// The calculation that begins with the first number ("10 + 8"), or that number.
std::string first_calculation(std::string_view clause, const std::vector<Span>& numbers) {
  static const RE2 kOperator(R"(\s*(?:[-+*/×·÷]|\\times|\\cdot|\\div)\s*\$?)");
  Span out = numbers.front();
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    const auto between = cut(clause, {out.end, numbers[i].begin});
    // A minus before a number may have been taken for its sign.
    const bool sign = clause[numbers[i].begin] == '-' || clause[numbers[i].begin] == '+';
    if (!RE2::FullMatch(piece(between), kOperator) && !(sign && trim(between).empty())) break;
    out.end = numbers[i].end;
  }
  return std::string(cut(clause, out));
}

/// The answer in prose: the first number after the last "=", else the first calculation.
std::optional<std::string> value_in_prose(std::string_view clause) {
  const std::size_t equals = clause.rfind('=');
  if (equals != std::string_view::npos) {
    const std::string_view right = clause.substr(equals);
    const auto after = find_numbers(right);
    if (!after.empty()) return std::string(cut(right, after.front()));
  }
  const auto numbers = find_numbers(clause);
  if (numbers.empty()) return std::nullopt;
  return first_calculation(clause, numbers);
}

/// The answer in what follows "the answer is": formulas as a whole, else a value in prose.
std::optional<std::string> announced_value(std::string_view text, std::size_t from) {
  while (from < text.size() && (is_space(text[from]) || text[from] == ':')) ++from;
  const std::string_view sentence = sentence_at(text, from);
  if (text.substr(from + sentence.size()).starts_with('?')) return std::nullopt;
  if (const auto formula = delimited(text.substr(from, kReach)))
    return std::string(result_of(*formula));
  const std::string_view whole = trim(sentence);
  if (whole.empty() || whole.starts_with("not ")) return std::nullopt;
  const std::string_view clause = without_reason(whole);
  if (is_compact(clause)) return std::string(result_of(clause));
  const std::size_t aside = clause.find(" (");
  const std::string_view said = clause.substr(0, aside);
  return value_in_prose(find_numbers(said).empty() ? clause : said);
}

/// The last announcement that something follows.
std::optional<std::string> last_announced(std::string_view text) {
  static const RE2 kAnnounced(
      std::string(announcement_pattern()) +
      R"((?:\s*(?i:approximately|about|exactly|simply|just|therefore|thus|also)\b)?)");
  std::optional<std::string> out;
  re2::StringPiece match;
  for (std::size_t at = 0; at < text.size();) {
    if (!kAnnounced.Match(piece(text), at, text.size(), RE2::UNANCHORED, &match, 1)) break;
    at = static_cast<std::size_t>(match.data() - text.data()) + match.size();
    if (auto value = announced_value(text, at)) out = std::move(value);
  }
  return out;
}

/// The last formula between TeX's delimiters, "$...$" where no sum of money can be meant; or
/// nothing.
std::string_view last_formula(std::string_view text) {
  static const RE2 kMath(
      R"((?s)\$\$\s*([^$]+?)\s*\$\$|\$\s?([^$\n]*[\w})\]!%])\s?\$|\\\((.+?)\\\)|\\\[(.+?)\\\])");
  std::string_view out;
  re2::StringPiece groups[5];
  for (std::size_t at = 0; at < text.size();) {
    if (!kMath.Match(piece(text), at, text.size(), RE2::UNANCHORED, groups, 5)) break;
    at = static_cast<std::size_t>(groups[0].data() - text.data()) + groups[0].size();
    for (int i = 1; i < 5; ++i) {
      const std::string_view formula = trim({groups[i].data(), groups[i].size()});
      const bool money = i == 2 && at < text.size() && is_digit(text[at]);
      if (!formula.empty() && !money && is_compact(formula)) out = formula;
    }
  }
  return out;
}

/// The last formula or number in a stretch of text, whichever ends later.
std::optional<std::string> last_value(std::string_view text) {
  const std::string_view formula = last_formula(text);
  const auto numbers = find_numbers(text);
  if (numbers.empty() && formula.empty()) return std::nullopt;
  const bool number_last =
      formula.empty() ||
      (!numbers.empty() && text.data() + numbers.back().begin >= formula.data() + formula.size());
  return std::string(number_last ? cut(text, numbers.back()) : result_of(formula));
}

/// The last value of the last sentence that begins with Therefore, So, ... and has one.
std::optional<std::string> last_concluded(std::string_view text) {
  static const RE2 kConclusion(
      R"((?:^|[.!?:]\s+|\n\s*)((?i:therefore|thus|so|hence|consequently|in total|in conclusion|finally)\b))");
  std::optional<std::string> out;
  re2::StringPiece groups[2];
  for (std::size_t at = 0; at < text.size();) {
    if (!kConclusion.Match(piece(text), at, text.size(), RE2::UNANCHORED, groups, 2)) break;
    at = static_cast<std::size_t>(groups[1].data() - text.data()) + groups[1].size();
    if (auto value = last_value(sentence_at(text, at))) out = std::move(value);
  }
  return out;
}

/// Without Markdown's emphasis; "2**3" is a power.
std::string without_emphasis(std::string_view text) {
  static const RE2 kOpening(R"((^|[^\w)}])\*\*)");
  static const RE2 kClosing(R"(\*\*($|[^\w({]))");
  std::string out(text);
  RE2::GlobalReplace(&out, kOpening, R"(\1)");
  RE2::GlobalReplace(&out, kClosing, R"(\1)");
  return out;
}

}  // namespace

std::optional<Found> extract_math(std::string_view text, bool marked_only) {
  const std::string plain = without_emphasis(replace_all(text, "−", "-"));
  if (const auto boxed = last_boxed(plain)) {
    return Found{std::string(result_of(*boxed)), AnswerRule::kBoxed};
  }
  if (const auto tagged = last_tagged(plain)) {
    return Found{std::string(result_of(*tagged)), AnswerRule::kTagged};
  }
  if (const auto hashes = last_hash_answer(plain)) return Found{*hashes, AnswerRule::kHashes};
  if (const auto announced = last_announced(plain)) {
    return Found{*announced, AnswerRule::kAnnounced};
  }
  if (const auto concluded = last_concluded(plain)) {
    return Found{*concluded, AnswerRule::kConcluded};
  }
  auto value = marked_only ? std::nullopt : last_value(plain);
  if (!value) return std::nullopt;
  return Found{std::move(*value), AnswerRule::kLastMention};
}

}  // namespace citer
