#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "serve/counters_json.h"

namespace citer::cli {

namespace {

using nlohmann::ordered_json;

constexpr const char* kLlmColor = "\x1b[1;35m";
constexpr const char* kReset = "\x1b[0m";

double ratio(double a, double b) { return b > 0 ? a / b : 0.0; }

double llm_share(const Counters& c) {
  return ratio(static_cast<double>(c.llm_tokens), static_cast<double>(c.tokens()));
}

}  // namespace

TextPrinter::TextPrinter(Color color)
    : color_(color == Color::kAlways || (color == Color::kAuto && isatty(STDOUT_FILENO) != 0)) {}

void TextPrinter::print(const TextPiece& piece) {
  const bool colored = color_ && piece.writer == Writer::kLlm;
  if (colored) std::fputs(kLlmColor, stdout);
  std::fwrite(piece.text.data(), 1, piece.text.size(), stdout);
  if (colored) std::fputs(kReset, stdout);
  std::fflush(stdout);
}

void TextPrinter::end_line() {
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

std::string answer_json(const Answer& answer) {
  const Counters& c = answer.counters;
  ordered_json object = {{"id", valid_utf8(answer.id)},
                         {"text", valid_utf8(answer.text)},
                         {"finish_reason", to_string(answer.finish)},
                         {"prompt_tokens", answer.prompt_tokens}};
  object.update(counters_json(c));
  object.update({{"threshold", answer.threshold},
                 {"tokens_per_second", ratio(static_cast<double>(c.tokens()), answer.seconds)},
                 {"seconds", answer.seconds},
                 {"slm_seconds", c.slm_seconds},
                 {"llm_seconds", c.llm_seconds},
                 {"router_seconds", c.router_seconds},
                 {"sampling_seconds", c.sampling_seconds}});
  if (answer.promise) object["promise"] = promise_json(*answer.promise);
  if (answer.not_routed) object["not_routed"] = speeds_json(*answer.not_routed);
  if (!answer.llm_fault.empty()) object["llm_fault"] = valid_utf8(answer.llm_fault);
  if (!answer.reasoning.empty()) object["reasoning_content"] = valid_utf8(answer.reasoning);
  return object.dump();
}

std::string trace_lines(const Answer& answer) {
  std::string lines;
  std::string bytes;  // not shown yet: a character that spans tokens goes with the last of them
  for (std::size_t i = 0; i < answer.tokens.size(); ++i) {
    const TokenRecord& token = answer.tokens[i];
    bytes += token.piece;
    const bool last = i + 1 == answer.tokens.size();
    const std::size_t shown = last ? bytes.size() : complete_utf8_length(bytes);
    ordered_json object = {
        {"prompt", valid_utf8(answer.id)},
        {"position", i},
        {"id", token.id},
        {"text", valid_utf8(bytes.substr(0, shown))},
        {"writer", to_string(token.writer)},
        {"score", token.score},
        {"seconds", token.seconds},
        {"slm_seconds", token.slm_seconds},
        {"llm_seconds", token.llm_seconds},
    };
    if (token.llm_agrees) object["llm_agrees"] = *token.llm_agrees;
    if (token.unanswered) object["unanswered"] = true;
    bytes.erase(0, shown);
    if (i > 0) lines += '\n';
    lines += object.dump();
  }
  return lines;
}

namespace {

struct AuditCounts {
  std::int64_t audited = 0;
  std::int64_t agreed = 0;
};

AuditCounts audit_counts(const Answer& answer) {
  AuditCounts counts;
  for (const TokenRecord& token : answer.tokens) {
    if (token.writer == Writer::kLlm || !token.llm_agrees) continue;
    ++counts.audited;
    counts.agreed += *token.llm_agrees ? 1 : 0;
  }
  return counts;
}

}  // namespace

std::string cost_line(const Answer& answer, std::optional<double> llm_token_seconds) {
  const Counters& c = answer.counters;
  std::string line =
      fmt::format("{} tokens, {} by the LLM ({:.1f} %) in {} passes over {} positions", c.tokens(),
                  c.llm_tokens, 100 * llm_share(c), c.llm_passes, c.llm_positions);
  if (c.llm_own_tokens != c.llm_tokens) {
    line += fmt::format(", {} in its own vocabulary", c.llm_own_tokens);
  }
  if (c.accepted + c.rejected > 0) {
    line += fmt::format("; {} of {} guesses accepted, {} drafts dropped", c.accepted,
                        c.accepted + c.rejected, c.dropped);
  }
  if (c.unanswered > 0) {
    line += fmt::format("; {} of the SLM's since the LLM did not answer ({})", c.unanswered,
                        answer.llm_fault);
  }
  if (const AuditCounts audit = audit_counts(answer); audit.audited > 0) {
    line += fmt::format("; the LLM agrees with {} of {} tokens of the SLM's", audit.agreed,
                        audit.audited);
  }
  if (c.slm_seconds > 0) {
    line += fmt::format("; SLM {:.0f} positions/s",
                        ratio(static_cast<double>(c.slm_positions), c.slm_seconds));
  }
  if (c.llm_seconds > 0) {
    line += fmt::format("; LLM {:.0f} positions/s",
                        ratio(static_cast<double>(c.llm_positions), c.llm_seconds));
  }
  line += fmt::format("; {:.3g} s, {:.0f} tokens/s", answer.seconds,
                      ratio(static_cast<double>(c.tokens()), answer.seconds));
  const auto share = [&](double seconds) { return 100 * ratio(seconds, answer.seconds); };
  line += fmt::format(
      " (SLM {:.0f} %, LLM {:.0f} %, router {:.1f} %, sampling {:.1f} %, unaccounted {:.1f} %)",
      share(c.slm_seconds), share(c.llm_seconds), share(c.router_seconds),
      share(c.sampling_seconds),
      share(std::max(0.0, answer.seconds - c.slm_seconds - c.llm_seconds - c.router_seconds -
                              c.sampling_seconds)));
  if (answer.promise) line += "; promised: " + promise_text(*answer.promise);
  if (answer.not_routed) {
    line += fmt::format(
        "; by the LLM alone, since routing would be slower here: about {:.3g} tokens/s, the LLM "
        "alone {:.3g}",
        answer.not_routed->routed, answer.not_routed->llm);
  }
  if (llm_token_seconds && c.llm_positions > 0) {
    // The LLM alone would read the prompt at the speed it read here, then make a pass per token.
    const double prefill =
        c.llm_seconds / static_cast<double>(c.llm_positions) * answer.prompt_tokens;
    const double alone = prefill + static_cast<double>(c.tokens()) * *llm_token_seconds;
    line += fmt::format("; the LLM alone: about {:.3g} s ({:.2f}x)", alone,
                        ratio(alone, answer.seconds));
  }
  return line;
}

std::string promise_text(const Promise& promise) {
  const std::string asked =
      fmt::format("{:g} % of the LLM's right answers at {:g} % confidence",
                  100 * promise.asked.accuracy, 100 * promise.asked.confidence);
  const std::string seen =
      fmt::format("{} harms among {} right answers of the LLM{}", promise.harms, promise.examples,
                  promise.task.empty() ? "" : " to " + promise.task);
  if (promise.threshold) {
    return fmt::format("{}, kept at threshold {:.6g}: {}", asked, *promise.threshold, seen);
  }
  return fmt::format("{}: not shown, the LLM alone writes: {}; {}", asked, seen,
                     promise.needed ? fmt::format("it would take {}", *promise.needed)
                                    : "too many for any number of examples");
}

}  // namespace citer::cli
