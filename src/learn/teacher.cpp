#include "learn/teacher.h"

#include <algorithm>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

namespace {

void check_finite(const Context& context, std::span<const float> values, const char* what) {
  if (std::all_of(values.begin(), values.end(), [](float v) { return !std::isnan(v); })) return;
  throw ResourceError(
      fmt::format("{}: its {} are not numbers", context.local_model()->options().path, what));
}

}  // namespace

std::vector<TeacherPosition> teacher_forced(Models& models, int sequence,
                                            const std::vector<Token>& prompt,
                                            const std::vector<Token>& text,
                                            const RoutingPolicy& policy) {
  std::vector<Token> tokens = prompt;
  tokens.insert(tokens.end(), text.begin(), text.end());
  std::vector<int> rows;
  for (std::size_t i = 0; i < text.size(); ++i) {
    rows.push_back(static_cast<int>(prompt.size() + i) - 1);
  }
  const RowRequest request{sequence, tokens, rows};

  std::vector<TeacherPosition> positions(text.size());
  models.slm.forward({&request, 1}, true);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Row row = models.slm.row(0, i);
    check_finite(models.slm, row.hidden, "hidden states");
    check_finite(models.slm, row.logits, "logits");
    positions[i].slm_token = row.stats.likeliest.front().id;
    positions[i].slm_logprob = logprobs_of(row, text[i], 0).logprob;
    positions[i].hidden.assign(row.hidden.begin(), row.hidden.end());
    positions[i].confidence = confidence_features(row.stats);
    const PolicyInput input{
        .slm = row.stats, .slm_logits = row.logits, .slm_hidden = row.hidden, .position = i};
    policy.score({&input, 1}, {&positions[i].score, 1});
  }
  models.llm.forward({&request, 1});
  for (std::size_t i = 0; i < text.size(); ++i) {
    const Row row = models.llm.row(0, i);
    check_finite(models.llm, row.logits, "logits");
    positions[i].llm_token = row.stats.likeliest.front().id;
    positions[i].llm_logprob = logprobs_of(row, text[i], 0).logprob;
    positions[i].llm_gap = row.stats.likeliest.front().logit - row.logit(positions[i].slm_token);
  }
  return positions;
}

}  // namespace citer
