#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "citer/error.h"
#include "citer/evaluation.h"
#include "citer/service.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/progress.h"

namespace citer::cli {

namespace {

/// Sequences decoded together when -np does not say otherwise.
constexpr int kDefaultParallel = 8;
/// Tokens of an answer when -n does not say otherwise.
constexpr int kDefaultTokens = 256;

struct EvalFlags {
  ModelFlags model;
  GenerationFlags generation;
  EvalOptions eval;
  std::vector<std::string> data;
  std::vector<std::string> policies;
  std::vector<std::string> compare;
  std::string out;
  std::string shots_file;
  std::optional<int> page;
  CLI::App* app = nullptr;
};

void add_flags(EvalFlags& flags, CLI::App& app) {
  flags.app = &app;
  app.add_option("--data", flags.data,
                 "Datasets (JSONL, JSON, CSV or a folder; default: the bundled test files)");
  app.add_option("--policies", flags.policies,
                 "Policies, comma-separated (default: those that need no router, and the routers')")
      ->delimiter(',');
  app.add_option("--thresholds", flags.eval.thresholds, "Thresholds, comma-separated")
      ->delimiter(',');
  app.add_option("--budgets", flags.eval.budgets,
                 "LLM shares to aim at instead of thresholds, comma-separated")
      ->delimiter(',');
  app.add_option("--out", flags.out,
                 "Folder for records.jsonl, summary.json and report.html; an unfinished evaluation "
                 "there goes on");
  app.add_option("--limit", flags.eval.dataset.limit, "Only the first so many examples (0: all)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--template", flags.eval.dataset.prompt_template,
                 "Prompt template with {question} and {choices}");
  app.add_option("--shots", flags.eval.dataset.shots, "Solved examples before each question")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--shots-file", flags.shots_file, "Dataset the solved examples come from");
  add_page_flag(app, flags.page);
  add_answer_flags(app, flags.eval.answer);
  app.add_option("--compare", flags.compare, "Print the difference of two evaluations' folders")
      ->expected(2);
  flags.generation.add_to(app);
  flags.model.add_to(app, true);
}

int run_compare(const EvalFlags& flags) {
  fmt::print("{}", compare_table(load_summary(flags.compare[0]), load_summary(flags.compare[1])));
  return 0;
}

EvalOptions eval_options(const EvalFlags& flags) {
  EvalOptions options = flags.eval;
  options.policies = flags.policies;
  options.data.assign(flags.data.begin(), flags.data.end());
  if (options.data.empty()) {
    options.data = {bundled_model("data/math.test.jsonl"), bundled_model("data/mc.test.jsonl")};
  }
  options.dataset.shots_path = flags.shots_file;
  options.generation = flags.generation.generation_options();
  options.generation.llm_required = true;  // or answers without the LLM would count as its own
  if (flags.app->count("--predict") == 0) options.generation.max_tokens = kDefaultTokens;
  for (const char* flag : {"--policy", "--threshold"}) {
    if (flags.app->count(flag) > 0) {
      throw UsageError(fmt::format("{}: eval takes --policies and --thresholds", flag));
    }
  }
  options.out = flags.out;
  return options;
}

int run_eval(const EvalFlags& flags) {
  if (!flags.compare.empty()) return run_compare(flags);
  if (flags.out.empty()) throw UsageError("--out: name a folder for the results");
  EvalOptions options = eval_options(flags);
  ServiceOptions service_options = flags.model.service_options(kDefaultParallel);
  service_options.by_times = false;
  Service service(load_pair(flags.model.pair_options()), service_options);
  const InterruptGuard interrupt;
  ProgressPrinter printer(flags.page);
  const auto summary = evaluate(service, options, printer.watcher());
  if (!summary) return report_stopped();
  fmt::print("{}\n{}\n", summary_table(*summary), (options.out / "report.html").string());
  return 0;
}

}  // namespace

Run add_eval(CLI::App& app) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = app.add_subcommand(
      "eval", "Accuracy against cost: policies and thresholds over datasets, with a report");
  add_flags(*flags, *command);
  return [flags] { return run_eval(*flags); };
}

}  // namespace citer::cli
