#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "citer/error.h"
#include "citer/service.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/prompts.h"
#include "eval/advice.h"
#include "model/backend.h"
#include "model/model.h"

namespace citer::cli {

namespace {

struct AdviseFlags {
  ModelFlags model;
  AdviceOptions advice;
  std::string data;
  int limit = 8;
  bool json = false;
};

/// What is asked where the user gives no prompts: the bundled pair's own problems, or some of each
/// of what models are mostly asked for.
std::vector<Prompt> default_prompts(const Pair& pair) {
  if (pair.llm()->options().path == bundled_model("llm.gguf")) {
    return read_prompts(bundled_model("data/math.test.jsonl"));
  }
  const bool is_chat = !pair.llm()->chat_template().empty();
  std::vector<Prompt> prompts;
  for (const char* text :
       {"A baker sells 12 loaves at 3 dollars each and 8 cakes at 15 dollars each. How much does "
        "the baker take in? Explain each step.",
        "Write a Python function that returns the n-th Fibonacci number, with a docstring.",
        "Explain to a ten-year-old why the moon has phases.",
        "Translate into German: The train leaves at nine, but we shall be at the station by "
        "eight."}) {
    Prompt& prompt = prompts.emplace_back();
    prompt.id = std::to_string(prompts.size());
    if (is_chat) {
      prompt.messages = {{"user", text}};
    } else {
      prompt.text = text;
    }
  }
  return prompts;
}

std::string gibibytes(std::uint64_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (std::uint64_t{1} << 30));
}

std::string range(const Estimate& e, double times, int digits) {
  return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", times * e.value, digits, times * e.low, digits,
                     times * e.high, digits);
}

/// The flags that run the pair so.
std::string flags_of(const RunningWay& way) {
  std::string flags = "--policy " + way.policy;
  if (way.threshold) flags += fmt::format(" --threshold {:.6g}", *way.threshold);
  if (way.policy == "slm" || way.policy == "llm") return flags;
  return flags + (way.pending_tokens == 1 ? " --speculate off"
                                          : fmt::format(" --speculate {}", way.pending_tokens));
}

void print_way(const std::string& title, const RunningWay& way, const Advice& advice) {
  const double beside = way.tokens_per_second.value / advice.llm_alone.tokens_per_second.value;
  fmt::print("{:<22}{:>8.0f} %{:>24}{:>11.2f}x{:>11}", title, 100 * way.llm_share,
             range(way.tokens_per_second, 1, 1), beside, gibibytes(way.bytes));
  if (way.measured) {
    fmt::print("{:>11.1f}{:>+8.0f} %", *way.measured,
               100 * (way.tokens_per_second.value / *way.measured - 1));
  }
  fmt::print("   {}\n", flags_of(way));
}

void print_table(const Advice& advice) {
  fmt::print("SLM {}, LLM {}; {} prompts, {} tokens\n", advice.slm.description,
             advice.llm.description, advice.prompts, advice.tokens);
  constexpr double kGigabyte = 1e9;
  fmt::print("writing, the SLM reads {:.1f} GB of weights a second, the LLM {:.1f}\n",
             weights_per_second(advice.slm, advice.hardware.slm) / kGigabyte,
             weights_per_second(advice.llm, advice.hardware.llm) / kGigabyte);
  fmt::print("the models agree on {} % of the tokens; the SLM's mean confidence is {:.0f} %\n\n",
             range(advice.agreement, 100, 0), 100 * advice.mean_confidence);
  fmt::print("{:<22}{:>10}{:>24}{:>12}{:>11}", "predicted", "LLM share", "tokens/s", "beside LLM",
             "memory");
  if (advice.llm_alone.measured) fmt::print("{:>11}{:>10}", "measured", "off by");
  fmt::print("   flags\n");
  print_way("LLM alone", advice.llm_alone, advice);
  print_way("SLM alone", advice.slm_alone, advice);
  print_way("speculative decoding", advice.speculative, advice);
  for (const RunningWay& way : advice.confidence) print_way("routing by confidence", way, advice);
  for (const RunningWay& way : advice.router) print_way("routing by a router", way, advice);
}

/// Ways that gain less are not worth two models' memory.
constexpr double kWorthIt = 1.1;

double gain(const RunningWay& way, const Advice& advice) {
  return way.tokens_per_second.value / advice.llm_alone.tokens_per_second.value;
}

/// The largest share whose routing is worth it, or nullptr.
const RunningWay* largest_worth_it(const Advice& advice) {
  const RunningWay* found = nullptr;
  for (const RunningWay& way : advice.confidence) {
    if (gain(way, advice) >= kWorthIt) found = &way;
  }
  return found;
}

void print_words(const Advice& advice) {
  const double slm_gain = gain(advice.slm_alone, advice);
  const RunningWay* routed = largest_worth_it(advice);
  const bool speculates = gain(advice.speculative, advice) >= kWorthIt;
  fmt::print("\n");
  if (!speculates && routed == nullptr) {
    fmt::print(
        "This pair does not pay here. The SLM alone is {:.1f} times as fast as the LLM, and what "
        "the two\ndo together gains less than {:.0f} %. Run the LLM alone, or take a smaller SLM "
        "or a larger LLM.\n",
        slm_gain, 100 * (kWorthIt - 1));
    return;
  }
  if (speculates) {
    fmt::print("The LLM's own text comes {:.2f} times as fast by speculative decoding:\n  {}\n",
               gain(advice.speculative, advice), flags_of(advice.speculative));
  } else {
    fmt::print(
        "Speculative decoding, which keeps the LLM's own text, gains nothing here ({:.2f}x).\n",
        gain(advice.speculative, advice));
  }
  if (routed == nullptr) return;
  fmt::print(
      "Routing is faster than the LLM alone while the LLM writes less than {} % of the tokens.\n"
      "With {:.0f} % it is {:.2f} times as fast:\n  {}\nIt changes the text: `citer eval` says "
      "what "
      "that costs in right answers, and `citer train`\nmakes a router, which may spend the "
      "LLM's tokens better.\n",
      range(advice.break_even, 100, 0), 100 * routed->llm_share, gain(*routed, advice),
      flags_of(*routed));
}

/// A pair may pay with another file of the same SLM.
void print_quantisation(const Advice& advice) {
  if (has_gpu() || !slm_waits_for_arithmetic(advice)) return;
  fmt::print(
      "\nThe SLM's weights are of types that this CPU is slow to compute with. Q4_0 is often "
      "faster; try\n  llama-quantize --allow-requantize {} slm-q4_0.gguf Q4_0\nand advise again. "
      "Its text and scores become others: calibrate or train anew.\n",
      advice.slm.path);
}

int run_advise(const AdviseFlags& flags) {
  ServiceOptions service_options = flags.model.service_options();
  service_options.by_times = false;
  if (service_options.context.sequences != 1) {
    throw UsageError("advise measures one sequence (-np 1)");
  }
  AdviceOptions options = flags.advice;
  if (!flags.data.empty()) options.prompts = read_prompts(flags.data);
  Service service(std::make_shared<Pair>(flags.model.pair_options()), service_options);
  if (flags.data.empty()) options.prompts = default_prompts(service.pair());
  options.prompts.resize(std::min(options.prompts.size(), static_cast<std::size_t>(flags.limit)));
  const InterruptGuard interrupt;
  std::optional<Advice> advice;
  {
    ProgressPrinter printer;
    advice = advise(service, options, printer.watcher());
  }
  if (!advice) return kExitInterrupted;
  if (flags.json) {
    fmt::print("{}\n", advice_json(*advice));
  } else {
    print_table(*advice);
    print_words(*advice);
    print_quantisation(*advice);
  }
  return 0;
}

}  // namespace

Run add_advise(CLI::App& app) {
  auto flags = std::make_shared<AdviseFlags>();
  CLI::App* command = app.add_subcommand(
      "advise", "Measure a pair here and say whether routing pays, and how to run it");
  command->add_option("--data", flags->data,
                      "JSONL file of prompts like those that will be asked, as generate --prompts "
                      "takes it (default: a few of each kind)");
  command->add_option("--limit", flags->limit, "Only the first so many prompts")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("-n,--predict", flags->advice.max_tokens, "Tokens of an answer at most")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command
      ->add_option("--shares", flags->advice.shares,
                   "LLM shares to predict routing at, comma-separated")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--rounds", flags->advice.rounds, "How often passes are timed")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--check", flags->advice.check,
                    "Run the pair in each way, too, and say how far off the predictions are");
  command->add_flag("--json", flags->json, "Print one JSON object");
  flags->model.add_to(*command);
  return [flags] { return run_advise(*flags); };
}

}  // namespace citer::cli
