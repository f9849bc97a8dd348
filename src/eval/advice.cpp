#include "eval/advice.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "citer/error.h"
#include "engine/models.h"
#include "engine/probe.h"
#include "eval/forecast.h"

namespace citer {

namespace {

constexpr int kResamples = 100;
constexpr std::uint64_t kSeed = 20261126;
constexpr const char* kConfidence = "maxprob";
/// What answers are recorded at: both models get to write.
constexpr double kRecordThreshold = 0.6;
/// Short passes are timed in each round, the long ones, which hardly vary, in two.
constexpr std::array kShortPasses = {1, 2, 3, 4, 5, 6, 8, 12, 16};
constexpr std::array kLongPasses = {24, 32, 48, 64, 96};
constexpr std::array kPending = {2, 3, 4, 6, 8};

/// By threshold.
Writers below(double threshold) {
  return [threshold](const RecordedToken& token, std::size_t) {
    return static_cast<double>(token.score) < threshold;
  };
}

/// By chance.
Writers at_random(double share) {
  return [share](const RecordedToken&, std::size_t i) {
    return to_unit(random_at(kSeed, 0, i)) < share;
  };
}

bool by_llm_alone(const RecordedToken&, std::size_t) { return true; }

/// Predictions with their intervals.
struct Predictor {
  explicit Predictor(const Measured& measured) : forecast(measured) {
    Rng rng(kSeed);
    for (int i = 0; i < kResamples; ++i) resampled.emplace_back(resample(measured, rng));
  }

  template <typename Figure>
  Estimate estimate(Figure figure) const {
    std::vector<double> values;
    for (const Forecast& f : resampled) values.push_back(figure(f));
    return with_interval(figure(forecast), values);
  }

  /// With the number of pending tokens that is fastest, of `least` and a few more.
  RunningWay fastest(const Writers& writers, int least) const {
    RunningWay way{.pending_tokens = least, .llm_share = forecast.share(writers)};
    for (const int pending : kPending) {
      if (forecast.routed(writers, pending) > forecast.routed(writers, way.pending_tokens)) {
        way.pending_tokens = pending;
      }
    }
    way.tokens_per_second =
        estimate([&](const Forecast& f) { return f.routed(writers, way.pending_tokens); });
    return way;
  }

  Estimate break_even(const Recording& answers) const {
    return estimate([&](const Forecast& f) {
      const double alone = f.alone(Writer::kLlm);
      const auto pays = [&](double share) {
        return f.routed(below(threshold_for_share(answers, share)), 1) >= alone;
      };
      double low = 0.0;
      double high = 1.0;
      if (!pays(low)) return 0.0;
      if (pays(high)) return 1.0;
      constexpr int kHalvings = 8;
      for (int i = 0; i < kHalvings; ++i) {
        const double middle = (low + high) / 2;
        (pays(middle) ? low : high) = middle;
      }
      return low;
    });
  }

  Forecast forecast;
  std::vector<Forecast> resampled;
};

/// Measures, and counts its steps for who watches.
class Adviser {
 public:
  Adviser(Service& service, const AdviceOptions& options, const Watcher& watcher)
      : service_(service), options_(options), watcher_(watcher) {
    const auto& routers = service.pair().router_facts();
    if (!routers.empty()) router_ = routers.front().policy;
    const auto prompts = static_cast<std::int64_t>(options.prompts.size());
    const auto ways = static_cast<std::int64_t>(3 + 2 * options.shares.size());
    progress_ = {.what = "advise", .unit = "steps"};
    progress_.total =
        options.rounds + prompts * (router_.empty() ? 1 : 2) + (options.check ? prompts * ways : 0);
  }

  std::optional<Advice> run() {
    watcher_.report(progress_);
    write(options_.prompts.front(), {.policy = kConfidence, .threshold = kRecordThreshold});
    const Recording by_confidence = record({.policy = kConfidence, .threshold = kRecordThreshold});
    const Recording by_router = router_.empty() ? Recording{} : record({.policy = router_});
    time_passes();
    if (stopped_) return std::nullopt;
    Advice advice = predict(by_confidence, by_router);
    if (options_.check) check(advice);
    if (stopped_) return std::nullopt;
    return advice;
  }

 private:
  void step() {
    ++progress_.done;
    watcher_.report(progress_);
    stopped_ |= watcher_.wants_stop();
  }

  /// One answer, from empty caches.
  Answer write(const Prompt& prompt, GenerationOptions generation) {
    generation.max_tokens = options_.max_tokens;
    service_.reset();
    return service_.write_all({{.prompt = prompt, .options = std::move(generation)}}).front();
  }

  Recording record(const GenerationOptions& generation) {
    Recording answers;
    for (const Prompt& prompt : options_.prompts) {
      if (stopped_) break;
      const Answer answer = write(prompt, generation);
      answers.push_back(recorded(prompt, answer));
      longest_ = std::max(longest_, all_tokens(service_, prompt, answer),
                          [](const auto& a, const auto& b) { return a.size() < b.size(); });
      step();
    }
    return answers;
  }

  RecordedAnswer recorded(const Prompt& prompt, const Answer& answer) {
    RecordedAnswer recorded{.prompt_tokens = answer.prompt_tokens, .seconds = answer.seconds};
    recorded.outside_models =
        std::max(0.0, answer.seconds - answer.counters.slm_seconds - answer.counters.llm_seconds);
    const std::vector<bool> agrees = audit(service_, prompt, answer);
    for (std::size_t i = 0; i < answer.tokens.size(); ++i) {
      const TokenRecord& token = answer.tokens[i];
      const bool by_llm = token.writer == Writer::kLlm;
      recorded.tokens.push_back(
          {token.score, by_llm ? token.llm_agrees.value_or(false) : agrees[i], by_llm});
    }
    return recorded;
  }

  void time_passes() {
    for (int round = 0; round < options_.rounds && !stopped_; ++round) {
      for (const int n : kShortPasses) time_both(n);
      if (round < 2) {
        for (const int n : kLongPasses) time_both(n);
      }
      // One token at a time is what models mostly read.
      for (int again = 0; again < 3; ++again) time_both(1);
      step();
    }
  }

  void time_both(int n) {
    if (longest_.size() <= static_cast<std::size_t>(n)) return;
    slm_[n].push_back(time_pass(service_, longest_, Writer::kSlm, n));
    llm_[n].push_back(time_pass(service_, longest_, Writer::kLlm, n));
  }

  Advice predict(const Recording& by_confidence, const Recording& by_router) const {
    const Predictor confident({slm_, llm_, by_confidence});
    Advice advice;
    advice.slm = service_.slm_facts();
    advice.llm = service_.llm_facts();
    advice.hardware = confident.forecast.hardware();
    advice.hardware.name = advice.slm.description + " / " + advice.llm.description;
    advice.prompts = static_cast<int>(by_confidence.size());
    describe(by_confidence, advice);
    const int context = service_.context_size();
    const std::uint64_t slm_bytes = bytes_with_context(advice.slm, context);
    const std::uint64_t llm_bytes = bytes_with_context(advice.llm, context);
    advice.slm_alone = {.policy = "slm", .bytes = slm_bytes};
    advice.slm_alone.tokens_per_second =
        confident.estimate([](const Forecast& f) { return f.alone(Writer::kSlm); });
    advice.llm_alone = {.policy = "llm", .llm_share = 1.0, .bytes = llm_bytes};
    advice.llm_alone.tokens_per_second =
        confident.estimate([](const Forecast& f) { return f.alone(Writer::kLlm); });
    const auto routed = [&](const Predictor& predictor, const Writers& writers, int least) {
      RunningWay way = predictor.fastest(writers, least);
      way.bytes = slm_bytes + llm_bytes;
      return way;
    };
    advice.speculative = routed(confident, by_llm_alone, 2);
    advice.speculative.policy = "speculative";
    for (const double share : options_.shares) {
      const double threshold = threshold_for_share(by_confidence, share);
      RunningWay& way = advice.confidence.emplace_back(routed(confident, below(threshold), 1));
      way.policy = kConfidence;
      way.threshold = threshold;
    }
    add_router(confident, by_router, routed, advice);
    advice.break_even = confident.break_even(by_confidence);
    return advice;
  }

  template <typename Routed>
  void add_router(const Predictor& confident, const Recording& by_router, const Routed& routed,
                  Advice& advice) const {
    if (router_.empty()) {
      for (const double share : options_.shares) {
        RunningWay& way = advice.router.emplace_back(routed(confident, at_random(share), 1));
        way.policy = fmt::format("random:{}", share);
      }
      return;
    }
    const Predictor learned({slm_, llm_, by_router});
    for (const double share : options_.shares) {
      const double threshold = threshold_for_share(by_router, share);
      RunningWay& way = advice.router.emplace_back(routed(learned, below(threshold), 1));
      way.policy = router_;
      way.threshold = threshold;
    }
  }

  static void describe(const Recording& answers, Advice& advice) {
    double confidence = 0.0;
    std::vector<double> agreed;
    double tokens = 0.0;
    double agrees = 0.0;
    for (const RecordedAnswer& answer : answers) {
      for (const RecordedToken& token : answer.tokens) {
        confidence += static_cast<double>(token.score);
        agrees += token.agrees ? 1 : 0;
        ++tokens;
      }
    }
    Rng rng(kSeed);
    for (int i = 0; i < kResamples; ++i) {
      double all = 0.0;
      double same = 0.0;
      for (std::size_t k = 0; k < answers.size(); ++k) {
        const auto last = static_cast<std::int64_t>(answers.size()) - 1;
        const RecordedAnswer& answer = answers[static_cast<std::size_t>(rng.uniform(0, last))];
        for (const RecordedToken& token : answer.tokens) same += token.agrees ? 1 : 0;
        all += static_cast<double>(answer.tokens.size());
      }
      agreed.push_back(same / std::max(1.0, all));
    }
    advice.tokens = static_cast<std::int64_t>(tokens);
    advice.mean_confidence = confidence / std::max(1.0, tokens);
    advice.agreement = with_interval(agrees / std::max(1.0, tokens), agreed);
  }

  void check(Advice& advice) {
    for (RunningWay* way : {&advice.llm_alone, &advice.slm_alone, &advice.speculative})
      measure(*way);
    for (RunningWay& way : advice.confidence) measure(way);
    for (RunningWay& way : advice.router) measure(way);
  }

  void measure(RunningWay& way) {
    double tokens = 0.0;
    double seconds = 0.0;
    for (const Prompt& prompt : options_.prompts) {
      if (stopped_) return;
      const Answer answer = write(
          prompt,
          {.policy = way.policy, .threshold = way.threshold, .pending_tokens = way.pending_tokens});
      tokens += static_cast<double>(answer.tokens.size());
      seconds += answer.seconds;
      step();
    }
    way.measured = seconds > 0 ? tokens / seconds : 0.0;
  }

  Service& service_;
  const AdviceOptions& options_;
  const Watcher& watcher_;
  ProgressReport progress_;
  bool stopped_ = false;
  std::string router_;          ///< the policy of the pair's first router; "": it has none
  std::vector<Token> longest_;  ///< the longest answer with its prompt: what passes are timed on
  PassSamples slm_;
  PassSamples llm_;
};

nlohmann::ordered_json to_json(const Estimate& estimate) {
  return {{"value", estimate.value}, {"low", estimate.low}, {"high", estimate.high}};
}

nlohmann::ordered_json to_json(const RunningWay& way) {
  nlohmann::ordered_json json = {{"policy", way.policy}};
  if (way.threshold) json["threshold"] = *way.threshold;
  json["pending_tokens"] = way.pending_tokens;
  json["llm_share"] = way.llm_share;
  json["bytes"] = way.bytes;
  json["tokens_per_second"] = to_json(way.tokens_per_second);
  if (way.measured) json["measured_tokens_per_second"] = *way.measured;
  return json;
}

}  // namespace

double weights_per_second(const ModelFacts& model, const PassCurve& passes) {
  return static_cast<double>(model.bytes) / passes.at(1);
}

bool slm_waits_for_arithmetic(const Advice& advice) {
  constexpr std::uint64_t kLeastBytes = std::uint64_t{64} << 20;
  constexpr double kSlow = 0.8;
  return advice.slm.bytes >= kLeastBytes &&
         weights_per_second(advice.slm, advice.hardware.slm) <
             kSlow * weights_per_second(advice.llm, advice.hardware.llm);
}

std::optional<Advice> advise(Service& service, const AdviceOptions& options,
                             const Watcher& watcher) {
  service.pair().require_one_vocabulary("advice");
  if (options.prompts.empty()) throw FieldError({"prompts"}, "expected at least one prompt");
  if (options.max_tokens < 1) {
    throw FieldError({"max_tokens"},
                     fmt::format("expected 1 or more, found {}", options.max_tokens));
  }
  service.check(options.prompts, {.max_tokens = options.max_tokens});
  return Adviser(service, options, watcher).run();
}

std::string advice_json(const Advice& advice) {
  nlohmann::ordered_json json = {
      {"slm", advice.slm.path},
      {"llm", advice.llm.path},
      {"prompts", advice.prompts},
      {"tokens", advice.tokens},
      {"agreement", to_json(advice.agreement)},
      {"mean_confidence", advice.mean_confidence},
      {"slm_weights_bytes_per_second", weights_per_second(advice.slm, advice.hardware.slm)},
      {"llm_weights_bytes_per_second", weights_per_second(advice.llm, advice.hardware.llm)},
      {"break_even_llm_share", to_json(advice.break_even)},
      {"llm_alone", to_json(advice.llm_alone)},
      {"slm_alone", to_json(advice.slm_alone)},
      {"speculative_decoding", to_json(advice.speculative)},
      {"confidence", nlohmann::ordered_json::array()},
      {"router", nlohmann::ordered_json::array()},
      {"hardware", hardware_json(advice.hardware)}};
  for (const RunningWay& way : advice.confidence) json["confidence"].push_back(to_json(way));
  for (const RunningWay& way : advice.router) json["router"].push_back(to_json(way));
  return json.dump();
}

}  // namespace citer
