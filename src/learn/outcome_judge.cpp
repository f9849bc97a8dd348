#include "learn/outcome_judge.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/process.h"
#include "base/text.h"
#include "citer/error.h"
#include "learn/rollouts.h"

namespace citer {

namespace {

/// Seconds that a user's command may take for one text.
constexpr double kCommandSeconds = 60;

/// Whether a command says that a text is right.
bool is_right_by(const std::string& command, const Example& example, const std::string& text) {
  const nlohmann::json input = {
      {"id", example.id}, {"prompt", example.prompt}, {"gold", example.gold}, {"text", text}};
  constexpr auto kReplace = nlohmann::json::error_handler_t::replace;
  const ProcessResult result =
      run_process({"sh", "-c", command}, input.dump(-1, ' ', false, kReplace), kCommandSeconds);
  if (!result.timed_out && result.status <= 1) return result.status == 0;
  throw InputError(fmt::format(
      "{}: expected exit status 0 (right) or 1 (wrong) for '{}', found {}: {}", command, example.id,
      result.timed_out ? fmt::format("none after {} seconds", kCommandSeconds)
                       : std::to_string(result.status),
      trim(result.output)));
}

/// What the LLM is asked about two answers.
std::string comparison_of(const Example& example, const std::string& first,
                          const std::string& second) {
  return fmt::format(
      "Two answers to the same task are given. Decide which of them is better: right where the "
      "other is wrong, or else clearly more useful.\n\n### Task\n{}\n\n### Answer 1\n{}\n\n### "
      "Answer 2\n{}\n\nReply with one word: \"1\", \"2\", or \"tie\".",
      example.prompt, first, second);
}

/// 1 where the reply names the first answer, 0 the second, 0.5 neither.
double first_is_better(std::string_view reply) {
  const std::size_t first = reply.find('1');
  const std::size_t second = reply.find('2');
  if (first == second) return 0.5;
  return first < second ? 1.0 : 0.0;
}

}  // namespace

OutcomeJudge::OutcomeJudge(Service& service, const CollectOptions& options)
    : service_(service), options_(options) {
  if (options.judge == OutcomeRule::kCommand && options.command.empty()) {
    throw FieldError({"command"}, "name a command that judges");
  }
}

std::optional<Example> OutcomeJudge::judged_by(const Example& example,
                                               std::string_view text) const {
  if (example.kind == TaskKind::kCode) return std::nullopt;
  const Judgement judgement = answers_.judge(example, text);
  if (!judgement.answer) return std::nullopt;
  Example out = example;
  out.gold = *judgement.answer;
  return out;
}

/// A text that was cut off counts where its answer had been marked by then.
std::optional<Branch> OutcomeJudge::judge(const Example& example,
                                          const Continuation& continuation) const {
  if (options_.judge == OutcomeRule::kCommand) {
    if (!continuation.is_whole) return std::nullopt;
    const bool right = is_right_by(options_.command, example, continuation.text);
    return Branch{right ? 1.0 : 0.0, continuation.cost};
  }
  const Judgement judgement = answers_.judge(example, continuation.text);
  if (!continuation.is_whole && judgement.confidence != Confidence::kHigh) return std::nullopt;
  return Branch{judgement.correct ? 1.0 : 0.0, continuation.cost};
}

std::optional<std::vector<Branch>> OutcomeJudge::judge(
    const Example& example, std::span<const Continuation> continuations) const {
  std::vector<Branch> out;
  for (const Continuation& continuation : continuations) {
    const auto branch = judge(example, continuation);
    if (!branch) return std::nullopt;
    out.push_back(*branch);
  }
  return out;
}

std::vector<std::optional<JudgedPair>> OutcomeJudge::judge(
    std::span<const BranchPair> pairs) const {
  if (options_.judge == OutcomeRule::kLlm) return compare(pairs);
  std::vector<std::optional<JudgedPair>> out;
  for (const BranchPair& pair : pairs) {
    auto slm = judge(*pair.example, pair.slm);
    auto llm = judge(*pair.example, pair.llm);
    out.push_back(slm && llm ? std::optional(JudgedPair{std::move(*slm), std::move(*llm)})
                             : std::nullopt);
  }
  return out;
}

/// The first continuation of each, in both orders: a judge that goes by the order says nothing.
std::vector<std::optional<JudgedPair>> OutcomeJudge::compare(
    std::span<const BranchPair> pairs) const {
  constexpr int kReply = 4;  // tokens
  std::vector<Prompt> prompts;
  std::vector<std::size_t> asked;
  std::vector<std::optional<JudgedPair>> out(pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Continuation& slm = pairs[i].slm.front();
    const Continuation& llm = pairs[i].llm.front();
    if (!slm.is_whole || !llm.is_whole) continue;
    out[i] = JudgedPair{{{0.5, slm.cost}}, {{0.5, llm.cost}}};
    if (slm.text == llm.text) continue;
    const Example& example = *pairs[i].example;
    const Pair& models = service_.pair();
    prompts.push_back(models.read({.text = comparison_of(example, slm.text, llm.text)}));
    prompts.push_back(models.read({.text = comparison_of(example, llm.text, slm.text)}));
    asked.push_back(i);
  }
  const auto replies =
      write_answers(service_, prompts,
                    {.own_policy = make_policy("llm"), .threshold = 1.0, .max_tokens = kReply});
  for (std::size_t k = 0; k < asked.size(); ++k) {
    const double slm = 0.5 * (first_is_better(replies[2 * k].text) + 1.0 -
                              first_is_better(replies[2 * k + 1].text));
    JudgedPair& pair = *out[asked[k]];
    pair.slm.front().value = slm;
    pair.llm.front().value = 1.0 - slm;
  }
  return out;
}

}  // namespace citer
