#include "model/sampler.h"

#include <llama.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"

namespace citer {

namespace {

void check(bool ok, const char* field, const char* range, double found) {
  if (!ok) throw FieldError({field}, fmt::format("expected {}, found {}", range, found));
}

/// -log(-log(u)): standard Gumbel noise.
double gumbel(std::uint64_t bits) { return -std::log(-std::log(to_unit(bits))); }

}  // namespace

void check_sampling_options(const SamplingOptions& o) {
  check(o.temperature >= 0 && std::isfinite(o.temperature), "temperature", "a number >= 0",
        o.temperature);
  check(o.top_k >= 0, "top_k", "an integer >= 0", o.top_k);
  check(o.top_p > 0 && o.top_p <= 1, "top_p", "a number in (0, 1]", o.top_p);
  check(o.min_p >= 0 && o.min_p <= 1, "min_p", "a number in [0, 1]", o.min_p);
  check(o.repeat_penalty > 0 && std::isfinite(o.repeat_penalty), "repeat_penalty", "a number > 0",
        o.repeat_penalty);
  check(o.repeat_last_n >= 0, "repeat_last_n", "an integer >= 0", o.repeat_last_n);
  check(std::isfinite(o.frequency_penalty), "frequency_penalty", "a finite number",
        o.frequency_penalty);
  check(std::isfinite(o.presence_penalty), "presence_penalty", "a finite number",
        o.presence_penalty);
}

void check_token_options(const SamplingOptions& o, const Vocab& vocab) {
  for (const auto& [token, bias] : o.logit_bias) {
    check(token >= 0 && token < vocab.size(), "logit_bias", "tokens of the vocabulary", token);
    check(!std::isnan(bias) && bias < INFINITY, "logit_bias", "numbers", bias);
  }
}

Sampler::Sampler(int n_vocab, const SamplingOptions& options, std::uint64_t stream)
    : options_(options),
      stream_(stream),
      penalties_on_(options.repeat_last_n > 0 &&
                    (options.repeat_penalty != 1.0 || options.frequency_penalty != 0.0 ||
                     options.presence_penalty != 0.0)) {
  check_sampling_options(options);
  if (penalties_on_) {
    penalties_.reset(llama_sampler_init_penalties(n_vocab, options.repeat_last_n,
                                                  static_cast<float>(options.repeat_penalty),
                                                  static_cast<float>(options.frequency_penalty),
                                                  static_cast<float>(options.presence_penalty)));
  }
  if (options.temperature > 0) {
    filters_.reset(llama_sampler_chain_init(llama_sampler_chain_default_params()));
    const auto add = [&](llama_sampler* s) { llama_sampler_chain_add(filters_.get(), s); };
    if (options.top_k > 0) add(llama_sampler_init_top_k(options.top_k));
    if (options.top_p < 1) add(llama_sampler_init_top_p(static_cast<float>(options.top_p), 1));
    if (options.min_p > 0) add(llama_sampler_init_min_p(static_cast<float>(options.min_p), 1));
    add(llama_sampler_init_temp(static_cast<float>(options.temperature)));
  }
}

Token Sampler::sample(std::span<const float> logits, std::span<const Token> context, Token without,
                      const std::vector<bool>* allowed) {
  const bool is_plain = !penalties_on_ && !filters_ && options_.logit_bias.empty();
  if (is_plain && without == kNoToken && allowed == nullptr) return argmax(logits);
  candidates_.resize(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    candidates_[i] = {static_cast<Token>(i), logits[i], 0.0F};
  }
  if (without != kNoToken) candidates_[static_cast<std::size_t>(without)].logit = -INFINITY;
  for (const auto& [token, bias] : options_.logit_bias) {
    // Padding that only the other model has is not there.
    const auto at = static_cast<std::size_t>(token);
    if (at < candidates_.size()) candidates_[at].logit += bias;
  }
  llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
  if (penalties_on_) penalize(array, context);
  if (allowed != nullptr) {
    bool is_left = false;
    for (llama_token_data& c : candidates_) {
      if (!(*allowed)[static_cast<std::size_t>(c.id)]) c.logit = -INFINITY;
      is_left |= c.logit > -INFINITY;
    }
    if (!is_left) return kNoToken;
  }
  if (filters_) llama_sampler_apply(filters_.get(), &array);
  return pick(array, context.size());
}

void Sampler::penalize(llama_token_data_array& candidates, std::span<const Token> context) {
  llama_sampler_reset(penalties_.get());
  const std::size_t n = std::min(context.size(), static_cast<std::size_t>(options_.repeat_last_n));
  for (const Token token : context.last(n)) llama_sampler_accept(penalties_.get(), token);
  llama_sampler_apply(penalties_.get(), &candidates);
}

Token Sampler::pick(const llama_token_data_array& candidates, std::size_t position) const {
  const std::uint64_t address = random_at(options_.seed, stream_, position);
  Token best = 0;
  double best_value = -INFINITY;
  for (std::size_t i = 0; i < candidates.size; ++i) {
    const llama_token_data& c = candidates.data[i];
    const double noise =
        filters_ ? gumbel(random_at(address, 0, static_cast<std::uint64_t>(c.id))) : 0.0;
    const double value = c.logit + noise;
    if (value > best_value || (value == best_value && c.id < best)) {
      best = c.id;
      best_value = value;
    }
  }
  return best;
}

TokenLogprobs logprobs_of(std::span<const float> logits, Token token, int top) {
  float largest = -INFINITY;
  for (const float v : logits) largest = v > largest ? v : largest;
  double sum = 0.0;
  for (const float v : logits) sum += std::exp(static_cast<double>(v) - largest);
  const double log_sum = largest + std::log(sum);
  const auto logprob = [&](Token t) {
    return static_cast<float>(logits[static_cast<std::size_t>(t)] - log_sum);
  };
  TokenLogprobs result{logprob(token), {}};
  std::vector<Token> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto n = std::min(static_cast<std::size_t>(std::max(top, 0)), order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), order.end(),
                    [&](Token a, Token b) { return logprob(a) > logprob(b); });
  result.top.reserve(n);
  for (std::size_t i = 0; i < n; ++i) result.top.emplace_back(order[i], logprob(order[i]));
  return result;
}

int argmax(std::span<const float> values) {
  if (values.empty()) return -1;
  // Two passes that vectorise: the largest value, then where it first stands.
  float top = -INFINITY;
  for (float v : values) top = v > top ? v : top;
  const auto at = std::find(values.begin(), values.end(), top);
  return at == values.end() ? 0 : static_cast<int>(at - values.begin());  // end: all are NaN
}

}  // namespace citer
