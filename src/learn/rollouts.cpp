#include "learn/rollouts.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "decode/queue.h"

namespace citer {

namespace {

int tokens_left(const ModelPair& pair, std::size_t used, std::size_t written, int max_tokens) {
  const int room = pair.decoder.context_size() - static_cast<int>(used);
  return std::min(room, max_tokens - static_cast<int>(written));
}

/// Rollouts of one run_rollouts().
class Rollouts {
 public:
  Rollouts(ModelPair& pair, const AnswerJudge& judge, const std::vector<RolloutJob>& jobs,
           const RolloutOptions& options)
      : pair_(pair), judge_(judge), jobs_(jobs), options_(options), branches_(jobs.size()) {}

  std::vector<std::vector<Branch>> run();

 private:
  /// A job whose branch passes through another's place and token.
  struct Follower {
    std::size_t job;
    std::int64_t along = 0;  ///< tokens it writes on the way there
  };
  /// One continuation, and whose it is.
  struct Continuation {
    RolloutJob from;
    int k = 0;  ///< which of several
    std::vector<Follower> followers;
  };

  bool is_alone(const RolloutJob& job) const {
    return job.alone || (options_.count == 1 && !llm_writes());
  }
  bool llm_writes() const { return options_.policy->needs().llm || options_.threshold > 0; }
  int left_after(const RolloutJob& job) const;
  bool ended(const RolloutJob& job) const;
  Follower follow(std::size_t job, RolloutJob& place) const;
  void plan();
  DecodeRequest request(const Continuation& continuation) const;
  std::vector<Token> answer_before(const RolloutJob& job) const;
  void finish(const Continuation& continuation, const std::string& text, const Counters& counters);

  ModelPair& pair_;
  const AnswerJudge& judge_;
  const std::vector<RolloutJob>& jobs_;
  const RolloutOptions& options_;
  std::shared_ptr<const RoutingPolicy> slm_alone_ = make_policy("slm");
  std::vector<Continuation> continuations_;
  std::vector<std::vector<Branch>> branches_;  ///< per job
};

/// Tokens that may follow a job's own.
int Rollouts::left_after(const RolloutJob& job) const {
  const std::size_t written = job.position + 1;
  return tokens_left(pair_, job.text->prompt.size() + written, written, options_.max_tokens);
}

bool Rollouts::ended(const RolloutJob& job) const {
  return pair_.slm_model->vocab().is_end_of_generation(job.token) || left_after(job) < 1;
}

/// Moves `place`, a job the SLM goes on from alone, along the text to where it leaves it.
Rollouts::Follower Rollouts::follow(std::size_t job, RolloutJob& place) const {
  Follower follower{job};
  const std::vector<Token>& text = place.text->text;
  while (place.token == text[place.position] && place.position + 1 < text.size() && !ended(place)) {
    ++place.position;
    place.token = place.text->slm[place.position];
    ++follower.along;
  }
  return follower;
}

void Rollouts::plan() {
  std::map<std::tuple<const RolloutText*, std::size_t, Token>, std::size_t> known;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    RolloutJob place = jobs_[i];
    if (!is_alone(place)) {
      for (int k = 0; k < options_.count; ++k) continuations_.push_back({place, k, {{i}}});
      continue;
    }
    place.alone = true;
    const Follower follower = follow(i, place);
    const auto [at, is_new] =
        known.emplace(std::tuple{place.text, place.position, place.token}, continuations_.size());
    if (is_new) continuations_.push_back({place, 0, {}});
    continuations_[at->second].followers.push_back(follower);
  }
}

DecodeRequest Rollouts::request(const Continuation& continuation) const {
  const RolloutJob& from = continuation.from;
  DecodeRequest request;
  request.prompt = from.text->prompt;
  const std::vector<Token> answer = answer_before(from);
  request.prompt.insert(request.prompt.end(), answer.begin(), answer.end());
  request.max_tokens = left_after(from);
  request.policy = from.alone ? slm_alone_ : options_.policy;
  request.threshold = from.alone ? 0.0 : options_.threshold;
  if (!from.alone && options_.count > 1) request.sampling.temperature = options_.temperature;
  request.sampling.seed = options_.seed + static_cast<std::uint64_t>(continuation.k);
  return request;
}

/// The answer up to and with the job's token.
std::vector<Token> Rollouts::answer_before(const RolloutJob& job) const {
  const auto& text = job.text->text;
  std::vector<Token> tokens(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(job.position));
  tokens.push_back(job.token);
  return tokens;
}

void Rollouts::finish(const Continuation& continuation, const std::string& text,
                      const Counters& counters) {
  const RolloutJob& from = continuation.from;
  const std::string answer = pair_.slm_model->vocab().text(answer_before(from)) + text;
  const bool right = judge_.judge(*from.text->example, answer).correct;
  for (const Follower& follower : continuation.followers) {
    Counters all = counters;
    all.slm_tokens += follower.along;
    branches_[follower.job].push_back({right, branch_cost(all, jobs_[follower.job].by_llm)});
  }
}

std::vector<std::vector<Branch>> Rollouts::run() {
  plan();
  std::vector<DecodeRequest> requests;
  std::vector<const Continuation*> written;  // by request
  for (const Continuation& continuation : continuations_) {
    if (ended(continuation.from)) {
      finish(continuation, "", {});
      continue;
    }
    requests.push_back(request(continuation));
    written.push_back(&continuation);
  }
  decode_all(pair_.decoder, std::move(requests),
             {.on_start =
                  [&](int slot, std::size_t i) {
                    const RolloutJob& from = written[i]->from;
                    const std::size_t shared = from.text->prompt.size() + from.position;
                    pair_.slm.fork(from.text->sequence, slot, shared);
                    if (!from.alone && llm_writes())
                      pair_.llm.fork(from.text->sequence, slot, shared);
                  },
              .on_token = nullptr,
              .on_done =
                  [&](int /*slot*/, std::size_t i, const Sequence& sequence) {
                    finish(*written[i], sequence.text.text(), sequence.counters);
                  },
              .should_stop = nullptr});
  return std::move(branches_);
}

}  // namespace

std::vector<std::vector<Branch>> run_rollouts(ModelPair& pair, const AnswerJudge& judge,
                                              const std::vector<RolloutJob>& jobs,
                                              const RolloutOptions& options) {
  return Rollouts(pair, judge, jobs, options).run();
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
  sequences.reserve(done.size());
  for (auto& sequence : done) sequences.push_back(std::move(*sequence));
  return sequences;
}

}  // namespace citer
