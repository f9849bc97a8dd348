#include "grammar/grammar.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/utf8.h"
#include "citer/error.h"

namespace citer {

namespace {

using Op = Grammar::Op;
using Code = std::vector<Grammar::Step>;

bool is_word(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

/// Recursive descent that writes each rule's program as it reads. What was read last is the end of
/// the program, entered at its first step and left behind its last; targets are relative, so that
/// repeating is copying.
class GbnfParser final : Scanner {
 public:
  GbnfParser(std::string_view text, const GrammarLimits& limits)
      : Scanner(code_points(text)), limits_(limits) {}

  Grammar parse() {
    blanks(/*lines=*/true);
    while (!at_end()) rule();
    return linked();
  }

 private:
  struct Rule {
    std::string name;
    std::size_t used_at;  ///< its first use
    std::optional<Code> code;
  };

  [[noreturn]] void fail(const std::string& problem) const override { fail_at(at_, problem); }

  [[noreturn]] void fail_at(std::size_t at, const std::string& problem) const {
    const auto place = text_.begin() + static_cast<std::ptrdiff_t>(at);
    const auto line = std::count(text_.begin(), place, U'\n') + 1;
    const std::size_t start = at == 0 ? 0 : text_.rfind(U'\n', at - 1) + 1;  // npos + 1 is 0
    throw UsageError(fmt::format("grammar: {}:{}: {}", line, at - start + 1, problem));
  }

  void check(std::size_t found, std::size_t most, const char* what) const {
    if (found > most) fail(fmt::format("{} {}, at most {} are allowed", found, what, most));
  }

  std::string found() const {
    if (at_end()) return "the end";
    const bool is_plain = peek() > 0x20 && peek() < 0x7F;
    return is_plain ? fmt::format("'{}'", static_cast<char>(peek()))
                    : fmt::format("U+{:04X}", static_cast<std::uint32_t>(peek()));
  }

  void expect(char32_t c) {
    if (!take(c)) fail(fmt::format("expected '{}', found {}", static_cast<char>(c), found()));
  }

  /// Blanks and comments; also line breaks, with `lines`.
  void blanks(bool lines) {
    for (; !at_end(); ++at_) {
      if (peek() == '#') at_ = std::min(text_.find_first_of(U"\r\n", at_), text_.size());
      const bool is_break = peek() == '\n' || peek() == '\r';
      if (at_end() || !(peek() == ' ' || peek() == '\t' || (lines && is_break))) return;
    }
  }

  std::size_t rule_number() {
    const std::size_t from = at_;
    std::string name;
    while (is_word(peek())) name += static_cast<char>(next());
    if (name.empty()) fail("expected the name of a rule, found " + found());
    const auto [known, is_new] = numbers_.try_emplace(name, rules_.size());
    if (is_new) rules_.push_back({name, from, {}});
    check(rules_.size(), limits_.rules, "rules");
    return known->second;
  }

  void rule() {
    const std::size_t number = rule_number();
    blanks(false);
    for (const char c : {':', ':', '='}) expect(static_cast<char32_t>(c));
    blanks(true);
    code_.clear();
    choices(/*nested=*/false);
    rules_[number].code = code_;
    take('\r');
    if (!at_end() && !take('\n')) fail("expected the end of the line, found " + found());
    blanks(true);
  }

  // Parts

  void choices(bool nested) {
    std::vector<std::size_t> jumps;
    for (;;) {
      const std::size_t from = code_.size();
      sequence(nested);
      if (!take('|')) break;
      blanks(true);
      const Code alternative(code_.begin() + static_cast<std::ptrdiff_t>(from), code_.end());
      code_.resize(from);
      write(Op::kSplit, alternative.size() + 2);
      append(alternative);
      jumps.push_back(code_.size());
      write(Op::kJump, 0);
    }
    for (const std::size_t jump : jumps) code_[jump].arg = offset(jump, code_.size());
  }

  void sequence(bool nested) {
    std::size_t from = code_.size();
    while (item(nested)) {
      blanks(nested);
      while (quantifier(from)) blanks(nested);
      from = code_.size();
    }
  }

  /// One thing that a quantifier may follow; false where there is none.
  bool item(bool nested) {
    if (is_word(peek())) {
      const std::size_t number = rule_number();
      write(Op::kCall, number);
    } else if (take('"')) {
      while (!take('"')) {
        const char32_t c = character();
        write(Op::kChar, class_number({{c, c}}, /*negated=*/false));
      }
    } else if (take('[')) {
      write(Op::kChar, char_class());
    } else if (take('.')) {
      write(Op::kChar, class_number({}, /*negated=*/true));
    } else if (take('(')) {
      group();
    } else {
      check_end_of_sequence(nested);
      return false;
    }
    return true;
  }

  void check_end_of_sequence(bool nested) const {
    const char32_t c = peek();
    if (c == '<' || c == '!') fail("references to tokens (<...>) are not supported");
    if (c == '*' || c == '+' || c == '?' || c == '{') fail("nothing stands before " + found());
    const bool ends = c == '|' || (nested ? c == ')' : at_end() || c == '\n' || c == '\r');
    if (!ends) fail(fmt::format("expected {}, found {}", nested ? "')'" : "a symbol", found()));
  }

  void group() {
    check(++depth_, limits_.depth, "parentheses within each other");
    blanks(true);
    choices(/*nested=*/true);
    expect(')');
    --depth_;
  }

  char32_t character() {
    const char32_t c = next();
    if (c != '\\') return c;
    switch (const char32_t letter = next()) {
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      case 'U':
        return hex(8);
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '\\':
      case '"':
      case '[':
      case ']':
        return letter;
      default:
        --at_;
        fail(R"(expected one of x u U n r t \ " [ ] after '\', found )" + found());
    }
  }

  /// After the opening bracket.
  std::size_t char_class() {
    const bool negated = take('^');
    Ranges ranges;
    while (!take(']')) {
      Range range{character(), 0};
      const bool is_range = peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
      if (is_range) next();
      range.last = is_range ? character() : range.first;
      if (range.last < range.first) fail("the last character of a range comes before the first");
      ranges.push_back(range);
    }
    return class_number(std::move(ranges), negated);
  }

  std::size_t class_number(Ranges ranges, bool negated) {
    if (!negated) ranges = complement(std::move(ranges));
    ranges.push_back(kSurrogates);
    return classes_.try_emplace(complement(std::move(ranges)), classes_.size()).first->second;
  }

  // Repetition of what stands from `from`

  bool quantifier(std::size_t from) {
    if (take('*')) {
      repeat(from, 0, {});
    } else if (take('+')) {
      repeat(from, 1, {});
    } else if (take('?')) {
      repeat(from, 0, 1);
    } else if (take('{')) {
      counts(from);
    } else {
      return false;
    }
    return true;
  }

  void counts(std::size_t from) {
    const std::size_t place = at_;
    blanks(false);
    const std::int64_t min = number(limits_.repetitions);
    blanks(false);
    std::optional<std::int64_t> max = min;
    if (take(',')) {
      blanks(false);
      max = peek() == '}' ? std::nullopt : std::optional(number(limits_.repetitions));
      blanks(false);
    }
    expect('}');
    if (max && *max < min) {
      fail_at(place, fmt::format("expected {{least,most}}, found {{{},{}}}", min, *max));
    }
    repeat(from, min, max);
  }

  void repeat(std::size_t from, std::int64_t min, std::optional<std::int64_t> max) {
    const Code part(code_.begin() + static_cast<std::ptrdiff_t>(from), code_.end());
    code_.resize(from);
    if (part.empty()) return;
    for (std::int64_t i = 0; i < min; ++i) append(part);
    if (!max) {
      const std::size_t split = code_.size();
      write(Op::kSplit, part.size() + 2);
      append(part);
      write(Op::kJump, offset(code_.size(), split));
      return;
    }
    // Each may be the last: it is left for behind them all.
    const std::size_t end = code_.size() + static_cast<std::size_t>(*max - min) * (part.size() + 1);
    while (code_.size() < end) {
      write(Op::kSplit, offset(code_.size(), end));
      append(part);
    }
  }

  // The program

  static std::uint32_t offset(std::size_t from, std::size_t to) {
    return static_cast<std::uint32_t>(to - from);  // modulo 2^32: it may be negative
  }

  void write(Op op, std::size_t arg) { append({{op, static_cast<std::uint32_t>(arg)}}); }

  /// What repetitions throw away again counts, too: it took its time.
  void append(const Code& code) {
    written_ += code.size();
    check(written_, limits_.symbols, "symbols with repetitions written out");
    code_.insert(code_.end(), code.begin(), code.end());
  }

  /// All rules in one program, its targets absolute.
  Grammar linked() {
    const auto root = numbers_.find("root");
    if (root == numbers_.end()) throw UsageError("grammar: there is no rule 'root'");
    Grammar grammar;
    std::vector<std::uint32_t> begins;
    for (const Rule& rule : rules_) {
      if (!rule.code) fail_at(rule.used_at, fmt::format("there is no rule '{}'", rule.name));
      begins.push_back(static_cast<std::uint32_t>(grammar.program.size()));
      add(*rule.code, grammar.program);
    }
    for (Grammar::Step& step : grammar.program) {
      if (step.op == Op::kCall || step.op == Op::kTail) step.arg = begins[step.arg];
    }
    grammar.root = begins[root->second];
    grammar.classes.resize(classes_.size());
    for (const auto& [ranges, number] : classes_) grammar.classes[number] = ranges;
    grammar.limits = limits_;
    return grammar;
  }

  static void add(const Code& code, Code& program) {
    const std::size_t begin = program.size();
    program.insert(program.end(), code.begin(), code.end());
    program.push_back({Op::kReturn});
    for (std::size_t at = begin; at < program.size(); ++at) {
      const bool is_relative = program[at].op == Op::kSplit || program[at].op == Op::kJump;
      if (is_relative) program[at].arg += static_cast<std::uint32_t>(at);
    }
    for (std::size_t at = begin; at < program.size(); ++at) {
      std::size_t next = at + 1;
      while (program[at].op == Op::kCall && program[next].op == Op::kJump) next = program[next].arg;
      const bool is_tail = program[at].op == Op::kCall && program[next].op == Op::kReturn;
      if (is_tail) program[at].op = Op::kTail;
    }
  }

  const GrammarLimits& limits_;
  std::vector<Rule> rules_;
  std::map<std::string, std::size_t> numbers_;  ///< of rules by name
  std::map<Ranges, std::size_t> classes_;
  Code code_;  ///< of the rule that is read
  std::size_t written_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

std::shared_ptr<const Grammar> compile_grammar(std::string_view gbnf, const GrammarLimits& limits) {
  if (gbnf.size() > limits.text) {
    throw UsageError(
        fmt::format("grammar: {} bytes, at most {} are allowed", gbnf.size(), limits.text));
  }
  if (valid_utf8(gbnf) != gbnf) throw UsageError("grammar: expected UTF-8");
  return std::make_shared<const Grammar>(GbnfParser(gbnf, limits).parse());
}

}  // namespace citer
