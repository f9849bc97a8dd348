#include "eval/evaluation.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/stopwatch.h"
#include "citer/error.h"
#include "engine/probe.h"
#include "eval/run_file.h"
#include "eval/settings.h"
#include "model/chat_format.h"
#include "route/thresholds.h"
#include "task/answer.h"
#include "task/dataset.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

/// Examples that are decoded and recorded together, and that thresholds are found on. Where many
/// sequences are written at once, kRefills times as many, lest most of them wait for the longest.
constexpr std::size_t kChunk = 64;
constexpr std::size_t kRefills = 4;
/// Examples of a dataset whose tokens are kept for the report.
constexpr std::size_t kReadable = 8;

using ChunkKey = std::pair<EvalSetting, int>;

std::vector<Prompt> prompts_of(std::span<const Example> examples) {
  std::vector<Prompt> prompts;
  for (const Example& e : examples) prompts.push_back({e.id, e.prompt});
  return prompts;
}

std::span<const Example> beginning_of(const Dataset& dataset) {
  return std::span(dataset.examples).first(std::min(kChunk, dataset.examples.size()));
}

/// One evaluation at work.
class Evaluation {
 public:
  Evaluation(Service& service, const EvalOptions& options, const Watcher& watcher);

  EvalResults run();

 private:
  void check_options() const;
  void check_policy(const std::string& name) const;
  bool judges(const std::string& policy) const;
  void load_datasets();
  void find_settings();
  std::span<const Example> chunk_of(const Dataset& dataset, int chunk) const;
  int chunks_in(const Dataset& dataset) const;
  std::vector<double> thresholds_of(const std::string& policy);
  std::string identity() const;
  std::map<std::string, std::vector<ReliabilityBin>> claims() const;
  void run_settings(LineWriter& records, std::set<ChunkKey> done);
  GenerationOptions generation_of(const std::string& policy, double threshold) const;
  std::vector<Answer> decode(std::span<const Example> examples, const std::string& policy,
                             double threshold);
  ChunkRecord run_chunk(const Dataset& dataset, const EvalSetting& setting, int chunk);
  ExampleRecord judge(const Example& example, Answer answer, bool readable) const;
  void audit(ChunkRecord& record, std::span<const Example> examples,
             const std::vector<Answer>& answers);

  Service& service_;
  const EvalOptions& options_;
  const Watcher& watcher_;
  AnswerJudge judge_;
  std::size_t chunk_size_;
  std::vector<std::string> policies_;  ///< all, one's own included
  std::vector<Dataset> datasets_;
  EvalResults results_;
};

Evaluation::Evaluation(Service& service, const EvalOptions& options, const Watcher& watcher)
    : service_(service),
      options_(options),
      watcher_(watcher),
      judge_(options.answer),
      chunk_size_(
          std::max(kChunk, kRefills * static_cast<std::size_t>(service.status().sequences))),
      policies_(options.policies) {
  if (policies_.empty() && options.own_policies.empty()) {
    policies_ = default_policies(service.pair());
  }
  for (const auto& own : options.own_policies) policies_.push_back(own->name());
}

std::span<const Example> Evaluation::chunk_of(const Dataset& dataset, int chunk) const {
  const std::span<const Example> all = dataset.examples;
  const std::size_t from = static_cast<std::size_t>(chunk) * chunk_size_;
  return all.subspan(from, std::min(chunk_size_, all.size() - from));
}

int Evaluation::chunks_in(const Dataset& dataset) const {
  return static_cast<int>((dataset.examples.size() + chunk_size_ - 1) / chunk_size_);
}

/// How a setting's answers are written.
GenerationOptions Evaluation::generation_of(const std::string& policy, double threshold) const {
  GenerationOptions generation = options_.generation;
  generation.policy = decoding_policy(policy);
  generation.own_policy = nullptr;
  for (const auto& own : options_.own_policies) {
    if (own->name() == policy) generation.own_policy = own;
  }
  generation.threshold = threshold;
  generation.budget.reset();
  return generation;
}

void Evaluation::check_policy(const std::string& name) const {
  try {
    service_.pair().policy(generation_of(name, 0.0));
  } catch (const FieldError& e) {
    throw FieldError({"policies"}, e.problem());
  }
}

bool Evaluation::judges(const std::string& policy) const {
  return service_.pair().policy(generation_of(policy, 0.0))->needs().judges;
}

void Evaluation::check_options() const {
  if (options_.data.empty()) throw FieldError({"data"}, "name at least one dataset");
  if (!options_.thresholds.empty() && !options_.budgets.empty()) {
    throw FieldError({"thresholds", "budgets"}, "give one, not both");
  }
  for (const std::string& policy : policies_) {
    check_policy(policy);
    if (!options_.budgets.empty() && judges(policy)) {
      throw FieldError({"budgets"}, fmt::format("'{}' scores a token once the LLM has read it: no "
                                                "budget can be aimed at; give thresholds",
                                                policy));
    }
    if (std::count(policies_.begin(), policies_.end(), policy) > 1) {
      throw FieldError({"policies"}, fmt::format("two policies are called '{}'", policy));
    }
  }
  for (const auto* list : {&options_.thresholds, &options_.budgets}) {
    for (double value : *list) {
      if (value >= 0 && value <= 1) continue;
      throw FieldError({list == &options_.budgets ? "budgets" : "thresholds"},
                       fmt::format("expected numbers in [0, 1], found {}", value));
    }
  }
}

void Evaluation::load_datasets() {
  for (const fs::path& path : options_.data) {
    datasets_.push_back(load_dataset(path, options_.dataset));
    require_answers(datasets_.back(), "evaluation");
    const std::string& name = datasets_.back().name;
    if (std::count(results_.data.begin(), results_.data.end(), name) > 0) {
      throw FieldError({"data"}, fmt::format("two datasets are called '{}'", name));
    }
    results_.data.push_back(name);
  }
}

std::string Evaluation::identity() const {
  const GenerationOptions& g = options_.generation;
  const SamplingOptions& s = g.sampling;
  nlohmann::ordered_json data = nlohmann::ordered_json::array();
  for (const Dataset& d : datasets_) {
    data.push_back({{"name", d.name},
                    {"examples", d.examples.size()},
                    {"fingerprint", fmt::format("{:016x}", d.fingerprint)}});
  }
  const auto model = [](const ModelFacts& facts) -> nlohmann::ordered_json {
    return {{"path", facts.path}, {"parameters", facts.parameters}, {"bytes", facts.bytes}};
  };
  nlohmann::ordered_json routers = nlohmann::ordered_json::object();
  for (const RouterFacts& router : service_.pair().router_facts()) {
    routers[router.policy] = router.fingerprint;
  }
  nlohmann::ordered_json j = {{"slm", model(service_.slm_facts())},
                              {"llm", model(service_.llm_facts())},
                              {"data", std::move(data)},
                              {"chat_format", service_.pair().chat_format().name()},
                              {"routers", std::move(routers)},
                              {"policies", policies_},
                              {"thresholds", options_.thresholds},
                              {"budgets", options_.budgets},
                              {"answer_pattern", options_.answer.pattern},
                              {"marked_only", options_.answer.marked_only},
                              {"max_tokens", g.max_tokens},
                              {"reasoning_budget", g.reasoning_budget},
                              {"pending_tokens", g.pending_tokens},
                              {"first", g.first ? to_string(*g.first) : "auto"},
                              {"stop", g.stop},
                              {"sampling",
                               {s.temperature, s.top_k, s.top_p, s.min_p, s.repeat_penalty,
                                s.repeat_last_n, s.frequency_penalty, s.presence_penalty, s.seed}}};
  if (chunk_size_ != kChunk) j["chunk"] = chunk_size_;
  return j.dump();
}

/// Of the routers whose policies are run.
std::map<std::string, std::vector<ReliabilityBin>> Evaluation::claims() const {
  std::map<std::string, std::vector<ReliabilityBin>> claims;
  for (const RouterFacts& router : service_.pair().router_facts()) {
    const auto runs = std::count(policies_.begin(), policies_.end(), router.policy);
    if (runs > 0 && !router.reliability.empty()) claims[router.policy] = router.reliability;
  }
  return claims;
}

/// Quantiles of the policy's scores on texts that the SLM writes alone, the same for all datasets,
/// so that a threshold can be judged over all of them together.
std::vector<double> Evaluation::thresholds_of(const std::string& policy) {
  if (is_fixed_policy(policy)) return {service_.pair().policy(policy)->default_threshold()};
  if (!options_.thresholds.empty()) return options_.thresholds;
  if (judges(policy)) return default_judge_thresholds();
  const std::vector<double>& budgets =
      options_.budgets.empty() ? default_budgets() : options_.budgets;
  if (policy == "random") return budgets;
  std::vector<double> scores;
  for (const Dataset& dataset : datasets_) {
    for (const Answer& answer : decode(beginning_of(dataset), policy, 0.0)) {
      for (const TokenRecord& token : answer.tokens) scores.push_back(token.score);
    }
  }
  return thresholds_for_budgets(std::move(scores), budgets);
}

void Evaluation::find_settings() {
  std::map<std::string, std::vector<double>> thresholds;
  for (const std::string& policy : policies_) thresholds[policy] = thresholds_of(policy);
  for (const Dataset& dataset : datasets_) {
    for (const std::string& policy : policies_) {
      for (double threshold : thresholds[policy]) {
        results_.settings.push_back({dataset.name, policy, threshold});
      }
    }
  }
}

std::vector<Answer> Evaluation::decode(std::span<const Example> examples, const std::string& policy,
                                       double threshold) {
  const std::vector<Prompt> prompts = prompts_of(examples);
  std::vector<Answer> answers(prompts.size());
  service_.reset();
  service_.generate(prompts, generation_of(policy, threshold),
                    {.on_text = nullptr,
                     .on_answer = [&](std::size_t i, Answer a) { answers[i] = std::move(a); },
                     .should_stop = watcher_.should_stop});
  return answers;
}

ExampleRecord Evaluation::judge(const Example& example, Answer answer, bool readable) const {
  const Judgement judgement = judge_.judge(example, answer.text);
  ExampleRecord record;
  record.id = example.id;
  record.correct = judgement.correct;
  record.answer = judgement.answer.value_or("");
  record.rule = rule_name(judgement.rule);
  record.finish = to_string(answer.finish);
  record.prompt_tokens = answer.prompt_tokens;
  record.counters = answer.counters;
  record.seconds = answer.seconds;
  record.text = std::move(answer.text);
  if (readable) {
    record.prompt = example.prompt;
    record.gold = example.gold;
    record.tokens = std::move(answer.tokens);
  }
  return record;
}

/// Compares the SLM's tokens with the LLM's own, for the calibration of the score.
void Evaluation::audit(ChunkRecord& record, std::span<const Example> examples,
                       const std::vector<Answer>& answers) {
  const std::vector<Prompt> prompts = prompts_of(examples);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::vector<bool> agrees = citer::audit(service_, prompts[i], answers[i]);
    for (std::size_t t = 0; t < agrees.size(); ++t) {
      const TokenRecord& token = answers[i].tokens[t];
      if (token.writer != Writer::kSlm) continue;
      const auto bin = static_cast<std::size_t>(ScoreBins::bin(token.score));
      ++record.scores.audited[bin];
      record.scores.agreed[bin] += agrees[t] ? 1 : 0;
      record.scores.score_sum[bin] += token.score;
    }
  }
}

ChunkRecord Evaluation::run_chunk(const Dataset& dataset, const EvalSetting& setting, int chunk) {
  const std::span<const Example> examples = chunk_of(dataset, chunk);
  const Counters before = service_.status().totals;
  const Stopwatch watch;
  std::vector<Answer> answers = decode(examples, setting.policy, setting.threshold);
  ChunkRecord record;
  record.setting = setting;
  record.chunk = chunk;
  record.wall_seconds = watch.seconds();
  record.totals = service_.status().totals;
  record.totals -= before;
  if (watcher_.wants_stop()) return record;

  for (const Answer& answer : answers) {
    for (const TokenRecord& token : answer.tokens) {
      ++record.scores.tokens[static_cast<std::size_t>(ScoreBins::bin(token.score))];
    }
  }
  const bool is_audited = chunk == 0 && !is_fixed_policy(setting.policy);
  const bool can_audit = service_.pair().has_one_vocabulary() && service_.pair().llm() != nullptr;
  if (is_audited && can_audit) audit(record, examples, answers);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const bool readable = chunk == 0 && i < kReadable;
    record.examples.push_back(judge(examples[i], std::move(answers[i]), readable));
  }
  return record;
}

void Evaluation::run_settings(LineWriter& records, std::set<ChunkKey> done) {
  std::map<std::string, const Dataset*> by_name;
  for (const Dataset& dataset : datasets_) by_name[dataset.name] = &dataset;
  std::int64_t total = 0;
  for (const EvalSetting& s : results_.settings) {
    total += static_cast<std::int64_t>(by_name.at(s.data)->examples.size());
  }
  std::int64_t finished = 0;
  for (const ChunkRecord& chunk : results_.chunks) {
    finished += static_cast<std::int64_t>(chunk.examples.size());
  }
  ProgressReport progress{.what = "eval", .unit = "examples", .total = total};
  progress.done = finished;
  watcher_.report(progress);
  for (const EvalSetting& setting : results_.settings) {
    const Dataset& dataset = *by_name.at(setting.data);
    for (int chunk = 0; chunk < chunks_in(dataset); ++chunk) {
      if (done.count({setting, chunk}) != 0) continue;
      ChunkRecord record = run_chunk(dataset, setting, chunk);
      if (watcher_.wants_stop()) return;
      records.append(to_json_line(record));
      progress.done += static_cast<std::int64_t>(record.examples.size());
      results_.chunks.push_back(std::move(record));
      progress.note =
          fmt::format("{} {} at {:.3g}", setting.data, setting.policy, setting.threshold);
      watcher_.report(progress);
    }
  }
  results_.complete = true;
}

/// Reads whole records; a last line without newline is what a killed run left, and is cut off.
std::vector<ChunkRecord> read_records(const fs::path& path) {
  std::vector<ChunkRecord> chunks;
  std::error_code error;
  if (!fs::exists(path, error)) return chunks;
  const std::string bytes = read_file(path);
  const std::size_t end = bytes.rfind('\n') + 1;  // npos + 1 == 0: no whole line
  if (end < bytes.size()) fs::resize_file(path, end);
  std::string_view rest = std::string_view(bytes).substr(0, end);
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t newline = rest.find('\n');
    try {
      chunks.push_back(chunk_from_json(rest.substr(0, newline)));
    } catch (const InputError& e) {
      throw InputError(fmt::format("{}:{}: {}", path.string(), line, e.what()));
    }
    rest.remove_prefix(newline + 1);
  }
  return chunks;
}

EvalResults Evaluation::run() {
  check_options();
  load_datasets();
  create_folder(options_.out);
  const fs::path run_path = options_.out / "run.json";
  const std::string mine = identity();
  results_.slm = service_.slm_facts();
  results_.llm = service_.llm_facts();
  if (const auto earlier = read_run_file(run_path)) {
    if (earlier->identity != mine) {
      throw InputError(fmt::format(
          "{}: this folder holds another evaluation (other models, data, policies or options); "
          "choose another folder",
          options_.out.string()));
    }
    results_.settings = earlier->settings;
    results_.claims = earlier->claims;
  } else {
    find_settings();
    if (watcher_.wants_stop()) return std::move(results_);
    results_.claims = claims();
    write_run_file(run_path, {mine, results_.slm, results_.llm, results_.data, results_.settings,
                              results_.claims});
  }
  const fs::path records_path = options_.out / "records.jsonl";
  results_.chunks = read_records(records_path);
  std::set<ChunkKey> done;
  for (const ChunkRecord& chunk : results_.chunks) done.insert({chunk.setting, chunk.chunk});
  LineWriter records(records_path, LineWriter::Mode::kAppend);
  run_settings(records, std::move(done));
  return std::move(results_);
}

}  // namespace

EvalResults run_evaluation(Service& service, const EvalOptions& options, const Watcher& watcher) {
  return Evaluation(service, options, watcher).run();
}

EvalResults load_results(const fs::path& out) {
  const auto run = read_run_file(out / "run.json");
  if (!run) throw InputError(fmt::format("{}: no evaluation in it (no run.json)", out.string()));
  EvalResults results;
  results.slm = run->slm;
  results.llm = run->llm;
  results.data = run->data;
  results.settings = run->settings;
  results.claims = run->claims;
  results.chunks = read_records(out / "records.jsonl");
  results.complete = true;
  return results;
}

}  // namespace citer
