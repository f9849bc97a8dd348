#include "learn/calibrate.h"

#include <algorithm>

#include "base/progress.h"
#include "citer/error.h"
#include "learn/rollouts.h"
#include "route/learned_policy.h"
#include "route/thresholds.h"
#include "task/answer.h"

namespace citer {

namespace {

std::vector<Sequence> answers_of(ModelPair& pair, const std::vector<Example>& examples,
                                 const std::shared_ptr<const RoutingPolicy>& policy,
                                 double threshold, int max_tokens) {
  std::vector<std::vector<Token>> prompts;
  for (const Example& e : examples) {
    prompts.push_back(pair.slm_model->vocab().tokenize(e.prompt, true, false));
  }
  pair.reset();
  return write_answers(pair, prompts, policy, threshold, max_tokens);
}

}  // namespace

CalibrationPoint measure_threshold(ModelPair& pair, const std::vector<Example>& examples,
                                   std::shared_ptr<const RoutingPolicy> policy, double threshold,
                                   int max_tokens) {
  const AnswerJudge judge;
  const auto answers = answers_of(pair, examples, policy, threshold, max_tokens);
  Counters counters;
  double right = 0.0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    counters += answers[i].counters;
    right += judge.judge(examples[i], answers[i].text.text()).correct ? 1.0 : 0.0;
  }
  const auto tokens = static_cast<double>(std::max<std::int64_t>(counters.tokens(), 1));
  return {threshold, static_cast<double>(counters.llm_tokens) / tokens,
          right / static_cast<double>(examples.size()),
          static_cast<double>(counters.llm_passes) / tokens};
}

bool calibrate(ModelPair& pair, Router& router, const CalibrateOptions& options) {
  std::vector<Example> examples;
  for (const auto& path : options.data) {
    const Dataset dataset = load_dataset(path, options.dataset);
    examples.insert(examples.end(), dataset.examples.begin(), dataset.examples.end());
  }
  const auto policy = make_learned_policy(router, *pair.slm_model);
  const auto stopped = [&] { return options.should_stop && options.should_stop(); };
  Progress progress("calibrate", "thresholds",
                    static_cast<std::int64_t>(options.budgets.size()) + 3);
  progress.update(0);

  std::vector<float> scores;
  for (const Sequence& s : answers_of(pair, examples, policy, 0.0, options.max_tokens)) {
    for (const TokenRecord& token : s.records) scores.push_back(token.score);
  }
  progress.update(1);
  RouterInfo info = router.info;
  const auto alone = [&](const char* name, double threshold) {
    return measure_threshold(pair, examples, make_policy(name), threshold, options.max_tokens)
        .accuracy;
  };
  info.slm_accuracy = alone("slm", 0.0);
  info.llm_accuracy = alone("llm", 1.0);
  progress.update(3);
  info.calibration.clear();
  for (const double threshold : thresholds_for_budgets(std::move(scores), options.budgets)) {
    if (stopped()) return false;
    info.calibration.push_back(
        measure_threshold(pair, examples, policy, threshold, options.max_tokens));
    progress.update(static_cast<std::int64_t>(info.calibration.size()) + 3);
  }
  router.info = std::move(info);
  return true;
}

}  // namespace citer
