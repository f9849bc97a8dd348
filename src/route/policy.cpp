#include "citer/policy.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/rng.h"
#include "citer/error.h"
#include "route/learned_policy.h"

namespace citer {

namespace {

/// Scores each input by itself.
class PerTokenPolicy final : public RoutingPolicy {
 public:
  using Score = double (*)(const PolicyInput&);

  PerTokenPolicy(std::string name, PolicyNeeds needs, double default_threshold, Score rule)
      : name_(std::move(name)), needs_(needs), default_threshold_(default_threshold), rule_(rule) {}

  const std::string& name() const override { return name_; }
  PolicyNeeds needs() const override { return needs_; }
  double default_threshold() const override { return default_threshold_; }
  void score(std::span<const PolicyInput> inputs, std::span<double> scores) const override {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      scores[i] = std::clamp(rule_(inputs[i]), 0.0, 1.0);
    }
  }

 private:
  std::string name_;
  PolicyNeeds needs_;
  double default_threshold_;
  Score rule_;
};

/// Lets the LLM read all tokens and judges them.
class JudgingPolicy final : public RoutingPolicy {
 public:
  using Rule = double (*)(const JudgeInput&);

  JudgingPolicy(std::string name, bool sums, double default_threshold, Rule rule)
      : name_(std::move(name)), sums_(sums), default_threshold_(default_threshold), rule_(rule) {}

  const std::string& name() const override { return name_; }
  PolicyNeeds needs() const override { return {.sums = sums_, .judges = true}; }
  double default_threshold() const override { return default_threshold_; }
  void score(std::span<const PolicyInput> /*inputs*/, std::span<double> scores) const override {
    std::fill(scores.begin(), scores.end(), 0.0);
  }
  double judge(const JudgeInput& input) const override {
    return std::clamp(rule_(input), 0.0, 1.0);
  }

 private:
  std::string name_;
  bool sums_;
  double default_threshold_;
  Rule rule_;
};

/// Stream of the random policy's numbers, apart from the sampler's.
constexpr std::uint64_t kRandomPolicySalt = 0x726f757465ULL;

double always_slm(const PolicyInput&) { return 1.0; }
double always_llm(const PolicyInput&) { return 0.0; }
double uniform(const PolicyInput& in) {
  return to_unit(random_at(in.seed ^ kRandomPolicySalt, in.stream, in.position));
}
double top_probability(const PolicyInput& in) { return in.slm.probability(0); }
double top_margin(const PolicyInput& in) { return in.slm.probability(0) - in.slm.probability(1); }
double certainty(const PolicyInput& in) {
  const double most = std::log(static_cast<double>(in.slm.n_vocab));
  return most == 0 ? 1.0 : 1.0 - in.slm.entropy / most;
}
double agreement(const PolicyInput& in) {
  return in.slm.likeliest.front().id == in.llm.likeliest.front().id ? 1.0 : 0.0;
}

/// Of a token's logit in a row, or nullptr where it is not among the likeliest.
const TokenLogit* listed(const RowStats& row, Token token) {
  const auto at = std::find_if(row.likeliest.begin(), row.likeliest.end(),
                               [token](const TokenLogit& t) { return t.id == token; });
  return at == row.likeliest.end() ? nullptr : &*at;
}

double overlap(const JudgeInput& in) {
  double sum = 0.0;
  for (const TokenLogit& t : in.slm.likeliest) {
    const TokenLogit* other = listed(in.llm, t.id);
    if (other == nullptr) continue;
    sum += std::exp(std::min(in.slm.logprob(t.logit), in.llm.logprob(other->logit)));
  }
  return sum;
}

double share_of_likeliest(const JudgeInput& in) {
  const TokenLogit* token = listed(in.llm, in.token);
  if (token == nullptr) return 0.0;
  return std::exp(double{token->logit} - double{in.llm.likeliest.front().logit});
}

constexpr PolicyNeeds kSlmRow{};
constexpr PolicyNeeds kSlmSums{.sums = true};
constexpr PolicyNeeds kLlmAlone{.slm = false};
constexpr PolicyNeeds kBothModels{.llm = true};

/// The P of "random:P".
double random_share(const std::string& name) {
  const std::string_view text = std::string_view(name).substr(name.find(':') + 1);
  double share = -1.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (error != std::errc{} || end != text.data() + text.size() || !(share >= 0 && share <= 1)) {
    throw FieldError({"policy"},
                     fmt::format("expected random:P with P in [0, 1], found '{}'", name));
  }
  return share;
}

}  // namespace

std::shared_ptr<const RoutingPolicy> make_policy(const std::string& name) {
  const auto policy = [&](PolicyNeeds needs, double threshold, PerTokenPolicy::Score score) {
    return std::make_shared<PerTokenPolicy>(name, needs, threshold, score);
  };
  if (name == "slm") return policy(kSlmRow, 0.0, always_slm);
  if (name == "llm") return policy(kLlmAlone, 1.0, always_llm);
  if (name == "speculative") return policy(kSlmRow, 1.0, always_llm);
  if (name.starts_with("random:")) return policy(kSlmRow, random_share(name), uniform);
  if (name == "maxprob") return policy(kSlmSums, 0.9, top_probability);
  if (name == "margin") return policy(kSlmSums, 0.8, top_margin);
  if (name == "entropy") return policy(kSlmSums, 0.95, certainty);
  if (name == "divergence") return std::make_shared<JudgingPolicy>(name, true, 0.5, overlap);
  if (name == "ratio") return std::make_shared<JudgingPolicy>(name, false, 0.3, share_of_likeliest);
  if (name == "oracle") return policy(kBothModels, 0.5, agreement);
  if (is_learned_policy(name)) {
    throw FieldError({"routers"}, fmt::format("policy '{}' needs a router file", name));
  }
  throw FieldError({"policy"}, fmt::format("expected one of {}, found '{}'",
                                           fmt::join(policy_names(), ", "), name));
}

const std::vector<std::string>& policy_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> all = {"slm",    "llm",     "speculative", "random:P", "maxprob",
                                    "margin", "entropy", "divergence",  "ratio",    "oracle"};
    const std::vector<std::string>& learned = learned_policy_names();
    all.insert(all.end(), learned.begin(), learned.end());
    return all;
  }();
  return kNames;
}

}  // namespace citer
