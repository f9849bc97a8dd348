#include "learn/calibrate.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "learn/rollouts.h"
#include "route/learned_policy.h"
#include "route/thresholds.h"
#include "task/answer.h"
#include "task/dataset.h"

namespace citer {

namespace {

using Clock = std::chrono::steady_clock;

/// How one policy's answers are written.
GenerationOptions generation_of(const CalibrateOptions& options,
                                std::shared_ptr<const RoutingPolicy> policy, double threshold) {
  return {.own_policy = std::move(policy),
          .threshold = threshold,
          .audit = threshold > 0 && threshold < 1,
          .max_tokens = options.max_tokens,
          .stop = options.stop,
          .sampling = options.sampling};
}

std::vector<Answer> answers_of(Service& service, const std::vector<Example>& examples,
                               const GenerationOptions& generation) {
  std::vector<Prompt> prompts;
  prompts.reserve(examples.size());
  for (const Example& e : examples) prompts.push_back(service.pair().read({.text = e.prompt}));
  service.reset();
  return write_answers(service, prompts, generation);
}

/// What answers at one setting cost and bring.
struct Measured {
  double threshold = 0.0;
  Counters counters;
  std::vector<bool> correct;                                       ///< one per example
  std::vector<double> scores;                                      ///< of the SLM's tokens
  Disagreements disagreements = Disagreements(kDisagreementBins);  ///< of its answers

  void add(const std::vector<Example>& examples, const std::vector<Answer>& answers) {
    const AnswerJudge judge;
    for (std::size_t i = 0; i < examples.size(); ++i) {
      counters += answers[i].counters;
      correct.push_back(judge.judge(examples[i], answers[i].text).correct);
      for (const TokenRecord& token : answers[i].tokens) scores.push_back(token.score);
      add_answer(disagreements, answers[i].tokens);
    }
  }
  CalibrationPoint point() const {
    const auto tokens = static_cast<double>(std::max<std::int64_t>(counters.tokens(), 1));
    const auto right = static_cast<double>(std::count(correct.begin(), correct.end(), true));
    return {threshold, static_cast<double>(counters.llm_tokens) / tokens,
            right / static_cast<double>(correct.size()),
            static_cast<double>(counters.llm_passes) / tokens};
  }
};

/// The examples of all datasets, in turn, so that the first of them are some of each.
struct Validation {
  std::vector<Example> examples;
  std::vector<std::size_t> task;       ///< of each: which dataset it is from
  std::vector<std::string> task_name;  ///< of each dataset
};

Validation load_validation(const CalibrateOptions& options) {
  std::vector<Dataset> datasets;
  std::size_t longest = 0;
  for (const auto& path : options.data) {
    datasets.push_back(load_dataset(path, options.dataset));
    require_answers(datasets.back(), "calibration");
    longest = std::max(longest, datasets.back().examples.size());
  }
  Validation out;
  for (const Dataset& dataset : datasets) out.task_name.push_back(dataset.name);
  for (std::size_t i = 0; i < longest; ++i) {
    for (std::size_t task = 0; task < datasets.size(); ++task) {
      if (i >= datasets[task].examples.size()) continue;
      out.examples.push_back(datasets[task].examples[i]);
      out.task.push_back(task);
    }
  }
  return out;
}

/// By dataset, where routing at each threshold harms what the LLM alone has right.
std::vector<TaskEvidence> evidence_of(const Validation& validation, const Measured& llm,
                                      std::span<const Measured> routed) {
  std::vector<TaskEvidence> out;
  for (const std::string& name : validation.task_name) {
    out.push_back({.task = name, .harms = std::vector<int>(routed.size())});
  }
  for (std::size_t i = 0; i < llm.correct.size(); ++i) {
    if (!llm.correct[i]) continue;
    TaskEvidence& task = out[validation.task[i]];
    ++task.examples;
    for (std::size_t k = 0; k < routed.size(); ++k) task.harms[k] += routed[k].correct[i] ? 0 : 1;
  }
  return out;
}

/// Examples between two looks at the clock, where time is limited.
constexpr std::size_t kChunk = 16;

/// One calibration: both models alone, then thresholds, over the same examples.
class Calibration {
 public:
  Calibration(ServicePool& services, Router& router, const CalibrateOptions& options,
              std::optional<Clock::time_point> deadline, const Watcher& watcher);
  bool run();

 private:
  using Examples = std::vector<Example>;

  bool is_late() const { return deadline_ && Clock::now() >= *deadline_; }
  Examples chunk_at(std::size_t begin) const;
  void measure(int worker, std::size_t setting, const Examples& examples);
  void choose_thresholds();
  void store() const;

  ServicePool& services_;
  Router& router_;
  const CalibrateOptions& options_;
  std::optional<Clock::time_point> deadline_;
  const Watcher& watcher_;
  Validation validation_;
  std::vector<std::shared_ptr<const RoutingPolicy>> policies_;  ///< one a worker: scoring locks
  std::vector<Measured> settings_;  ///< the SLM, the LLM, then by rising threshold
  ProgressReport progress_;
  std::mutex mutex_;
};

Calibration::Calibration(ServicePool& services, Router& router, const CalibrateOptions& options,
                         std::optional<Clock::time_point> deadline, const Watcher& watcher)
    : services_(services),
      router_(router),
      options_(options),
      deadline_(deadline),
      watcher_(watcher),
      validation_(load_validation(options)),
      settings_(2) {
  for (int i = 0; i < services.size(); ++i) {
    policies_.push_back(make_learned_policy(router, *services.pair().slm()));
  }
  settings_[1].threshold = 1.0;
  progress_ = {.what = "calibrate",
               .unit = "answers",
               .total = static_cast<std::int64_t>((options.budgets.size() + 2) *
                                                  validation_.examples.size())};
}

/// All of them, where time is not limited.
Calibration::Examples Calibration::chunk_at(std::size_t begin) const {
  const Examples& all = validation_.examples;
  const std::size_t size = deadline_ ? std::min(kChunk, all.size() - begin) : all.size();
  const auto from = all.begin() + static_cast<std::ptrdiff_t>(begin);
  return {from, from + static_cast<std::ptrdiff_t>(size)};
}

/// The SLM alone is scored by the router as it writes.
void Calibration::measure(int worker, std::size_t setting, const Examples& examples) {
  Measured& measured = settings_[setting];
  const auto policy =
      setting == 1 ? make_policy("llm") : policies_[static_cast<std::size_t>(worker)];
  const auto answers =
      answers_of(services_[worker], examples, generation_of(options_, policy, measured.threshold));
  measured.add(examples, answers);
  const std::lock_guard lock(mutex_);
  progress_.done += static_cast<std::int64_t>(examples.size());
  watcher_.report(progress_);
}

void Calibration::choose_thresholds() {
  for (const double threshold : thresholds_for_budgets(settings_[0].scores, options_.budgets)) {
    settings_.emplace_back().threshold = threshold;
  }
  progress_.total = static_cast<std::int64_t>(settings_.size() * validation_.examples.size());
}

bool Calibration::run() {
  watcher_.report(progress_);
  std::size_t done = 0;
  while (done < validation_.examples.size() && (done == 0 || !is_late())) {
    const Examples examples = chunk_at(done);
    measure(0, 0, examples);
    if (done == 0) choose_thresholds();
    parallel_for(settings_.size() - 1, services_.size(), [&](int worker, std::size_t i) {
      if (!watcher_.wants_stop()) measure(worker, i + 1, examples);
    });
    if (watcher_.wants_stop()) return false;
    done += examples.size();
  }
  if (done < validation_.examples.size()) {
    progress_.total = progress_.done;
    watcher_.report(progress_);
  }
  store();
  return true;
}

void Calibration::store() const {
  RouterInfo& info = router_.info;
  info.calibration_examples = static_cast<int>(settings_[0].correct.size());
  info.slm_accuracy = settings_[0].point().accuracy;
  info.llm_accuracy = settings_[1].point().accuracy;
  const auto routed = std::span<const Measured>(settings_).subspan(2);
  info.calibration.clear();
  info.disagreements.clear();
  for (const Measured& measured : routed) {
    info.calibration.push_back(measured.point());
    info.disagreements.push_back(measured.disagreements);
  }
  info.evidence = evidence_of(validation_, settings_[1], routed);
  info.promise.reset();
  info.promise = promise_of(info, options_.promise);
}

}  // namespace

bool calibrate(ServicePool& services, Router& router, const CalibrateOptions& options,
               const Watcher& watcher, std::optional<Clock::time_point> deadline) {
  return Calibration(services, router, options, deadline, watcher).run();
}

}  // namespace citer
