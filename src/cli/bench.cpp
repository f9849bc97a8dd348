#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "citer/error.h"
#include "citer/service.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "engine/probe.h"
#include "eval/hardware.h"
#include "eval/replay.h"
#include "task/answer.h"
#include "task/dataset.h"

namespace citer::cli {

namespace {

struct BenchFlags {
  ModelFlags model;
  GenerationFlags generation;
  std::string data;
  int limit = 8;
  int rounds = 5;
  bool json = false;
  std::string hardware_file;
  std::string save_file;
};

enum class Strategy { kLlm, kSlm, kPlain, kSpeculative, kDecoding };

constexpr std::array kStrategies = {Strategy::kLlm, Strategy::kSlm, Strategy::kPlain,
                                    Strategy::kSpeculative, Strategy::kDecoding};

const char* title(Strategy strategy) {
  constexpr std::array kTitles = {"LLM alone", "SLM alone", "plain routing", "speculative routing",
                                  "speculative decoding"};
  return kTitles[static_cast<std::size_t>(strategy)];
}

/// The strategy's name in JSON keys.
const char* key(Strategy strategy) {
  constexpr std::array kKeys = {"llm", "slm", "routed", "speculative", "decoding"};
  return kKeys[static_cast<std::size_t>(strategy)];
}

GenerationOptions options_for(Strategy strategy, GenerationOptions options) {
  if (strategy == Strategy::kPlain) options.pending_tokens = 1;
  if (strategy == Strategy::kPlain || strategy == Strategy::kSpeculative) return options;
  options.policy = strategy == Strategy::kLlm   ? "llm"
                   : strategy == Strategy::kSlm ? "slm"
                                                : "speculative";
  options.threshold.reset();
  options.budget.reset();
  return options;
}

/// What the rounds of one strategy gave; answers are the same in each but for their times.
struct Measured {
  std::vector<double> seconds_per_token;  ///< whole answers, one entry a round
  std::vector<double> decode_seconds;     ///< per token after each answer's first
  Counters counters;                      ///< of the last round
  double seconds = 0.0;
  int right = 0;
  int answers = 0;

  double per_token(double value) const {
    return value / static_cast<double>(std::max<std::int64_t>(1, counters.tokens()));
  }
  double llm_share() const { return per_token(static_cast<double>(counters.llm_tokens)); }
  double unaccounted() const {
    const double models = counters.slm_seconds + counters.llm_seconds;
    return seconds > 0 ? std::max(0.0, seconds - models) / seconds : 0.0;
  }
};

/// One strategy over all examples, from empty caches.
void run_round(Service& service, const std::vector<Example>& examples,
               const GenerationOptions& options, Measured* measured,
               std::vector<ReplayAnswer>* replays = nullptr) {
  std::vector<Prompt> prompts;
  prompts.reserve(examples.size());
  for (const Example& example : examples) prompts.push_back({example.id, example.prompt});
  const AnswerJudge judge;
  Measured round;
  double decode_seconds = 0.0;
  service.reset();
  service.generate(prompts, options,
                   {.on_text = nullptr,
                    .on_answer =
                        [&](std::size_t index, const Answer& answer) {
                          round.counters += answer.counters;
                          round.seconds += answer.seconds;
                          round.right += judge.judge(examples[index], answer.text).correct ? 1 : 0;
                          ++round.answers;
                          for (std::size_t i = 1; i < answer.tokens.size(); ++i) {
                            decode_seconds += answer.tokens[i].seconds;
                          }
                          if (replays != nullptr) replays->push_back(to_replay(answer));
                        },
                    .should_stop = InterruptGuard::requested});
  if (measured == nullptr) return;
  const auto tokens = static_cast<double>(round.counters.tokens());
  measured->seconds_per_token.push_back(round.per_token(round.seconds));
  measured->decode_seconds.push_back(decode_seconds / std::max(1.0, tokens - round.answers));
  measured->counters = round.counters;
  measured->seconds = round.seconds;
  measured->right = round.right;
  measured->answers = round.answers;
}

/// Pass times over the last tokens of an answer.
void measure_curves(Service& service, const Prompt& prompt, const Answer& answer,
                    Hardware& hardware) {
  for (const int tokens : {1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256}) {
    if (const auto s = measure_pass_seconds(service, prompt, answer, Writer::kSlm, tokens)) {
      hardware.slm.add(tokens, *s);
    }
    if (const auto s = measure_pass_seconds(service, prompt, answer, Writer::kLlm, tokens)) {
      hardware.llm.add(tokens, *s);
    }
  }
}

/// Answers that were written with pending tokens.
struct Replays {
  std::vector<ReplayAnswer> routed;
  std::vector<ReplayAnswer> decoding;  ///< by speculative decoding
};

/// Seconds per token that a strategy should take on this hardware; for speculation the best of a
/// few numbers of pending tokens, as the planner would find it.
double predict(Strategy strategy, const Hardware& hardware, const Replays& replays) {
  const auto total = [&](auto&& seconds_of) {
    double seconds = 0.0;
    double tokens = 0.0;
    for (const ReplayAnswer& replay :
         strategy == Strategy::kDecoding ? replays.decoding : replays.routed) {
      seconds += seconds_of(replay);
      tokens += static_cast<double>(replay.tokens.size());
    }
    return seconds / std::max(1.0, tokens);
  };
  const auto best = [&](auto&& seconds_of) {
    double least = total([&](const ReplayAnswer& replay) { return seconds_of(replay, 1); });
    for (const int pending : {2, 3, 4, 6, 8, 12, 16}) {
      least = std::min(
          least, total([&](const ReplayAnswer& replay) { return seconds_of(replay, pending); }));
    }
    return least;
  };
  switch (strategy) {
    case Strategy::kLlm:
      return total([&](const auto& r) { return replay_alone(hardware.llm, hardware, r); });
    case Strategy::kSlm:
      return total([&](const auto& r) { return replay_alone(hardware.slm, hardware, r); });
    case Strategy::kPlain:
      return total([&](const auto& r) { return replay_routing(hardware, r, 1); });
    case Strategy::kSpeculative:
    case Strategy::kDecoding:
      return best([&](const auto& r, int n) { return replay_routing(hardware, r, n); });
  }
  return 0.0;
}

/// What was measured and what the passes' times predict.
struct Results {
  std::array<Measured, kStrategies.size()> measured;
  Hardware hardware;
  Replays replays;
};

Replays record(Service& service, const std::vector<Example>& examples, GenerationOptions options) {
  Replays replays;
  options.pending_tokens = 8;
  run_round(service, examples, options, nullptr, &replays.routed);
  run_round(service, examples, options_for(Strategy::kDecoding, options), nullptr,
            &replays.decoding);
  return replays;
}

Results measure(Service& service, const std::vector<Example>& examples, const BenchFlags& flags,
                const GenerationOptions& options) {
  Results results;
  ProgressPrinter printer;
  ProgressReport progress{.what = "bench", .unit = "rounds", .total = flags.rounds};
  printer.show(progress);
  const Prompt sample{examples.back().id, examples.back().prompt};
  const Answer answer = service.write_all({{sample, options}}).front();
  results.replays = record(service, examples, options);  // the first run, which warms up
  for (int round = 1; round <= flags.rounds && !InterruptGuard::requested(); ++round) {
    for (const Strategy strategy : kStrategies) {
      run_round(service, examples, options_for(strategy, options),
                &results.measured[static_cast<std::size_t>(strategy)]);
    }
    measure_curves(service, sample, answer, results.hardware);
    progress.done = round;
    printer.show(progress);
  }
  const Measured& plain = results.measured[static_cast<std::size_t>(Strategy::kPlain)];
  if (plain.seconds_per_token.empty() || InterruptGuard::requested()) {
    throw Error("interrupted before the rounds were done");
  }
  results.hardware.name = service.slm_facts().description + " / " + service.llm_facts().description;
  results.hardware.token_overhead = plain.per_token(plain.unaccounted() * plain.seconds);
  return results;
}

/// Seconds per token of the faster kind of routing.
double routed_seconds(const Results& results) {
  const auto seconds = [&](Strategy strategy) {
    return median(results.measured[static_cast<std::size_t>(strategy)].seconds_per_token);
  };
  return std::min(seconds(Strategy::kPlain), seconds(Strategy::kSpeculative));
}

void print_json(const Results& results, const std::string& policy, double bytes_slm,
                double bytes_llm) {
  nlohmann::ordered_json object = {{"policy", policy}};
  for (const Strategy strategy : kStrategies) {
    const Measured& m = results.measured[static_cast<std::size_t>(strategy)];
    const auto put = [&](const char* name, double value) {
      object[fmt::format("{}_{}", key(strategy), name)] = value;
    };
    put("seconds_per_token", median(m.seconds_per_token));
    put("decode_tokens_per_second", 1 / median(m.decode_seconds));
    put("accuracy", static_cast<double>(m.right) / std::max(1, m.answers));
    put("llm_share", m.llm_share());
    put("llm_passes_per_token", m.per_token(static_cast<double>(m.counters.llm_passes)));
    put("llm_positions_per_token", m.per_token(static_cast<double>(m.counters.llm_positions)));
    put("bytes_per_token", m.per_token(bytes_slm * static_cast<double>(m.counters.slm_passes) +
                                       bytes_llm * static_cast<double>(m.counters.llm_passes)));
    put("outside_models", m.unaccounted());
    put("predicted_seconds_per_token", predict(strategy, results.hardware, results.replays));
  }
  object["routing_pays"] =
      routed_seconds(results) <= median(results.measured.front().seconds_per_token);
  fmt::print("{}\n", object.dump());
}

void print_table(const Results& results, double bytes_slm, double bytes_llm) {
  const double llm = median(results.measured.front().seconds_per_token);
  fmt::print("{:<21}{:>10}{:>10}{:>10}{:>9}{:>8}{:>9}{:>9}{:>9}{:>11}\n", "whole answers",
             "ms/token", "beside", "predicted", "right", "LLM", "passes", "GB", "outside",
             "decoding");
  fmt::print("{:<21}{:>10}{:>10}{:>10}{:>9}{:>8}{:>9}{:>9}{:>9}{:>11}\n", "one sequence", "",
             "the LLM", "ms/token", "answers", "tokens", "/token", "/token", "models", "tokens/s");
  for (const Strategy strategy : kStrategies) {
    const Measured& m = results.measured[static_cast<std::size_t>(strategy)];
    const double seconds = median(m.seconds_per_token);
    const double bytes = bytes_slm * static_cast<double>(m.counters.slm_passes) +
                         bytes_llm * static_cast<double>(m.counters.llm_passes);
    fmt::print(
        "{:<21}{:>10.2f}{:>9.2f}x{:>10.2f}{:>9}{:>6.1f} %{:>9.3f}{:>9.3f}{:>7.1f} %{:>11.1f}\n",
        title(strategy), 1e3 * seconds, llm / seconds,
        1e3 * predict(strategy, results.hardware, results.replays),
        fmt::format("{}/{}", m.right, m.answers), 100 * m.llm_share(),
        m.per_token(static_cast<double>(m.counters.llm_passes)), m.per_token(bytes) / 1e9,
        100 * m.unaccounted(), 1 / median(m.decode_seconds));
  }
  if (const double routed = routed_seconds(results); routed > llm) {
    fmt::print(
        "routing is slower here: {:.1f} tokens/s, the LLM alone {:.1f}; where no policy, threshold "
        "or budget is named the LLM comes to write alone\n",
        1 / routed, 1 / llm);
  }
}

void print_prediction(const Hardware& hardware, const Replays& replays) {
  const double llm = predict(Strategy::kLlm, hardware, replays);
  fmt::print("predicted for {}, from pass times, not measured\n", hardware.name);
  fmt::print("{:<21}{:>10}{:>11}{:>16}\n", "whole answers", "ms/token", "tokens/s",
             "beside the LLM");
  for (const Strategy strategy : kStrategies) {
    const double seconds = predict(strategy, hardware, replays);
    fmt::print("{:<21}{:>10.3f}{:>11.1f}{:>15.2f}x\n", title(strategy), 1e3 * seconds, 1 / seconds,
               llm / seconds);
  }
}

int run_bench(const BenchFlags& flags) {
  const GenerationOptions options = flags.generation.generation_options();
  const PairOptions pair = flags.model.pair_options();
  ServiceOptions service_options = flags.model.service_options();
  service_options.by_times = false;
  if (service_options.context.sequences != 1) {
    throw UsageError("bench measures one sequence (-np 1)");
  }
  Hardware other;
  if (!flags.hardware_file.empty()) other = read_hardware(flags.hardware_file);
  DatasetOptions dataset_options;
  dataset_options.limit = flags.limit;
  const Dataset dataset = load_dataset(
      flags.data.empty() ? bundled_model("data/math.test.jsonl") : flags.data, dataset_options);
  require_answers(dataset, "bench");
  Service service(load_pair(pair), service_options);
  service.pair().require_one_vocabulary("bench");
  const InterruptGuard interrupt;
  if (!flags.hardware_file.empty()) {
    print_prediction(other, record(service, dataset.examples, options));
    return InterruptGuard::requested() ? kExitInterrupted : 0;
  }
  const Results results = measure(service, dataset.examples, flags, options);
  if (!flags.save_file.empty()) write_hardware(flags.save_file, results.hardware);
  const auto slm_bytes = static_cast<double>(service.slm_facts().bytes);
  const auto llm_bytes = static_cast<double>(service.llm_facts().bytes);
  if (flags.json) {
    print_json(results, service.pair().policy(options.policy)->name(), slm_bytes, llm_bytes);
  } else {
    print_table(results, slm_bytes, llm_bytes);
  }
  return 0;
}

}  // namespace

Run add_bench(CLI::App& app) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app.add_subcommand(
      "bench",
      "Time a pair: LLM alone, SLM alone, routing and speculation, in turn, medians over rounds");
  command->add_option("--data", flags->data, "Dataset (default: the bundled word problems)");
  command->add_option("--limit", flags->limit, "Examples to use")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--rounds", flags->rounds, "Rounds, after a run that does not count")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->add_option("--save-hardware", flags->save_file,
                      "Write the pass times measured here to a file");
  command->add_option("--model-hardware", flags->hardware_file,
                      "Predict the times on a machine with the pass times in this file");
  flags->generation.add_to(*command, "auto");
  flags->model.add_to(*command);
  return [flags] { return run_bench(*flags); };
}

}  // namespace citer::cli
