#include "route/promise_watch.h"

#include <algorithm>
#include <numeric>

namespace citer {

namespace {

std::size_t bin_of(double disagreement) {
  const auto bin = static_cast<std::size_t>(disagreement * kDisagreementBins);
  return std::min(bin, kDisagreementBins - 1);
}

}  // namespace

std::optional<double> disagreement(std::span<const TokenRecord> answer) {
  const auto last = std::find_if(answer.rbegin(), answer.rend(), [](const TokenRecord& token) {
    return token.writer == Writer::kLlm;
  });
  int audited = 0;
  int differs = 0;
  for (const TokenRecord& token : answer.first(static_cast<std::size_t>(answer.rend() - last))) {
    if (token.writer == Writer::kLlm || !token.llm_agrees) continue;
    ++audited;
    differs += *token.llm_agrees ? 0 : 1;
  }
  if (audited == 0) return std::nullopt;
  return static_cast<double>(differs) / audited;
}

void add_answer(Disagreements& counts, std::span<const TokenRecord> answer) {
  if (const auto found = disagreement(answer)) ++counts[bin_of(*found)];
}

PromiseWatch::PromiseWatch(Disagreements validation, double confidence)
    : counts_(std::move(validation)), limit_(1 / (1 - confidence)) {
  counts_.resize(kDisagreementBins);
  wealth_.fill(1.0 / static_cast<double>(wealth_.size()));
}

bool PromiseWatch::saw(std::span<const TokenRecord> answer) {
  const auto found = disagreement(answer);
  if (!found) return false;
  ++answers_;
  if (has_rejected_) return false;
  bet(p_value(bin_of(*found)));
  has_rejected_ = evidence() >= limit_;
  return has_rejected_;
}

double PromiseWatch::evidence() const {
  return std::accumulate(wealth_.begin(), wealth_.end(), 0.0);
}

/// The new answer counts among those that it is ranked with.
double PromiseWatch::p_value(std::size_t bin) {
  ++counts_[bin];
  const auto first = counts_.begin() + static_cast<std::ptrdiff_t>(bin);
  const auto above = std::accumulate(first + 1, counts_.end(), std::int64_t{0});
  const auto all = std::accumulate(counts_.begin(), first + 1, above);
  return (static_cast<double>(above) + ties_.unit() * static_cast<double>(*first)) /
         static_cast<double>(all);
}

void PromiseWatch::bet(double p_value) {
  const double moved = 1.0 / static_cast<double>(answers_ + 1);
  const double each = moved * evidence() / static_cast<double>(wealth_.size());
  for (std::size_t i = 0; i < wealth_.size(); ++i) {
    wealth_[i] = ((1 - moved) * wealth_[i] + each) * (1 + kBets[i] * (0.5 - p_value));
  }
}

}  // namespace citer
