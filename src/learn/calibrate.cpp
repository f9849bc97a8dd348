#include "learn/calibrate.h"

#include <algorithm>
#include <mutex>

#include "base/parallel.h"
#include "citer/error.h"
#include "learn/rollouts.h"
#include "route/learned_policy.h"
#include "route/thresholds.h"
#include "task/answer.h"

namespace citer {

namespace {

/// How one policy's answers are written.
GenerationOptions generation_of(const CalibrateOptions& options,
                                std::shared_ptr<const RoutingPolicy> policy, double threshold) {
  return {.own_policy = std::move(policy),
          .threshold = threshold,
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

/// What routed answers cost and bring at one threshold, over the examples.
CalibrationPoint measure_threshold(Service& service, const std::vector<Example>& examples,
                                   const GenerationOptions& generation) {
  const AnswerJudge judge;
  const auto answers = answers_of(service, examples, generation);
  Counters counters;
  double right = 0.0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    counters += answers[i].counters;
    right += judge.judge(examples[i], answers[i].text).correct ? 1.0 : 0.0;
  }
  const auto tokens = static_cast<double>(std::max<std::int64_t>(counters.tokens(), 1));
  return {*generation.threshold, static_cast<double>(counters.llm_tokens) / tokens,
          right / static_cast<double>(examples.size()),
          static_cast<double>(counters.llm_passes) / tokens};
}

}  // namespace

bool calibrate(ServicePool& services, Router& router, const CalibrateOptions& options,
               const Watcher& watcher) {
  std::vector<Example> examples;
  for (const auto& path : options.data) {
    const Dataset dataset = load_dataset(path, options.dataset);
    examples.insert(examples.end(), dataset.examples.begin(), dataset.examples.end());
  }
  ProgressReport progress{.what = "calibrate",
                          .unit = "thresholds",
                          .total = static_cast<std::int64_t>(options.budgets.size()) + 2};
  watcher.report(progress);
  std::vector<std::shared_ptr<const RoutingPolicy>> policies;  // one a worker: scoring locks
  policies.reserve(static_cast<std::size_t>(services.size()));
  for (int i = 0; i < services.size(); ++i) {
    policies.push_back(make_learned_policy(router, *services.pair().slm()));
  }
  std::vector<float> scores;
  for (const Answer& answer :
       answers_of(services.front(), examples, generation_of(options, policies.front(), 0.0))) {
    for (const TokenRecord& token : answer.tokens) scores.push_back(token.score);
  }
  const auto thresholds = thresholds_for_budgets(std::move(scores), options.budgets);

  // First the models alone, then the thresholds.
  std::vector<CalibrationPoint> points(thresholds.size() + 2);
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
  router.info.slm_accuracy = points[0].accuracy;
  router.info.llm_accuracy = points[1].accuracy;
  router.info.calibration.assign(points.begin() + 2, points.end());
  return true;
}

}  // namespace citer
