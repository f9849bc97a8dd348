#include "task/code_answer.h"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "task/sandbox.h"
#include "task/text.h"

namespace citer {

namespace {

constexpr std::size_t kNone = std::string_view::npos;
constexpr std::string_view kFence = "```";

/// The contents of the blocks between lines that begin with ```; the last may be cut off.
std::vector<std::string_view> fenced_blocks(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = text.find(kFence); at != kNone; at = text.find(kFence, at)) {
    const std::size_t line_end = text.find('\n', at);
    if (line_end == kNone) break;
    const std::size_t begin = line_end + 1;
    const std::size_t end = std::min(text.find(kFence, begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    at = std::min(end + kFence.size(), text.size());
  }
  return out;
}

/// Where the line that defines the function begins, at any depth; kNone when none does.
std::size_t definition_of(const std::string& function, std::string_view code) {
  const std::string head = "def " + function;
  for (std::size_t at = code.find(head); at != kNone; at = code.find(head, at + 1)) {
    const std::size_t line = code.rfind('\n', at) + 1;  // of kNone + 1 it is 0
    const std::string_view after = code.substr(at + head.size());
    const bool whole = after.starts_with('(') || after.starts_with(" (");
    const std::string_view before = code.substr(line, at - line);
    if (whole && (trim(before).empty() || trim(before) == "async")) return line;
  }
  return kNone;
}

bool begins_program(std::string_view line) {
  static constexpr std::array<std::string_view, 6> kStarts = {"import ", "from ", "def ",
                                                              "class ",  "@",     "async "};
  for (const std::string_view start : kStarts) {
    if (line.starts_with(start)) return true;
  }
  return false;
}

/// The lines up to the first at the margin that `keeps` does not hold for.
template <class Keeps>
std::string_view lines_while(std::string_view code, Keeps keeps) {
  std::size_t at = 0;
  while (at < code.size()) {
    const std::size_t next = std::min(code.find('\n', at), code.size() - 1) + 1;
    const std::string_view line = code.substr(at, next - at);
    if (!is_space(line.front()) && !keeps(line)) break;
    at = next;
  }
  return code.substr(0, at);
}

/// A program amid prose: from its first definition or import, as long as the lines look like one.
std::string_view program_in(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && !begins_program(text.substr(at))) {
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
  }
  return lines_while(text.substr(at), [](std::string_view line) {
    static constexpr std::string_view kGoesOn = "#)]}";
    return begins_program(line) || kGoesOn.find(line.front()) != kNone || line.find('=') != kNone;
  });
}

std::string_view chosen_block(const std::vector<std::string_view>& blocks,
                              const std::string& function) {
  const auto defines = [&](std::string_view block) {
    return !function.empty() && definition_of(function, block) != kNone;
  };
  const auto last = std::find_if(blocks.rbegin(), blocks.rend(), defines);
  return last == blocks.rend() ? blocks.front() : *last;
}

}  // namespace

std::optional<Found> extract_code(const Example& example, std::string_view text, bool marked_only) {
  const auto blocks = fenced_blocks(text);
  const bool fenced = !blocks.empty();
  if (marked_only && !fenced) return std::nullopt;
  const AnswerRule rule = fenced ? AnswerRule::kFenced : AnswerRule::kContinuation;
  const std::string& function = example.entry_point;
  const std::string_view code = fenced ? chosen_block(blocks, function) : text;
  if (function.empty() || definition_of(function, code) != kNone) {
    const std::size_t head = definition_of(function, example.question);
    const std::string before = head == kNone ? "" : example.question.substr(0, head);
    return Found{before + std::string(fenced ? code : program_in(code)), rule};
  }
  const auto body = lines_while(code, [](std::string_view) { return false; });
  return Found{example.question + std::string(body), rule};
}

bool passes_tests(const Example& example, const std::string& program, double seconds) {
  // A program that ends before its tests must not pass: they are followed by a word it cannot know.
  const std::string word = fmt::format("passed {:016x}", std::random_device{}());
  const std::string whole = fmt::format("{}\n\n{}\nprint('\\n{}')\n", program, example.gold, word);
  const ProcessResult result = run_python(whole, {.seconds = seconds});
  return result.status == 0 && result.output.ends_with("\n" + word + "\n");
}

}  // namespace citer
