#include "learn/rollouts.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/thinking.h"
#include "engine/models.h"
#include "learn/guided_writer.h"
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
  Rollouts(Service& service, const std::vector<RolloutJob>& jobs, const RolloutOptions& options,
           RolloutCosts& costs)
      : service_(service), options_(options), costs_(costs), jobs_(jobs), results_(jobs.size()) {}

  std::vector<std::vector<Continuation>> run();

 private:
  /// A job whose branch passes through another's place and token.
  struct Follower {
    std::size_t job;
    std::int64_t along = 0;  ///< tokens it writes on the way there
  };
  /// One continuation, and whose it is.
  struct Work {
    RolloutJob from;
    int k = 0;  ///< which of several
    std::vector<Follower> followers;
  };
  using Works = std::vector<const Work*>;

  const Vocab& vocab() const { return service_.pair().vocab(); }
  Continuer who(const RolloutJob& job) const;
  bool is_greedy(const RolloutJob& job) const {
    return job.by == Continuer::kSlm || (job.by == Continuer::kLlm && options_.count == 1);
  }
  int left_after(const RolloutJob& job) const;
  bool ended(const RolloutJob& job) const;
  Follower follow(std::size_t job, RolloutJob& place) const;
  void plan();
  void write_by_llm(const Works& works);
  void write_by_service(const Works& works);
  Request request(const Work& work) const;
  std::vector<Token> answer_before(const RolloutJob& job) const;
  std::vector<Token> beginning(const RolloutJob& job) const;
  void finish(const Work& work, const std::string& text, bool is_whole, const Counters& counters);

  Service& service_;
  const RolloutOptions& options_;
  RolloutCosts& costs_;
  std::vector<RolloutJob> jobs_;
  std::shared_ptr<const RoutingPolicy> slm_alone_ = make_policy("slm");
  std::shared_ptr<const RoutingPolicy> llm_alone_ = make_policy("llm");
  std::vector<Work> works_;
  std::vector<std::vector<Continuation>> results_;  ///< per job
};

/// A policy that asks nobody else is the SLM alone.
Continuer Rollouts::who(const RolloutJob& job) const {
  const bool asks = options_.policy->needs().llm || options_.threshold > 0;
  const bool is_slm = job.by == Continuer::kPolicy && options_.count == 1 && !asks;
  return is_slm ? Continuer::kSlm : job.by;
}

/// Tokens that may follow a job's own.
int Rollouts::left_after(const RolloutJob& job) const {
  const std::size_t written = job.position + 1;
  return tokens_left(service_, job.text->prompt.size() + written, written, options_.max_tokens);
}

bool Rollouts::ended(const RolloutJob& job) const {
  return vocab().is_end_of_generation(job.token) || left_after(job) < 1;
}

/// Moves `place`, a job that one model goes on from greedily, along the text to where it leaves it.
Rollouts::Follower Rollouts::follow(std::size_t job, RolloutJob& place) const {
  Follower follower{job};
  const std::vector<Token>& text = place.text->text;
  const std::vector<Token>& own = place.by == Continuer::kSlm ? place.text->slm : place.text->llm;
  while (place.token == text[place.position] && place.position + 1 < text.size() && !ended(place)) {
    ++place.position;
    place.token = own[place.position];
    ++follower.along;
  }
  return follower;
}

void Rollouts::plan() {
  std::map<std::tuple<const RolloutText*, Continuer, std::size_t, Token>, std::size_t> known;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    RolloutJob& job = jobs_[i];
    job.by = who(job);
    if (!is_greedy(job)) {
      for (int k = 0; k < options_.count; ++k) works_.push_back({job, k, {{i}}});
      continue;
    }
    RolloutJob place = job;
    const Follower follower = follow(i, place);
    const auto [at, is_new] =
        known.emplace(std::tuple{place.text, place.by, place.position, place.token}, works_.size());
    if (is_new) works_.push_back({place, 0, {}});
    works_[at->second].followers.push_back(follower);
  }
}

/// The answer up to and with the job's token.
std::vector<Token> Rollouts::answer_before(const RolloutJob& job) const {
  const auto& text = job.text->text;
  std::vector<Token> tokens(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(job.position));
  tokens.push_back(job.token);
  return tokens;
}

/// It, behind the prompt.
std::vector<Token> Rollouts::beginning(const RolloutJob& job) const {
  std::vector<Token> tokens = job.text->prompt;
  const std::vector<Token> answer = answer_before(job);
  tokens.insert(tokens.end(), answer.begin(), answer.end());
  return tokens;
}

Request Rollouts::request(const Work& work) const {
  const RolloutJob& from = work.from;
  Request request;
  request.prompt.tokens = beginning(from);
  GenerationOptions& options = request.options;
  options.max_tokens = left_after(from);
  options.own_policy = from.by == Continuer::kSlm   ? slm_alone_
                       : from.by == Continuer::kLlm ? llm_alone_
                                                    : options_.policy;
  options.threshold = from.by == Continuer::kPolicy ? options_.threshold : 0.5;
  options.first = Writer::kSlm;  // it goes on in the middle of an answer
  options.stop = options_.stop;
  if (from.by != Continuer::kSlm && options_.count > 1) {
    options.sampling.temperature = options_.temperature;
  }
  options.sampling.seed = options_.seed + static_cast<std::uint64_t>(work.k);
  return request;
}

/// `text`: the answer's, its thinking included.
void Rollouts::finish(const Work& work, const std::string& text, bool is_whole,
                      const Counters& counters) {
  costs_.continuations += 1;
  costs_.tokens += counters.tokens();
  const RolloutText& start = *work.from.text;
  const std::string content = split_thinking(text, start.thinking).content;
  for (const Follower& follower : work.followers) {
    Counters all = counters;
    const bool by_llm = work.from.by == Continuer::kLlm;
    (by_llm ? all.llm_tokens : all.slm_tokens) += follower.along;
    if (by_llm) {
      all.llm_passes += follower.along;
      all.llm_positions += follower.along;
    }
    const RolloutJob& job = jobs_[follower.job];
    const std::size_t length = start.text.size() - job.position;
    results_[follower.job].push_back({content, is_whole, branch_cost(all, job.by_llm, length)});
  }
}

void Rollouts::write_by_llm(const Works& works) {
  std::vector<GuidedJob> jobs;
  jobs.reserve(works.size());
  for (const Work* work : works) {
    const RolloutText& text = *work->from.text;
    jobs.push_back({.source = text.sequence,
                    .tokens = beginning(work->from),
                    .prompt = text.prompt.size(),
                    .max_tokens = left_after(work->from),
                    .guide = text.text});
  }
  std::vector<GuidedText> texts;
  const int slots = service_.status().sequences;
  service_.with_models([&](Models& models) {
    texts = write_guided(models.llm, vocab(), slots, options_.stop, jobs);
  });
  for (std::size_t i = 0; i < works.size(); ++i) {
    Counters alone;  // what it takes without a guide
    alone.llm_tokens = alone.llm_passes = alone.llm_positions =
        static_cast<std::int64_t>(texts[i].tokens.size());
    finish(*works[i], texts[i].text, texts[i].is_whole, alone);
  }
}

void Rollouts::write_by_service(const Works& works) {
  std::vector<Request> requests;
  requests.reserve(works.size());
  for (const Work* work : works) requests.push_back(request(*work));
  const std::vector<Answer> answers = service_.write_all(std::move(requests));
  for (std::size_t i = 0; i < works.size(); ++i) {
    const Answer& answer = answers[i];
    finish(*works[i], vocab().text(answer_before(works[i]->from)) + answer.text,
           answer.finish != FinishReason::kLength, answer.counters);
  }
}

std::vector<std::vector<Continuation>> Rollouts::run() {
  plan();
  Works by_llm;
  Works by_service;
  for (const Work& work : works_) {
    if (ended(work.from)) {
      finish(work, vocab().text(answer_before(work.from)),
             vocab().is_end_of_generation(work.from.token), {});
    } else {
      const bool guided = work.from.by == Continuer::kLlm && is_greedy(work.from);
      (guided ? by_llm : by_service).push_back(&work);
    }
  }
  if (!by_llm.empty()) write_by_llm(by_llm);
  if (!by_service.empty()) write_by_service(by_service);
  return std::move(results_);
}

}  // namespace

std::vector<std::vector<Continuation>> run_rollouts(Service& service,
                                                    const std::vector<RolloutJob>& jobs,
                                                    const RolloutOptions& options,
                                                    RolloutCosts& costs) {
  return Rollouts(service, jobs, options, costs).run();
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
