#include "model/row.h"

#include <algorithm>
#include <numeric>

namespace citer {

float Row::logit(Token token) const {
  if (!logits.empty()) return logits[static_cast<std::size_t>(token)];
  return std::find_if(stats.likeliest.begin(), stats.likeliest.end(),
                      [token](const TokenLogit& listed) { return listed.id == token; })
      ->logit;
}

TokenLogprobs logprobs_of(const Row& row, Token token, int top) {
  const auto logprob = [&](float logit) { return static_cast<float>(row.stats.logprob(logit)); };
  TokenLogprobs result{logprob(row.logit(token)), {}};
  const auto n = std::min(static_cast<std::size_t>(std::max(top, 0)), row.stats.n_vocab);
  result.top.reserve(n);
  const auto listed = row.stats.likeliest;
  for (std::size_t i = 0; i < std::min(n, listed.size()); ++i) {
    result.top.emplace_back(listed[i].id, logprob(listed[i].logit));
  }
  if (n <= listed.size() || row.logits.size() <= listed.size()) return result;
  std::vector<Token> order(row.logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), order.end(),
                    [&](Token a, Token b) { return row.logit(a) > row.logit(b); });
  result.top.clear();
  for (std::size_t i = 0; i < n; ++i) {
    result.top.emplace_back(order[i], logprob(row.logit(order[i])));
  }
  return result;
}

}  // namespace citer
