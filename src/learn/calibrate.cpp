#include "learn/calibrate.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "learn/rollouts.h"
#include "route/learned_policy.h"
#include "route/thresholds.h"
#include "task/answer.h"
#include "task/dataset.h"

namespace citer {

namespace {

/// How one policy's answers are written.
GenerationOptions generation_of(const CalibrateOptions& options,
                                std::shared_ptr<const RoutingPolicy> policy, double threshold) {
  return {.own_policy = std::move(policy),
          .threshold = threshold,
          .audit = true,
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

struct Measured {
  CalibrationPoint point{};
  std::vector<bool> correct{};                                     ///< one per example
  Disagreements disagreements = Disagreements(kDisagreementBins);  ///< of its answers
};

/// What routed answers cost and bring at one threshold, over the examples.
Measured measure_threshold(Service& service, const std::vector<Example>& examples,
                           const GenerationOptions& generation) {
  const AnswerJudge judge;
  const auto answers = answers_of(service, examples, generation);
  Measured out;
  Counters counters;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    counters += answers[i].counters;
    add_answer(out.disagreements, answers[i].tokens);
    out.correct.push_back(judge.judge(examples[i], answers[i].text).correct);
  }
  const auto tokens = static_cast<double>(std::max<std::int64_t>(counters.tokens(), 1));
  const auto right = static_cast<double>(std::count(out.correct.begin(), out.correct.end(), true));
  out.point = {*generation.threshold, static_cast<double>(counters.llm_tokens) / tokens,
               right / static_cast<double>(examples.size()),
               static_cast<double>(counters.llm_passes) / tokens};
  return out;
}

/// The examples of all datasets, and of each its name and how many it has.
struct Validation {
  std::vector<Example> examples;
  std::vector<std::pair<std::string, std::size_t>> tasks;
};

Validation load_validation(const CalibrateOptions& options) {
  Validation out;
  for (const auto& path : options.data) {
    const Dataset dataset = load_dataset(path, options.dataset);
    out.examples.insert(out.examples.end(), dataset.examples.begin(), dataset.examples.end());
    out.tasks.emplace_back(dataset.name, dataset.examples.size());
  }
  return out;
}

/// By dataset, where routing at each threshold harms what the LLM alone has right.
std::vector<TaskEvidence> evidence_of(const Validation& validation, const Measured& llm,
                                      std::span<const Measured> routed) {
  std::vector<TaskEvidence> out;
  std::size_t begin = 0;
  for (const auto& [name, size] : validation.tasks) {
    TaskEvidence task{.task = name, .harms = std::vector<int>(routed.size())};
    for (std::size_t i = begin; i < begin + size; ++i) {
      if (!llm.correct[i]) continue;
      ++task.examples;
      for (std::size_t k = 0; k < routed.size(); ++k) task.harms[k] += routed[k].correct[i] ? 0 : 1;
    }
    out.push_back(std::move(task));
    begin += size;
  }
  return out;
}

}  // namespace

bool calibrate(ServicePool& services, Router& router, const CalibrateOptions& options,
               const Watcher& watcher) {
  const Validation validation = load_validation(options);
  const std::vector<Example>& examples = validation.examples;
  ProgressReport progress{.what = "calibrate",
                          .unit = "thresholds",
                          .total = static_cast<std::int64_t>(options.budgets.size()) + 2};
  watcher.report(progress);
  std::vector<std::shared_ptr<const RoutingPolicy>> policies;  // one a worker: scoring locks
  policies.reserve(static_cast<std::size_t>(services.size()));
  for (int i = 0; i < services.size(); ++i) {
    policies.push_back(make_learned_policy(router, *services.pair().slm()));
  }
  std::vector<double> scores;
  for (const Answer& answer :
       answers_of(services.front(), examples, generation_of(options, policies.front(), 0.0))) {
    for (const TokenRecord& token : answer.tokens) scores.push_back(token.score);
  }
  const auto thresholds = thresholds_for_budgets(std::move(scores), options.budgets);

  // First the models alone, then the thresholds.
  std::vector<Measured> points(thresholds.size() + 2);
  std::mutex mutex;
  parallel_for(points.size(), services.size(), [&](int worker, std::size_t i) {
    if (watcher.wants_stop()) return;
    const auto policy = i == 0   ? make_policy("slm")
                        : i == 1 ? make_policy("llm")
                                 : policies[static_cast<std::size_t>(worker)];
    const double threshold = i < 2 ? static_cast<double>(i) : thresholds[i - 2];
    points[i] =
        measure_threshold(services[worker], examples, generation_of(options, policy, threshold));
    const std::lock_guard lock(mutex);
    ++progress.done;
    watcher.report(progress);
  });
  if (watcher.wants_stop()) return false;
  router.info.calibration_examples = static_cast<int>(examples.size());
  router.info.slm_accuracy = points[0].point.accuracy;
  router.info.llm_accuracy = points[1].point.accuracy;
  const auto routed = std::span<const Measured>(points).subspan(2);
  router.info.calibration.clear();
  router.info.disagreements.clear();
  for (const Measured& measured : routed) {
    router.info.calibration.push_back(measured.point);
    router.info.disagreements.push_back(measured.disagreements);
  }
  router.info.evidence = evidence_of(validation, points[1], routed);
  router.info.promise.reset();
  router.info.promise = promise_of(router.info, options.promise);
  return true;
}

}  // namespace citer
