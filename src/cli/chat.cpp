#include <CLI/CLI.hpp>

#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "citer/error.h"
#include "citer/service.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace citer::cli {

namespace {

struct ChatFlags {
  ModelFlags model;
  GenerationFlags generation;
};

/// Reads the user's turns from stdin, a line each, until its end.
int run_chat(const ChatFlags& flags) {
  const GenerationOptions options = flags.generation.generation_options();
  const PairOptions pair = flags.model.pair_options();
  if (pair.chat.raw) throw UsageError("--raw: a chat needs the chat template");
  Service service(load_pair(pair), flags.model.service_options());
  const bool terminal = isatty(STDIN_FILENO) != 0;
  if (terminal) {
    fmt::print(stderr, "SLM {}, LLM {}. Ctrl-C stops an answer, Ctrl-D ends the chat.\n",
               service.slm_facts().description, service.llm_facts().description);
  }
  Prompt conversation;
  conversation.id = "chat";

  std::string line;
  while (true) {
    if (terminal) fmt::print(stderr, "> ");
    if (!std::getline(std::cin, line)) break;
    if (line.empty()) continue;
    conversation.messages.push_back({"user", line});
    TextPrinter printer(Color::kAuto);
    std::optional<Answer> answer;
    const InterruptGuard interrupt;
    service.generate({&conversation, 1}, options,
                     {.on_text = [&](std::size_t, const TextPiece& p) { printer.print(p); },
                      .on_answer = [&](std::size_t, Answer a) { answer = std::move(a); },
                      .should_stop = InterruptGuard::requested});
    printer.end_line();
    if (!answer) break;
    if (terminal) fmt::print(stderr, "[{}]\n", cost_line(*answer, std::nullopt));
    conversation.messages.push_back({"assistant", answer->text});
  }
  return 0;
}

}  // namespace

Run add_chat(CLI::App& app) {
  auto flags = std::make_shared<ChatFlags>();
  CLI::App* command =
      app.add_subcommand("chat", "Talk to the pair, with the model's chat template");
  flags->generation.add_to(*command, "auto");
  flags->generation.add_promise_to(*command);
  flags->model.add_to(*command, true);
  return [flags] { return run_chat(*flags); };
}

}  // namespace citer::cli
