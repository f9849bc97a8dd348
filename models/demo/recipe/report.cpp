#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "citer/service.h"
#include "dataset.h"
#include "model/context.h"
#include "model/model.h"
#include "task/answer.h"
#include "task/dataset.h"

namespace citer::demo {
namespace {

constexpr double kUnsure = 0.9;
constexpr double kSure = 0.98;

ModelOptions one_thread(const std::string& path) {
  ModelOptions options;
  options.path = path;
  options.devices = "none";
  options.threads = 1;
  return options;
}

/// Likeliest token of a row, and its probability.
struct Top {
  Token token = 0;
  double probability = 0;
};

Top top_of(std::span<const float> logits) {
  const auto best = std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit) - *best);
  return {static_cast<Token>(best - logits.begin()), 1 / sum};
}

RoutedRun run_policy(Service& service, const std::vector<Example>& examples,
                     const std::string& policy, double threshold) {
  std::vector<Prompt> prompts;
  std::map<std::string, const Example*> by_id;
  for (const Example& example : examples) {
    prompts.push_back({example.id, example.prompt});
    by_id[example.id] = &example;
  }
  GenerationOptions options;
  options.policy = policy;
  options.threshold = threshold;
  options.max_tokens = 200;
  RoutedRun run;
  run.threshold = threshold;
  GenerationCallbacks callbacks;
  callbacks.on_answer = [&](std::size_t, const Answer& answer) {
    run.correct += judge(*by_id.at(answer.id), answer.text).correct ? 1 : 0;
    run.counters += answer.counters;
  };
  service.generate(prompts, options, callbacks);
  return run;
}

/// Both models over the reference answers.
class TeacherForcing {
 public:
  TeacherForcing(const std::string& slm, const std::string& llm)
      : slm_(Model::load(one_thread(slm)), {}), llm_(Model::load(one_thread(llm)), {}) {}

  /// `free` are offsets into the stored text, see dataset.cpp.
  void add(const Example& example, const std::vector<std::size_t>& free, ForcedShares& out);

 private:
  ModelContext slm_;
  ModelContext llm_;
};

void TeacherForcing::add(const Example& example, const std::vector<std::size_t>& free,
                         ForcedShares& out) {
  const Vocab& vocab = slm_.model().vocab();
  std::vector<Token> tokens = vocab.tokenize(example.prompt, true, false);
  const auto answer_at = static_cast<int>(tokens.size());
  for (Token token : vocab.tokenize(example.reference, false, false)) tokens.push_back(token);
  std::vector<int> rows(tokens.size() - static_cast<std::size_t>(answer_at));
  std::iota(rows.begin(), rows.end(), answer_at - 1);
  const RowRequest request{0, tokens, rows};
  slm_.forward({&request, 1});
  llm_.forward({&request, 1});

  const std::set<std::size_t> free_at(free.begin(), free.end());
  std::size_t at = 0;  // of the token in the reference; its space included, as `free` counts it
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Token right = tokens[static_cast<std::size_t>(answer_at) + i];
    const Top slm = top_of(slm_.row(0, i).logits);
    const Top llm = top_of(llm_.row(0, i).logits);
    const bool is_free = free_at.contains(at);
    const bool unsure = slm.probability < kUnsure && llm.probability < kUnsure;
    at += vocab.piece(right).size();
    ++out.positions;
    out.free += is_free ? 1 : 0;
    out.both_unsure += unsure ? 1 : 0;
    out.free_both_unsure += unsure && is_free ? 1 : 0;
    if (is_free) continue;
    const bool slm_wrong = slm.token != right;
    out.fixed_wrong_slm += slm_wrong ? 1 : 0;
    out.fixed_wrong_llm += llm.token != right ? 1 : 0;
    out.both_wrong += slm_wrong && llm.token != right ? 1 : 0;
    out.confident_wrong += slm_wrong && slm.probability > kUnsure ? 1 : 0;
    out.sure_wrong += slm_wrong && slm.probability > kSure ? 1 : 0;
  }
}

/// Median seconds of passes of one token, at a context as long as an answer's.
double token_seconds(const std::string& path, const std::string& text) {
  ModelContext context(Model::load(one_thread(path)), {});
  const std::vector<Token> tokens = context.model().vocab().tokenize(text, true, false);
  std::vector<double> seconds;
  for (int round = 0; round < 8; ++round) {
    for (std::size_t n = tokens.size() / 2; n <= tokens.size(); ++n) {
      const int row = static_cast<int>(n) - 1;
      const RowRequest request{0, std::span(tokens).first(n), {&row, 1}};
      const ForwardCost cost = context.forward({&request, 1});
      if (cost.positions == 1) seconds.push_back(cost.seconds);
    }
  }
  std::nth_element(seconds.begin(),
                   seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2),
                   seconds.end());
  return seconds.at(seconds.size() / 2);
}

}  // namespace

Report measure(const ReportOptions& options, const std::function<void(const std::string&)>& log) {
  Report report;
  PairOptions pair;
  pair.slm = one_thread(options.slm);
  pair.llm = one_thread(options.llm);
  ServiceOptions service_options;
  service_options.by_times = false;
  Service service(std::make_shared<Pair>(pair), service_options);
  TeacherForcing forcing(options.slm, options.llm);
  DatasetOptions limited;
  limited.limit = options.limit;
  std::string sample;
  for (const char* task : {"math", "mc"}) {
    const std::string path = dataset_path(options.data, task, "test");
    const std::vector<Example> examples = load_dataset(path, limited).examples;
    const auto free = free_offsets(path);
    TaskReport out;
    out.task = task;
    out.examples = static_cast<int>(examples.size());
    log(fmt::format("{}: SLM and LLM alone", path));
    out.slm = run_policy(service, examples, "slm", 0.5);
    out.llm = run_policy(service, examples, "llm", 0.5);
    for (double threshold : options.thresholds) {
      log(fmt::format("{}: maxprob, threshold {}", path, threshold));
      out.maxprob.push_back(run_policy(service, examples, "maxprob", threshold));
    }
    log(fmt::format("{}: reference answers", path));
    for (std::size_t i = 0; i < examples.size(); ++i) {
      forcing.add(examples[i], free.at(i), out.forced);
    }
    if (sample.empty()) sample = examples.front().prompt + examples.front().reference;
    report.tasks.push_back(std::move(out));
  }
  report.slm_token_seconds = token_seconds(options.slm, sample);
  report.llm_token_seconds = token_seconds(options.llm, sample);
  return report;
}

}  // namespace citer::demo
