#include "learn/rollouts.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/thinking.h"
#include "model/vocab.h"

namespace citer {

namespace {

int tokens_left(const Service& service, std::size_t used, std::size_t written, int max_tokens) {
  const int room = service.context_size() - static_cast<int>(used);
  return std::min(room, max_tokens - static_cast<int>(written));
}

/// Rollouts of one run_rollouts().
class Rollouts {
 public:
  Rollouts(Service& service, const AnswerJudge& judge, const std::vector<RolloutJob>& jobs,
           const RolloutOptions& options)
      : service_(service), judge_(judge), jobs_(jobs), options_(options), branches_(jobs.size()) {}

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
  const Vocab& vocab() const { return service_.pair().vocab(); }
  bool llm_writes() const { return options_.policy->needs().llm || options_.threshold > 0; }
  int left_after(const RolloutJob& job) const;
  bool ended(const RolloutJob& job) const;
  Follower follow(std::size_t job, RolloutJob& place) const;
  void plan();
  Request request(const Continuation& continuation) const;
  std::vector<Token> answer_before(const RolloutJob& job) const;
  void finish(const Continuation& continuation, const std::string& text, const Counters& counters);

  Service& service_;
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
  return tokens_left(service_, job.text->prompt.size() + written, written, options_.max_tokens);
}

bool Rollouts::ended(const RolloutJob& job) const {
  return vocab().is_end_of_generation(job.token) || left_after(job) < 1;
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

Request Rollouts::request(const Continuation& continuation) const {
  const RolloutJob& from = continuation.from;
  Request request;
  request.prompt.tokens = from.text->prompt;
  const std::vector<Token> answer = answer_before(from);
  request.prompt.tokens.insert(request.prompt.tokens.end(), answer.begin(), answer.end());
  GenerationOptions& options = request.options;
  options.max_tokens = left_after(from);
  options.own_policy = from.alone ? slm_alone_ : options_.policy;
  options.threshold = from.alone ? 0.0 : options_.threshold;
  options.first = Writer::kSlm;  // it goes on in the middle of an answer
  options.stop = options_.stop;
  if (!from.alone && options_.count > 1) options.sampling.temperature = options_.temperature;
  options.sampling.seed = options_.seed + static_cast<std::uint64_t>(continuation.k);
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
  const SplitText answer =
      split_thinking(vocab().text(answer_before(from)) + text, from.text->thinking);
  const bool right = judge_.judge(*from.text->example, answer.content).correct;
  for (const Follower& follower : continuation.followers) {
    Counters all = counters;
    all.slm_tokens += follower.along;
    branches_[follower.job].push_back({right, branch_cost(all, jobs_[follower.job].by_llm)});
  }
}

std::vector<std::vector<Branch>> Rollouts::run() {
  plan();
  std::vector<Request> requests;
  std::vector<const Continuation*> written;  // by request
  for (const Continuation& continuation : continuations_) {
    if (ended(continuation.from)) {
      finish(continuation, "", {});
      continue;
    }
    requests.push_back(request(continuation));
    written.push_back(&continuation);
  }
  const std::vector<Answer> answers = service_.write_all(std::move(requests));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    finish(*written[i], answers[i].text, answers[i].counters);
  }
  return std::move(branches_);
}

}  // namespace

std::vector<std::vector<Branch>> run_rollouts(Service& service, const AnswerJudge& judge,
                                              const std::vector<RolloutJob>& jobs,
                                              const RolloutOptions& options) {
  return Rollouts(service, judge, jobs, options).run();
}

std::vector<Answer> write_answers(Service& service, const std::vector<Prompt>& prompts,
                                  const GenerationOptions& options) {
  std::vector<Request> requests;
  requests.reserve(prompts.size());
  for (const Prompt& prompt : prompts) {
    Request& request = requests.emplace_back(Request{prompt, options});
    request.options.max_tokens = tokens_left(service, prompt.tokens.size(), 0, options.max_tokens);
  }
  return service.write_all(std::move(requests));
}

}  // namespace citer
