#include "model/sampler.h"

#include <llama.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"
#include "model/backend.h"

namespace citer {

namespace {

void check(bool ok, const char* option, const char* range, double found) {
  if (!ok) throw UsageError(fmt::format("{}: expected {}, found {}", option, range, found));
}

/// -log(-log(u)): standard Gumbel noise.
double gumbel(std::uint64_t bits) { return -std::log(-std::log(to_unit(bits))); }

/// A grammar over the vocabulary, or nothing for "". Throws UsageError when it does not parse.
LlamaSamplerPtr make_grammar(const std::string& grammar, const Vocab& vocab) {
  if (grammar.empty()) return {};
  const ErrorCapture errors;
  LlamaSamplerPtr sampler(llama_sampler_init_grammar(vocab.handle(), grammar.c_str(), "root"));
  if (!sampler) {
    throw UsageError(fmt::format("grammar: expected GBNF with a rule 'root' ({})",
                                 errors.first().empty() ? "it does not parse" : errors.first()));
  }
  return sampler;
}

}  // namespace

void check_sampling_options(const SamplingOptions& o) {
  check(o.temperature >= 0 && std::isfinite(o.temperature), "--temp", "a number >= 0",
        o.temperature);
  check(o.top_k >= 0, "--top-k", "an integer >= 0", o.top_k);
  check(o.top_p > 0 && o.top_p <= 1, "--top-p", "a number in (0, 1]", o.top_p);
  check(o.min_p >= 0 && o.min_p <= 1, "--min-p", "a number in [0, 1]", o.min_p);
  check(o.repeat_penalty > 0 && std::isfinite(o.repeat_penalty), "--repeat-penalty", "a number > 0",
        o.repeat_penalty);
  check(o.repeat_last_n >= 0, "--repeat-last-n", "an integer >= 0", o.repeat_last_n);
  check(std::isfinite(o.frequency_penalty), "--frequency-penalty", "a finite number",
        o.frequency_penalty);
  check(std::isfinite(o.presence_penalty), "--presence-penalty", "a finite number",
        o.presence_penalty);
}

void check_token_options(const SamplingOptions& o, const Vocab& vocab) {
  for (const auto& [token, bias] : o.logit_bias) {
    check(token >= 0 && token < vocab.size(), "logit_bias", "tokens of the vocabulary", token);
    check(!std::isnan(bias) && bias < INFINITY, "logit_bias", "numbers", bias);
  }
  make_grammar(o.grammar, vocab);
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

void Sampler::use_grammar(const Vocab& vocab, std::size_t prompt_size) {
  grammar_ = make_grammar(options_.grammar, vocab);
  vocab_ = &vocab;
  prompt_size_ = prompt_size;
}

Token Sampler::sample(std::span<const float> logits, std::span<const Token> context,
                      Token without) {
  if (!grammar_) return draw(logits, context, without, false);
  advance_grammar(context.subspan(prompt_size_));
  const Token free = draw(logits, context, without, false);
  return grammar_allows(free) ? free : draw(logits, context, without, true);
}

Token Sampler::draw(std::span<const float> logits, std::span<const Token> context, Token without,
                    bool with_grammar) {
  if (!penalties_on_ && !filters_ && options_.logit_bias.empty() && without == kNoToken &&
      !with_grammar) {
    return argmax(logits);
  }
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
  if (penalties_on_) {
    llama_sampler_reset(penalties_.get());
    const std::size_t n =
        std::min(context.size(), static_cast<std::size_t>(options_.repeat_last_n));
    for (Token token : context.last(n)) llama_sampler_accept(penalties_.get(), token);
    llama_sampler_apply(penalties_.get(), &array);
  }
  if (with_grammar) {
    llama_sampler_apply(grammar_.get(), &array);
    const bool stuck = std::all_of(candidates_.begin(), candidates_.end(),
                                   [](const auto& c) { return c.logit == -INFINITY; });
    if (stuck && vocab_->end_of_answer() >= 0) return vocab_->end_of_answer();
  }
  if (filters_) llama_sampler_apply(filters_.get(), &array);
  return pick(array, context.size());
}

/// Brings the grammar to where `answer` ends; it starts over where drafts were taken back.
void Sampler::advance_grammar(std::span<const Token> answer) {
  const auto [mine, theirs] =
      std::mismatch(in_grammar_.begin(), in_grammar_.end(), answer.begin(), answer.end());
  if (mine != in_grammar_.end()) {
    llama_sampler_reset(grammar_.get());
    in_grammar_.clear();
  }
  for (const Token token : answer.subspan(in_grammar_.size())) {
    if (!vocab_->is_end_of_generation(token)) llama_sampler_accept(grammar_.get(), token);
    in_grammar_.push_back(token);
  }
}

bool Sampler::grammar_allows(Token token) {
  llama_token_data one{token, 1.0F, 0.0F};
  llama_token_data_array array{&one, 1, -1, false};
  llama_sampler_apply(grammar_.get(), &array);
  return array.data[0].logit > -INFINITY;
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
