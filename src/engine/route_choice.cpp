#include "engine/route_choice.h"

#include <algorithm>

namespace citer {

namespace {

/// What is a clear difference.
constexpr double kClearly = 1.05;
constexpr int kAnswersAgainst = 2;
/// A trial that would be slower than that is none.
constexpr double kHopeless = 3.0;
constexpr int kRarestTrial = 512;
/// Below, what is done outside the models' passes decides, which the planner does not know.
constexpr double kLeastPass = 0.002;
constexpr double kUnknownLength = 128.0;

}  // namespace

void RouteChoice::choose(DecodeRequest& request, std::size_t unread, int together,
                         const SpeculationPlanner& planner) {
  predicted_ = {};
  if (!request.routing_is_free || !planner.knows_speeds()) return;
  if (planner.llm_times().at(1) < kLeastPass) return;
  const double tokens = std::min(length_.value_or(kUnknownLength),
                                 static_cast<double>(std::max(1, request.max_tokens)));
  // Both ways the LLM reads the prompt; where there are routes or guesses the SLM does, too.
  const double reading = static_cast<double>(unread) * planner.slm_prompt_token();
  const auto after_reading = [&](double speed) { return tokens / (tokens / speed + reading); };
  const bool may_guess = together == 1 && request.pending_limit != 1;
  const double plain = planner.llm_speed(together);
  const double guessing = may_guess ? after_reading(planner.speculative_speed()) : 0.0;
  const bool guesses = guessing > kClearly * plain;
  predicted_ = {after_reading(planner.routed_speed(together)), guesses ? guessing : plain};
  if (routes(predicted_)) return;
  request.policy = make_policy(guesses ? "speculative" : "llm");
  request.threshold = request.policy->default_threshold();
  request.opening = 0;
  request.not_routed = predicted_;
  ++not_routed_;
}

bool RouteChoice::routes(const PredictedSpeeds& speeds) {
  if (routes_) {
    against_ = speeds.routed * kClearly < speeds.llm ? against_ + 1 : 0;
    routes_ = against_ < kAnswersAgainst;
  } else {
    routes_ = speeds.routed > kClearly * speeds.llm;
  }
  if (routes_) {
    alone_ = 0;
    next_trial_ = kFirstTrial;
    return true;
  }
  if (alone_ < next_trial_ || speeds.routed * kHopeless < speeds.llm) {
    ++alone_;
    return false;
  }
  alone_ = 0;
  next_trial_ = std::min(kRarestTrial, 2 * next_trial_);
  return true;
}

}  // namespace citer
