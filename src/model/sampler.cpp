#include "model/sampler.h"

#include <llama.h>

#include <algorithm>
#include <cmath>

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

bool Sampler::needs_logits() const {
  const auto top_k = static_cast<std::size_t>(options_.top_k);
  return edits_logits() || (filters_ && (top_k == 0 || top_k >= kLikeliest));
}

Token Sampler::sample(const Row& row, std::span<const Token> context, Token without,
                      const std::vector<bool>* allowed) {
  if (edits_logits()) return sample(row.logits, context, without, allowed);
  candidates_.clear();
  for (const TokenLogit& listed : row.stats.likeliest) {
    const bool may_be = allowed == nullptr || ((*allowed)[static_cast<std::size_t>(listed.id)] &&
                                               listed.logit > -INFINITY);
    if (may_be && listed.id != without) candidates_.push_back({listed.id, listed.logit, 0.0F});
  }
  if (!is_decided_by(row.stats)) return sample(row.logits, context, without, allowed);
  return candidates_.empty() ? kNoToken : draw(context.size(), true);
}

/// Whether those of the likeliest tokens that may be drawn are all that matter.
bool Sampler::is_decided_by(const RowStats& stats) const {
  const bool lists_all = stats.likeliest.size() < kLikeliest || stats.n_vocab == kLikeliest;
  if (lists_all) return true;
  if (candidates_.empty()) return false;
  if (!filters_) return true;
  if (options_.top_k > 0) return candidates_.size() >= static_cast<std::size_t>(options_.top_k);
  // min-p keeps the tokens that have a part of the likeliest one's probability.
  const double least = candidates_.front().logit + std::log(options_.min_p);
  return options_.top_p >= 1 && stats.likeliest.back().logit < least;
}

Token Sampler::sample(std::span<const float> logits, std::span<const Token> context, Token without,
                      const std::vector<bool>* allowed) {
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
  if (penalties_on_) penalize(context);
  if (allowed != nullptr) {
    bool is_left = false;
    for (llama_token_data& c : candidates_) {
      if (!(*allowed)[static_cast<std::size_t>(c.id)]) c.logit = -INFINITY;
      is_left |= c.logit > -INFINITY;
    }
    if (!is_left) return kNoToken;
  }
  return draw(context.size(), false);
}

void Sampler::penalize(std::span<const Token> context) {
  llama_token_data_array candidates{candidates_.data(), candidates_.size(), -1, false};
  llama_sampler_reset(penalties_.get());
  const std::size_t n = std::min(context.size(), static_cast<std::size_t>(options_.repeat_last_n));
  for (const Token token : context.last(n)) llama_sampler_accept(penalties_.get(), token);
  llama_sampler_apply(penalties_.get(), &candidates);
}

/// Filters the candidates and draws.
Token Sampler::draw(std::size_t position, bool sorted) {
  llama_token_data_array left{candidates_.data(), candidates_.size(), -1, sorted};
  if (filters_) llama_sampler_apply(filters_.get(), &left);
  const std::uint64_t address = random_at(options_.seed, stream_, position);
  Token best = 0;
  double best_value = -INFINITY;
  for (std::size_t i = 0; i < left.size; ++i) {
    const llama_token_data& c = left.data[i];
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

}  // namespace citer
