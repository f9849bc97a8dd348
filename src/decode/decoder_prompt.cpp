// Scores the tokens of a prompt as routing would have written them.

#include <algorithm>

#include "decode/decoder.h"

namespace citer {

namespace {

/// Tokens scored in one step: their rows are kept at once, [n_vocab] numbers each.
constexpr std::size_t kRowsAtOnce = 64;

std::vector<std::size_t> all_places(std::size_t n) {
  std::vector<std::size_t> places(n);
  for (std::size_t i = 0; i < n; ++i) places[i] = i;
  return places;
}

}  // namespace

/// One chunk of one prompt.
void Decoder::score_prompts() {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    Sequence* sequence = slots_[slot].get();
    if (sequence == nullptr || sequence->finish || !sequence->scores_prompt()) continue;
    score_prompt(static_cast<int>(slot), *sequence);
    return;
  }
}

/// Adds records for the next tokens of the prompt. Each gets its logprobs from the model that would
/// write it by the request's policy and threshold, the tokens before it given.
void Decoder::score_prompt(int slot, Sequence& sequence) {
  const DecodeRequest& request = sequence.request;
  const Vocab& vocab = slm_.model().vocab();
  std::vector<TokenRecord>& records = sequence.prompt_records;
  if (records.empty()) {
    records.emplace_back();  // follows nothing
    records.back().id = request.prompt.front();
    records.back().piece = vocab.piece(request.prompt.front());
  }
  const std::size_t begin = records.size();
  const std::size_t n = std::min(kRowsAtOnce, request.prompt.size() - begin);
  const PolicyNeeds needs = request.policy->needs();

  const auto read = [&](ModelContext& model, const std::vector<std::size_t>& places, bool hidden) {
    std::vector<int> rows;
    rows.reserve(places.size());
    for (const std::size_t place : places) rows.push_back(static_cast<int>(begin + place) - 1);
    const auto tokens = std::span(request.prompt).first(static_cast<std::size_t>(rows.back()) + 1);
    const RowRequest row_request{slot, tokens, rows};
    return model.forward({&row_request, 1}, hidden);
  };
  const bool asks_slm = needs.slm || request.threshold <= 0;
  std::vector<PolicyInput> inputs(n);
  if (n > 0 && asks_slm) {
    const ForwardCost cost = read(slm_, all_places(n), needs.hidden);
    totals_.slm_passes += cost.passes;
    for (Counters* c : {&sequence.counters, &totals_}) c->slm_positions += cost.positions;
  }
  if (n > 0 && needs.llm) read(llm_, all_places(n), false);
  for (std::size_t i = 0; i < n; ++i) {
    if (asks_slm) inputs[i].slm_logits = slm_.row(0, i).logits;
    if (asks_slm) inputs[i].slm_hidden = slm_.row(0, i).hidden;
    if (needs.llm) inputs[i].llm_logits = llm_.row(0, i).logits;
    inputs[i].seed = request.sampling.seed;
    inputs[i].stream = sequence.stream;
    inputs[i].position = begin + i;
  }
  std::vector<float> scores(n);
  request.policy->score(inputs, scores);

  std::vector<std::size_t> by_llm;
  for (std::size_t i = 0; i < n; ++i) {
    if (scores[i] < request.threshold || request.threshold >= 1) by_llm.push_back(i);
  }
  if (!by_llm.empty()) {
    const ForwardCost cost = read(llm_, by_llm, false);
    totals_.llm_passes += cost.passes;
    sequence.counters.llm_passes += cost.passes;
    for (Counters* c : {&sequence.counters, &totals_}) c->llm_positions += cost.positions;
  }
  const int top = std::max(0, request.sampling.top_logprobs);
  for (std::size_t i = 0, k = 0; i < n; ++i) {
    const bool llm = k < by_llm.size() && by_llm[k] == i;
    TokenRecord record;
    record.id = request.prompt[begin + i];
    record.piece = vocab.piece(record.id);
    record.writer = llm ? Writer::kLlm : Writer::kSlm;
    record.score = scores[i];
    record.logprobs =
        logprobs_of(llm ? llm_.row(0, k).logits : slm_.row(0, i).logits, record.id, top);
    k += llm ? 1 : 0;
    records.push_back(std::move(record));
  }
  if (sequence.scores_prompt() || request.max_tokens != 0) return;
  sequence.finish = FinishReason::kLength;
  sequence.text.finish();
}

}  // namespace citer
