#include "eval/forecast.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "eval/metrics.h"

namespace citer {

namespace {

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         std::max<double>(1.0, static_cast<double>(values.size()));
}

PassCurve mean_curve(const PassSamples& samples) {
  PassCurve curve;
  for (const auto& [tokens, seconds] : samples) curve.add(tokens, mean(seconds));
  return curve;
}

template <typename T>
std::vector<T> drawn(const std::vector<T>& from, Rng& rng) {
  std::vector<T> result;
  result.reserve(from.size());
  const auto last = static_cast<std::int64_t>(from.size()) - 1;
  for (std::size_t i = 0; i < from.size(); ++i) {
    result.push_back(from[static_cast<std::size_t>(rng.uniform(0, last))]);
  }
  return result;
}

PassSamples drawn(const PassSamples& samples, Rng& rng) {
  PassSamples result;
  for (const auto& [tokens, seconds] : samples) result[tokens] = drawn(seconds, rng);
  return result;
}

ReplayAnswer to_replay(const RecordedAnswer& answer, const Writers& by_llm) {
  ReplayAnswer replay{answer.prompt_tokens, {}};
  replay.tokens.reserve(answer.tokens.size());
  for (std::size_t i = 0; i < answer.tokens.size(); ++i) {
    replay.tokens.push_back({by_llm(answer.tokens[i], i), answer.tokens[i].agrees});
  }
  return replay;
}

}  // namespace

Measured resample(const Measured& measured, Rng& rng) {
  return {drawn(measured.slm, rng), drawn(measured.llm, rng), drawn(measured.answers, rng)};
}

Forecast::Forecast(Measured measured) : measured_(std::move(measured)) {
  double seconds = 0.0;
  for (const RecordedAnswer& answer : measured_.answers) {
    tokens_ += static_cast<double>(answer.tokens.size());
    seconds += answer.seconds;
    hardware_.token_overhead += answer.outside_models;
  }
  hardware_.token_overhead /= std::max(1.0, tokens_);
  hardware_.slm = mean_curve(measured_.slm);
  hardware_.llm = mean_curve(measured_.llm);
  constexpr double kMost = 1.5;
  const double predicted =
      routed_seconds([](const RecordedToken& token, std::size_t) { return token.by_llm; }, 1);
  if (predicted > 0) turns_factor_ = std::clamp(seconds / predicted, 1 / kMost, kMost);
}

double Forecast::tokens_per_second(double seconds) const {
  return seconds > 0 ? tokens_ / seconds : 0.0;
}

double Forecast::alone(Writer model) const {
  const PassCurve& curve = model == Writer::kSlm ? hardware_.slm : hardware_.llm;
  double seconds = 0.0;
  for (const RecordedAnswer& answer : measured_.answers) {
    const Writers nobody = [](const RecordedToken&, std::size_t) { return false; };
    seconds += replay_alone(curve, hardware_, to_replay(answer, nobody));
  }
  return tokens_per_second(seconds);
}

double Forecast::routed_seconds(const Writers& by_llm, int pending) const {
  double seconds = 0.0;
  for (const RecordedAnswer& answer : measured_.answers) {
    seconds += replay_routing(hardware_, to_replay(answer, by_llm), pending);
  }
  return seconds;
}

double Forecast::routed(const Writers& by_llm, int pending) const {
  return tokens_per_second(turns_factor_ * routed_seconds(by_llm, pending));
}

double Forecast::share(const Writers& by_llm) const {
  double llm = 0.0;
  for (const RecordedAnswer& answer : measured_.answers) {
    for (std::size_t i = 0; i < answer.tokens.size(); ++i) llm += by_llm(answer.tokens[i], i);
  }
  return llm / std::max(1.0, tokens_);
}

double threshold_for_share(const Recording& answers, double share) {
  std::vector<double> scores;
  for (const RecordedAnswer& answer : answers) {
    for (const RecordedToken& token : answer.tokens) scores.push_back(token.score);
  }
  if (scores.empty()) return 0.0;
  std::sort(scores.begin(), scores.end());
  const auto below =
      static_cast<std::size_t>(std::lround(share * static_cast<double>(scores.size())));
  return below >= scores.size() ? 1.0 : static_cast<double>(scores[below]);
}

Estimate with_interval(double value, std::vector<double> resampled) {
  return {value, std::min(value, quantile(resampled, 0.025)),
          std::max(value, quantile(resampled, 0.975))};
}

}  // namespace citer
