#include "engine/probe.h"

#include <algorithm>
#include <array>

#include "engine/models.h"

namespace citer {

std::vector<Token> all_tokens(const Service& service, const Prompt& prompt, const Answer& answer) {
  std::vector<Token> tokens = service.pair().tokenize(prompt);
  for (const TokenRecord& record : answer.tokens) tokens.push_back(record.id);
  return tokens;
}

double time_pass(Service& service, const std::vector<Token>& tokens, Writer model, int n) {
  double seconds = 0.0;
  service.with_models([&](Models& models) {
    const int slot = models.decoder.claim_slot(tokens).value();  // none is taken
    const int last = static_cast<int>(tokens.size()) - 1;
    const auto shorter = std::span(tokens).first(tokens.size() - static_cast<std::size_t>(n));
    const RowRequest all{slot, tokens, {&last, 1}, {}, shorter.size()};
    const RowRequest before{slot, shorter, {}};
    Context& context = model == Writer::kSlm ? models.slm : models.llm;
    context.forward({&before, 1});  // reads what is missing before, takes back what is after
    seconds = context.forward({&all, 1}).seconds;
  });
  return seconds;
}

std::optional<double> measure_pass_seconds(Service& service, const Prompt& prompt,
                                           const Answer& answer, Writer model, int n) {
  const Pair& pair = service.pair();
  const bool is_here = pair.llm() != nullptr && pair.has_one_vocabulary();
  if (model == Writer::kLlm && !is_here) return std::nullopt;
  const std::vector<Token> tokens = all_tokens(service, prompt, answer);
  if (n < 1 || tokens.size() <= static_cast<std::size_t>(n)) return std::nullopt;
  std::array<double, 3> seconds{};
  for (double& s : seconds) s = time_pass(service, tokens, model, n);
  std::sort(seconds.begin(), seconds.end());
  return seconds[1];
}

std::vector<bool> audit(Service& service, const Prompt& prompt, const Answer& answer) {
  std::vector<Token> tokens = all_tokens(service, prompt, answer);
  std::vector<int> rows;
  for (std::size_t i = tokens.size() - answer.tokens.size(); i < tokens.size(); ++i) {
    rows.push_back(static_cast<int>(i) - 1);
  }
  if (rows.empty()) return {};
  tokens.pop_back();  // nothing is wanted after the last token
  std::vector<bool> agrees;
  service.with_models([&](Models& models) {
    const RowRequest request{0, tokens, rows};
    models.llm.forward({&request, 1});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      agrees.push_back(models.llm.row(0, i).stats.likeliest.front().id == answer.tokens[i].id);
    }
  });
  return agrees;
}

}  // namespace citer
