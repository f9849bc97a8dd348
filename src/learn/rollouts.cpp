#include "learn/rollouts.h"

#include <algorithm>

#include "decode/queue.h"

namespace citer {

namespace {

/// One continuation at work.
struct Continuation {
  std::size_t job;
  std::string before;  ///< the answer's text up to and with the job's token
};

int tokens_left(const ModelPair& pair, std::size_t used, std::size_t written, int max_tokens) {
  const int room = pair.decoder.context_size() - static_cast<int>(used);
  return std::min(room, max_tokens - static_cast<int>(written));
}

std::vector<Token> prefix_of(const RolloutJob& job) {
  std::vector<Token> tokens = job.text->prompt;
  const auto& text = job.text->text;
  tokens.insert(tokens.end(), text.begin(),
                text.begin() + static_cast<std::ptrdiff_t>(job.position));
  tokens.push_back(job.token);
  return tokens;
}

}  // namespace

std::vector<std::vector<Branch>> run_rollouts(ModelPair& pair, const AnswerJudge& judge,
                                              const std::vector<RolloutJob>& jobs,
                                              const RolloutOptions& options) {
  const Vocab& vocab = pair.slm_model->vocab();
  std::vector<std::vector<Branch>> branches(jobs.size());
  std::vector<DecodeRequest> requests;
  std::vector<Continuation> continuations;
  const auto finish = [&](std::size_t job, const std::string& text, const Counters& counters) {
    branches[job].push_back({judge.judge(*jobs[job].text->example, text).correct,
                             branch_cost(counters, jobs[job].by_llm)});
  };
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const RolloutJob& job = jobs[i];
    std::vector<Token> prefix = prefix_of(job);
    const std::string before = vocab.text(
        {prefix.begin() + static_cast<std::ptrdiff_t>(job.text->prompt.size()), prefix.end()});
    const int left = tokens_left(pair, prefix.size(), job.position + 1, options.max_tokens);
    const bool ended = vocab.is_end_of_generation(job.token) || left < 1;
    for (int k = 0; k < options.count; ++k) {
      if (ended) {
        finish(i, before, {});
        continue;
      }
      DecodeRequest request;
      request.prompt = prefix;
      request.max_tokens = left;
      request.policy = options.policy;
      request.threshold = options.threshold;
      request.sampling.temperature = options.count > 1 ? options.temperature : 0.0;
      request.sampling.seed = options.seed + static_cast<std::uint64_t>(k);
      requests.push_back(std::move(request));
      continuations.push_back({i, before});
    }
  }
  const bool llm_writes = options.policy->needs().llm || options.threshold > 0;
  decode_all(pair.decoder, std::move(requests),
             {.on_start =
                  [&](int slot, std::size_t i) {
                    const RolloutJob& job = jobs[continuations[i].job];
                    const std::size_t shared = job.text->prompt.size() + job.position;
                    pair.slm.fork(job.text->sequence, slot, shared);
                    if (llm_writes) pair.llm.fork(job.text->sequence, slot, shared);
                  },
              .on_token = nullptr,
              .on_done =
                  [&](int /*slot*/, std::size_t i, const Sequence& sequence) {
                    finish(continuations[i].job, continuations[i].before + sequence.text.text(),
                           sequence.counters);
                  },
              .should_stop = nullptr});
  return branches;
}

std::vector<Sequence> write_answers(ModelPair& pair, const std::vector<std::vector<Token>>& prompts,
                                    std::shared_ptr<const RoutingPolicy> policy, double threshold,
                                    int max_tokens) {
  std::vector<DecodeRequest> requests;
  for (const std::vector<Token>& prompt : prompts) {
    DecodeRequest request;
    request.prompt = prompt;
    request.max_tokens = tokens_left(pair, prompt.size(), 0, max_tokens);
    request.policy = policy;
    request.threshold = threshold;
    requests.push_back(std::move(request));
  }
  std::vector<std::optional<Sequence>> done(prompts.size());
  decode_all(pair.decoder, std::move(requests),
             {.on_start = nullptr,
              .on_token = nullptr,
              .on_done = [&](int, std::size_t i, Sequence s) { done[i] = std::move(s); },
              .should_stop = nullptr});
  std::vector<Sequence> sequences;
  for (auto& sequence : done) sequences.push_back(std::move(*sequence));
  return sequences;
}

}  // namespace citer
