#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "citer/service.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/prompts.h"
#include "engine/probe.h"

namespace citer::cli {

namespace {

struct GenerateFlags {
  ModelFlags model;
  GenerationFlags generation;
  std::string prompt;
  std::string prompt_file;
  std::string prompts_file;
  std::string trace_file;
  Color color = Color::kAuto;
  bool json = false;
  bool stats = false;
  CLI::App* app = nullptr;
};

void add_flags(GenerateFlags& flags, CLI::App& app) {
  flags.app = &app;
  auto* prompt = app.add_option("-p,--prompt", flags.prompt, "The prompt");
  auto* file = app.add_option("-f,--file", flags.prompt_file, "File with the prompt");
  auto* prompts = app.add_option("--prompts", flags.prompts_file,
                                 "JSONL file of prompts: objects with `prompt` or `messages`, and "
                                 "`id`; answers come as JSON lines in the same order");
  prompt->excludes(file)->excludes(prompts);
  file->excludes(prompts);
  app.add_option("--trace", flags.trace_file,
                 "Write a JSON line per token: text, writer, score, times");
  app.add_flag("--json", flags.json, "Print a JSON object per answer instead of its text");
  app.add_flag("--stats", flags.stats, "Print the cost line even if stdout is no terminal");
  const std::map<std::string, Color> colors = {
      {"auto", Color::kAuto}, {"always", Color::kAlways}, {"never", Color::kNever}};
  app.add_option("--color", flags.color, "Colour the LLM's tokens: auto, always, never")
      ->transform(CLI::CheckedTransformer(colors));
  flags.generation.add_to(app, "auto");
  flags.generation.add_promise_to(app);
  flags.model.add_to(app, true);
}

std::vector<Prompt> read_all_prompts(const GenerateFlags& flags) {
  if (!flags.prompts_file.empty()) return read_prompts(flags.prompts_file);
  if (!flags.prompt_file.empty()) return {{flags.prompt_file, read_file(flags.prompt_file)}};
  if (flags.app->count("--prompt") == 0) throw UsageError("give a prompt: -p, -f or --prompts");
  return {{"prompt", flags.prompt}};
}

/// Streams one answer to stdout, its cost line to stderr.
void generate_text(Service& service, const Prompt& prompt, const GenerateFlags& flags,
                   const GenerationOptions& options, LineWriter* trace) {
  TextPrinter printer(flags.color);
  std::optional<Answer> answer;
  service.generate({&prompt, 1}, options,
                   {.on_text = [&](std::size_t, const TextPiece& piece) { printer.print(piece); },
                    .on_answer = [&](std::size_t, Answer a) { answer = std::move(a); },
                    .should_stop = InterruptGuard::requested});
  printer.end_line();
  if (!answer) return;
  if (trace != nullptr && !answer->tokens.empty()) trace->append(trace_lines(*answer));
  if (flags.stats || isatty(STDOUT_FILENO) != 0) {
    const bool mixed = answer->counters.llm_passes > 0 && answer->counters.slm_tokens > 0;
    fmt::print(
        stderr, "{}\n",
        cost_line(*answer, mixed ? measure_pass_seconds(service, prompt, *answer, Writer::kLlm, 1)
                                 : std::nullopt));
  }
}

/// Prints answers as JSON lines in the prompts' order, whatever order they finish in.
void generate_json(Service& service, const std::vector<Prompt>& prompts, const GenerateFlags& flags,
                   const GenerationOptions& options, LineWriter* trace) {
  std::map<std::size_t, std::string> waiting;
  std::size_t next = 0;
  ProgressPrinter printer;
  ProgressReport progress{
      .what = "generate", .unit = "prompts", .total = static_cast<std::int64_t>(prompts.size())};
  printer.show(progress);
  service.generate(prompts, options,
                   {.on_text = nullptr,
                    .on_answer =
                        [&](std::size_t index, Answer answer) {
                          if (trace != nullptr && !answer.tokens.empty())
                            trace->append(trace_lines(answer));
                          waiting.emplace(index, answer_json(answer));
                          while (!waiting.empty() && waiting.begin()->first == next) {
                            fmt::print("{}\n", waiting.begin()->second);
                            waiting.erase(waiting.begin());
                            ++next;
                          }
                          std::fflush(stdout);
                          ++progress.done;
                          printer.show(progress);
                        },
                    .should_stop = InterruptGuard::requested});
  for (const auto& [index, line] : waiting) fmt::print("{}\n", line);
  if (flags.stats) {
    const Counters t = service.status().totals;
    printer.print_line(fmt::format(
        "{} prompts, {} tokens, {} by the LLM; {} SLM passes, {} LLM passes over {} "
        "positions",
        progress.done, t.tokens(), t.llm_tokens, t.slm_passes, t.llm_passes, t.llm_positions));
  }
}

int run_generate(const GenerateFlags& flags) {
  const GenerationOptions options = flags.generation.generation_options();
  const PairOptions pair = flags.model.pair_options();
  const std::vector<Prompt> prompts = read_all_prompts(flags);
  Service service(load_pair(pair), flags.model.service_options());
  service.check(prompts, options);  // before the trace of an earlier run is overwritten
  std::optional<LineWriter> trace;
  if (!flags.trace_file.empty()) trace.emplace(flags.trace_file);

  const InterruptGuard interrupt;
  if (flags.json || !flags.prompts_file.empty()) {
    generate_json(service, prompts, flags, options, trace ? &*trace : nullptr);
  } else {
    generate_text(service, prompts.front(), flags, options, trace ? &*trace : nullptr);
  }
  return InterruptGuard::requested() ? kExitInterrupted : 0;
}

}  // namespace

Run add_generate(CLI::App& app) {
  auto flags = std::make_shared<GenerateFlags>();
  CLI::App* command = app.add_subcommand("generate", "Write answers to one or many prompts");
  add_flags(*flags, *command);
  return [flags] { return run_generate(*flags); };
}

}  // namespace citer::cli
