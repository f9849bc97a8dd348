#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "citer/engine.h"
#include "citer/error.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/prompts.h"

namespace citer::cli {

namespace {

struct BenchFlags {
  ModelFlags model;
  GenerationFlags generation;
  std::string prompts_file;
  int limit = 8;
  int rounds = 5;
  bool json = false;
};

double median(std::vector<double> values) {
  if (values.empty()) return 0.0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Decoding of one round, prefills left out: the tokens after the first of each answer, and for the
/// LLM after its first pass too (which reads the whole prompt).
struct Decoded {
  double seconds = 0.0;  ///< wall-clock
  std::int64_t tokens = 0;
  std::int64_t llm_tokens = 0;
  std::map<int, std::int64_t> catch_ups;  ///< LLM passes by the number of tokens they read

  void add(const Answer& answer) {
    std::size_t last_llm = 0;
    bool llm_has_prompt = false;
    for (std::size_t i = 0; i < answer.tokens.size(); ++i) {
      const TokenRecord& token = answer.tokens[i];
      const bool by_llm = token.writer == Writer::kLlm;
      const bool prefill = i == 0 || (by_llm && !llm_has_prompt);
      if (!prefill) {
        seconds += token.seconds;
        ++tokens;
        llm_tokens += by_llm ? 1 : 0;
        if (by_llm) ++catch_ups[static_cast<int>(i - last_llm)];
      }
      if (by_llm) {
        last_llm = i;
        llm_has_prompt = true;
      }
    }
  }
  double token_seconds() const { return tokens > 0 ? seconds / static_cast<double>(tokens) : 0.0; }
};

Decoded run_once(Engine& engine, const std::vector<Prompt>& prompts,
                 const GenerationOptions& options) {
  Decoded decoded;
  engine.generate(prompts, options,
                  {.on_text = nullptr,
                   .on_answer = [&](std::size_t, const Answer& answer) { decoded.add(answer); },
                   .should_stop = InterruptGuard::requested});
  return decoded;
}

GenerationOptions with_policy(GenerationOptions options, const char* policy) {
  options.policy = policy;
  options.threshold.reset();
  options.budget.reset();
  return options;
}

GenerationOptions holding(GenerationOptions options, int pending_tokens) {
  options.pending_tokens = pending_tokens;
  return options;
}

/// Seconds of an LLM pass as a function of the tokens it reads, measured at a few sizes and linear
/// between them.
class PassCurve {
 public:
  void measure(Engine& engine) {
    for (int tokens : {1, 2, 3, 4, 6, 8, 12, 16, 24, 32}) {
      if (const auto seconds = engine.measure_llm_seconds(tokens))
        samples_[tokens].push_back(*seconds);
    }
  }
  double at(int tokens) const {
    const auto above = samples_.lower_bound(tokens);
    if (above == samples_.end()) return median(samples_.rbegin()->second);
    if (above->first == tokens || above == samples_.begin()) return median(above->second);
    const auto below = std::prev(above);
    const double share = static_cast<double>(tokens - below->first) /
                         static_cast<double>(above->first - below->first);
    return (1 - share) * median(below->second) + share * median(above->second);
  }

 private:
  std::map<int, std::vector<double>> samples_;
};

/// What the rounds measured; a list has one entry per round.
struct Results {
  std::vector<double> slm;     ///< seconds per token of the SLM alone
  std::vector<double> llm;     ///< of the LLM alone
  std::vector<double> routed;  ///< of plain routing
  std::vector<Decoded> routed_rounds;
  std::vector<double> speculative;  ///< of speculative routing
  std::vector<double> decoding;     ///< of speculative decoding: the LLM decides every token
  PassCurve curve;
};

/// Routing's time per token over what its parts cost: t_SLM + (sum of t_LLM(catch-up)) / tokens.
double overhead(const Results& results) {
  const double t_slm = median(results.slm);
  std::vector<double> ratios;
  for (const Decoded& round : results.routed_rounds) {
    double parts = t_slm * static_cast<double>(round.tokens);
    for (const auto& [tokens, passes] : round.catch_ups) {
      parts += static_cast<double>(passes) * results.curve.at(tokens);
    }
    ratios.push_back(round.seconds / parts);
  }
  return median(ratios);
}

Results measure(Engine& engine, const std::vector<Prompt>& prompts, const BenchFlags& flags,
                const GenerationOptions& options) {
  Results results;
  Progress progress("bench", "rounds", flags.rounds);
  progress.update(0);
  for (int round = 0; round <= flags.rounds && !InterruptGuard::requested(); ++round) {
    const Decoded llm = run_once(engine, prompts, with_policy(options, "llm"));
    const Decoded slm = run_once(engine, prompts, with_policy(options, "slm"));
    const Decoded routed = run_once(engine, prompts, holding(options, 1));
    const Decoded speculative = run_once(engine, prompts, options);
    const Decoded decoding = run_once(engine, prompts, with_policy(options, "speculative"));
    if (round == 0) continue;  // warm-up
    results.curve.measure(engine);
    results.llm.push_back(llm.token_seconds());
    results.slm.push_back(slm.token_seconds());
    results.routed.push_back(routed.token_seconds());
    results.routed_rounds.push_back(routed);
    results.speculative.push_back(speculative.token_seconds());
    results.decoding.push_back(decoding.token_seconds());
    progress.update(round);
  }
  if (results.routed.empty()) throw Error("interrupted before the first round was done");
  return results;
}

void print_results(const Results& results, const std::string& policy, bool json) {
  const double llm = median(results.llm);
  const double slm = median(results.slm);
  const double routed = median(results.routed);
  const double speculative = median(results.speculative);
  const double decoding = median(results.decoding);
  const Decoded& last = results.routed_rounds.back();
  const double share = last.tokens > 0
                           ? static_cast<double>(last.llm_tokens) / static_cast<double>(last.tokens)
                           : 0.0;
  if (json) {
    const nlohmann::ordered_json object = {{"policy", policy},
                                           {"rounds", results.routed.size()},
                                           {"llm_tokens_per_second", 1 / llm},
                                           {"slm_tokens_per_second", 1 / slm},
                                           {"routed_tokens_per_second", 1 / routed},
                                           {"speculative_tokens_per_second", 1 / speculative},
                                           {"decoding_tokens_per_second", 1 / decoding},
                                           {"routed_to_llm", llm / routed},
                                           {"llm_share", share},
                                           {"routed_overhead", overhead(results)}};
    fmt::print("{}\n", object.dump());
    return;
  }
  fmt::print("{:<24} {:>12} {:>14}\n", "decoding, one sequence", "tokens/s", "beside the LLM");
  fmt::print("{:<24} {:>12.1f} {:>13.2f}x\n", "LLM alone", 1 / llm, 1.0);
  fmt::print("{:<24} {:>12.1f} {:>13.2f}x\n", "SLM alone", 1 / slm, llm / slm);
  fmt::print("{:<24} {:>12.1f} {:>13.2f}x   LLM share {:.1f} %\n", "plain routing, " + policy,
             1 / routed, llm / routed, 100 * share);
  fmt::print("{:<24} {:>12.1f} {:>13.2f}x\n", "speculative routing", 1 / speculative,
             llm / speculative);
  fmt::print("{:<24} {:>12.1f} {:>13.2f}x\n", "speculative decoding", 1 / decoding, llm / decoding);
  fmt::print("routing takes {:.3f} times its parts, t_SLM + p * t_LLM(catch-up)\n",
             overhead(results));
}

int run_bench(const BenchFlags& flags) {
  const GenerationOptions options = flags.generation.generation_options();
  const EngineOptions engine_options = flags.model.engine_options();
  if (engine_options.context.sequences != 1)
    throw UsageError("bench measures one sequence (-np 1)");
  const std::string file =
      flags.prompts_file.empty() ? bundled_model("data/math.test.jsonl") : flags.prompts_file;
  std::vector<Prompt> prompts = read_prompts(file);
  prompts.resize(std::min(prompts.size(), static_cast<std::size_t>(flags.limit)));
  Engine engine(engine_options);
  const InterruptGuard interrupt;
  print_results(measure(engine, prompts, flags, options), engine.policy(options.policy)->name(),
                flags.json);
  return 0;
}

}  // namespace

Run add_bench(CLI::App& app) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app.add_subcommand(
      "bench",
      "Time a pair: LLM alone, SLM alone, routing and speculation, in turn, medians over rounds");
  command->add_option("--prompts", flags->prompts_file,
                      "JSONL file of prompts (default: the bundled word problems)");
  command->add_option("--limit", flags->limit, "Prompts to use")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--rounds", flags->rounds, "Rounds that count, after one that does not")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Print one JSON object");
  flags->generation.add_to(*command, "auto");
  flags->model.add_to(*command);
  return [flags] { return run_bench(*flags); };
}

}  // namespace citer::cli
