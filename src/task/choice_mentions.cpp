#include "task/choice_mentions.h"

#include <algorithm>
#include <iterator>
#include <map>

#include <re2/re2.h>

#include "task/text.h"

namespace citer {

namespace {

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

bool is_word(char c) { return is_letter(c) || is_digit(c); }

/// Characters around a span; '\0' outside the text.
struct Around {
  std::string_view text;
  char operator[](std::size_t i) const { return i < text.size() ? text[i] : '\0'; }
};

std::string collapse_space(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_space(text[at])) {
      out += text[at++];
      continue;
    }
    bool newline = false;
    for (; at < text.size() && is_space(text[at]); ++at) newline = newline || text[at] == '\n';
    out += newline ? '\n' : ' ';
  }
  return out;
}

/// Same length as `plain`: lower case, newlines as spaces.
std::string match_form(std::string_view plain) { return replace_all(lower(plain), "\n", " "); }

std::string choice_form(const Choice& choice) {
  std::string out = match_form(plain_text(trim(choice.text)));
  while (out.size() > 1 && (out.back() == '.' || out.back() == ' ')) out.pop_back();
  return out;
}

/// Whether [begin, end) is not a piece of a longer word, hyphenated word or number.
bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const Around c{text};
  const bool number = is_digit(text[begin]);
  if (is_word(text[begin]) && begin > 0) {
    const char before = c[begin - 1];
    const char further = begin > 1 ? c[begin - 2] : '\0';
    if (is_word(before)) return false;
    if (before == '-' && (number || is_word(further))) return false;
    if (number && (before == '.' || before == ',' || before == '/') && is_digit(further))
      return false;
  }
  if (is_word(text[end - 1])) {
    if (is_word(c[end])) return false;
    if (c[end] == '-' && is_word(c[end + 1])) return false;
    const bool joins = c[end] == '.' || c[end] == ',' || c[end] == '/';
    if (is_digit(text[end - 1]) && joins && is_digit(c[end + 1])) return false;
  }
  return true;
}

void find_text(std::string_view form, const std::string& wanted, std::size_t choice,
               std::vector<Mention>& out) {
  if (wanted.empty()) return;
  for (std::size_t at = form.find(wanted); at != std::string_view::npos;
       at = form.find(wanted, at + 1)) {
    const std::size_t end = at + wanted.size();
    if (stands_alone(form, at, end)) {
      out.push_back({at, end, choice, Mention::Kind::kText, false});
    }
  }
}

/// "A frog", "I think": a word, not a label.
bool is_article(std::string_view plain, std::size_t begin, std::size_t end) {
  if (end - begin != 1 || (plain[begin] != 'A' && plain[begin] != 'I')) return false;
  static const RE2 kWord(R"(^\s+[A-Za-z])");
  static const RE2 kReason(
      R"(^\s+(?:because|since|as|and|but|or|is|for|which|due|given|not|rather|instead)\b)"
      R"(|^\s+(?:was|has|does|fits|works|makes|matches|seems|holds|applies|describes|would|should|could)\b)");
  const re2::StringPiece after = piece(plain.substr(end));
  return RE2::PartialMatch(after, kWord) && !RE2::PartialMatch(after, kReason);
}

/// Reads the label at [begin, end) of `plain` as a mention; false when it is none.
bool read_label(std::string_view plain, std::size_t begin, std::size_t end, bool same_case,
                Mention& out) {
  const Around c{plain};
  const char before = begin > 0 ? c[begin - 1] : '\0';
  const char after = c[end];
  if ((before == '(' && after == ')') || (before == '[' && after == ']')) {
    out.begin = begin - 1;
    out.end = end + 1;
    out.kind = Mention::Kind::kParenthesised;
    return true;
  }
  if (is_word(before) || is_word(after) || before == '-' || after == '-' ||
      (after == '\'' && before != '\''))
    return false;
  if (before == '.' || before == '/' || after == '/') return false;
  out.begin = begin;
  out.end = end;
  const char next = c[end + 1];
  const bool closed = next == '\0' || is_space(next) || next == '"' || next == '}';
  const bool point = (after == '.' || after == ':' || after == ',') && closed;
  if (after == ')' && before != '(') {
    out.end = end + 1;
    out.kind = Mention::Kind::kMarked;
    return true;
  }
  if (!same_case) return false;
  if (point) {
    out.kind = Mention::Kind::kMarked;
    return true;
  }
  out.kind = Mention::Kind::kBare;
  return !is_article(plain, begin, end);
}

void find_label(std::string_view plain, std::string_view form, const std::string& label,
                std::size_t choice, std::vector<Mention>& out) {
  const std::string wanted = lower(label);
  if (wanted.empty()) return;
  for (std::size_t at = form.find(wanted); at != std::string_view::npos;
       at = form.find(wanted, at + 1)) {
    Mention mention;
    mention.choice = choice;
    const bool same_case = plain.substr(at, label.size()) == label;
    if (read_label(plain, at, at + label.size(), same_case, mention)) out.push_back(mention);
  }
}

/// Of overlapping mentions the longest stays; of equally long ones the one found first.
std::vector<Mention> without_overlaps(std::vector<Mention> mentions) {
  std::stable_sort(mentions.begin(), mentions.end(), [](const Mention& a, const Mention& b) {
    return a.end - a.begin > b.end - b.begin;
  });
  std::map<std::size_t, Mention> kept;  // by where they begin
  for (const Mention& mention : mentions) {
    const auto next = kept.lower_bound(mention.begin);
    const bool before_next = next == kept.end() || mention.end <= next->second.begin;
    const bool after_last = next == kept.begin() || std::prev(next)->second.end <= mention.begin;
    if (before_next && after_last) kept.emplace(mention.begin, mention);
  }
  std::vector<Mention> out;
  out.reserve(kept.size());
  for (const auto& [begin, mention] : kept) out.push_back(mention);
  return out;
}

std::vector<Mention> merge_neighbours(const std::vector<Mention>& mentions,
                                      std::string_view plain) {
  std::vector<Mention> out;
  for (const Mention& mention : mentions) {
    const bool beside = !out.empty() && out.back().choice == mention.choice &&
                        out.back().end <= mention.begin &&
                        plain.substr(out.back().end, mention.begin - out.back().end)
                                .find_first_not_of(" .:)\"'-,") == std::string_view::npos;
    if (!beside) {
      out.push_back(mention);
      continue;
    }
    out.back().end = mention.end;
    out.back().kind = std::min(out.back().kind, mention.kind);
  }
  return out;
}

bool is_negated(std::string_view form, const Mention& mention) {
  static const RE2 kBefore(
      R"((?:\bnot|n't|\bnever|\bneither|\bnor|\bcannot|\bthan|\binstead of|\bexcept(?: for)?|\bunlike|\bwithout|\beliminat\w+|\brul\w+ out|\bexclud\w+|\breject\w+)\s+(?:(?:be|a|an|the|to|in|at|on|option|choice|answer|either)\s+)*["'(\[]*$)");
  static const RE2 kAfter(
      R"(^["')\]]*,?\s*(?:isn't|aren't|wasn't|doesn't|don't|can't|cannot|won't|couldn't|wouldn't|(?:is|are|was|were|does|do|can|could|would|will) not)\b)"
      R"(|^["')\]]*,?\s*(?:is|are|was|were|seems?|looks?)\s+(?:also |clearly |obviously |simply )?(?:wrong|incorrect|false|ruled out|eliminated|impossible|unlikely|irrelevant)\b)");
  constexpr std::size_t kReach = 80;
  const std::size_t from = mention.begin > kReach ? mention.begin - kReach : 0;
  return RE2::PartialMatch(piece(form.substr(from, mention.begin - from)), kBefore) ||
         RE2::PartialMatch(piece(form.substr(mention.end)), kAfter);
}

}  // namespace

std::string plain_text(std::string_view text) {
  std::string out(text);
  constexpr std::pair<std::string_view, std::string_view> kPlain[] = {
      {"’", "'"}, {"‘", "'"}, {"“", "\""}, {"”", "\""}, {"\u00a0", " "}, {"*", ""}, {"`", ""}};
  for (const auto& [from, to] : kPlain) {
    if (out.find(from) != std::string::npos) out = replace_all(out, from, to);
  }
  static const RE2 kWrapped(R"(\\(?:text|textbf|mathrm|mathbf|mbox)\s*\{([^{}]*)\})");
  RE2::GlobalReplace(&out, kWrapped, R"(\1)");
  return collapse_space(out);
}

std::vector<Mention> find_mentions(const std::vector<Choice>& choices, std::string_view plain) {
  const std::string form = match_form(plain);
  std::vector<Mention> found;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const std::string text = choice_form(choices[i]);
    const auto is_that = [&](const Choice& c) { return lower(c.label) == text; };
    // A text that is also a label ("2" beside the label "2") says nothing by itself, unless its
    // label is a number: then a bare number is read as text.
    const bool label_text = std::any_of(choices.begin(), choices.end(), is_that);
    if (!label_text || is_digit(text.front())) find_text(form, text, i, found);
  }
  for (std::size_t i = 0; i < choices.size(); ++i) {
    find_label(plain, form, choices[i].label, i, found);
  }
  std::vector<Mention> out = merge_neighbours(without_overlaps(std::move(found)), plain);
  for (Mention& mention : out) mention.negated = is_negated(form, mention);
  return out;
}

}  // namespace citer
