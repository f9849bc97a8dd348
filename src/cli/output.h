#pragma once

// What answers look like on a terminal and as JSON.

#include <optional>
#include <string>

#include "citer/generation.h"
#include "citer/router.h"

namespace citer::cli {

enum class Color { kAuto, kAlways, kNever };

/// Writes text to stdout as it comes, the LLM's in colour.
class TextPrinter {
 public:
  explicit TextPrinter(Color color);
  void print(const TextPiece& piece);
  void end_line();

 private:
  bool color_;
};

/// One JSON object, on one line, with the fields docs/formats.md lists.
std::string answer_json(const Answer& answer);

/// One JSON object per token of the answer, a line each. The texts concatenate to the answer's (and
/// the stop string that ended it): a character that spans tokens is shown with the last of them.
std::string trace_lines(const Answer& answer);

/// Tokens, LLM share and passes, speed of each model, and wall-clock beside what the LLM alone
/// would take. `llm_token_seconds` is the measured time of one LLM token, if known.
std::string cost_line(const Answer& answer, std::optional<double> llm_token_seconds);

/// What a router promises, on one line.
std::string promise_text(const Promise& promise);

}  // namespace citer::cli
