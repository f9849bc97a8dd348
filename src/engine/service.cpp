#include "citer/service.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "citer/error.h"
#include "engine/decide_queue.h"
#include "engine/mailbox.h"
#include "engine/models.h"
#include "engine/route_choice.h"
#include "model/llm_server.h"

namespace citer {

namespace {

/// How long a wait lasts before it is seen whether the caller wants to stop.
constexpr std::chrono::milliseconds kPatience{50};

/// One answer between its reader and the models' thread.
struct Job {
  std::shared_ptr<Answers::Mailbox> mailbox;
  std::size_t index = 0;  ///< its place in the mailbox
  std::string id;
  std::unique_ptr<Sequence> sequence;  ///< until it is started
  std::size_t delivered = 0;           ///< tokens handed over
  int cached_tokens = 0;               ///< of the prompt, when it was started

  void fail(const std::string& error) const {
    Growth growth;
    growth.error = error;
    mailbox->push(index, std::move(growth));
  }
};

}  // namespace

struct Service::Impl {
  Impl(std::shared_ptr<const Pair> p, ServiceOptions o);

  std::vector<Job> jobs_of(const std::vector<Request>& requests, Follow follow) const;
  std::unique_ptr<Sequence> prepare(const Request& request, bool name_it) const;
  void enqueue(std::vector<Job> jobs);
  bool wait_for_work();
  void run();
  void run_work();
  void run_between_steps();
  void wait_for(std::deque<std::packaged_task<void()>>& list,
                const std::function<void(Models&)>& work);
  void drop_cancelled();
  bool alone_is_cancelled() const;
  std::pair<std::size_t, const DecodeRequest*> next_in_queue() const;
  void admit();
  void step();
  void decide();
  void deliver(int slot, bool is_last);
  void fail_active(const std::string& error);
  void shut_down();
  int cached_tokens(int slot, const std::vector<Token>& prompt) const;
  void choose_route(int slot, DecodeRequest& request);
  double llm_alone_seconds(const Answer& answer) const;
  void publish_status();

  std::shared_ptr<const Pair> pair;
  ServiceOptions options;
  Models models;  ///< the thread's alone, but for Decoder::check() and ::prepare()
  int context_size;
  ModelFacts slm_facts;
  ModelFacts llm_facts;
  DecideQueue decides;
  std::map<int, Job> active;  ///< by slot; the thread's alone
  RouteChoice route_choice;   ///< the thread's alone
  /// The mailbox of the one answer at work, where there is one; the thread that makes a pass reads
  /// it.
  std::atomic<const Answers::Mailbox*> alone = nullptr;

  mutable std::mutex mutex;  ///< for what follows; never held while a model is at work
  std::condition_variable wake;
  std::deque<Job> queue;
  std::deque<std::packaged_task<void()>> works;  ///< that have the models to themselves
  std::deque<std::packaged_task<void()>> between_steps;
  std::atomic<bool> stopping = false;
  ServiceStatus status;

  std::thread thread;  ///< last: it uses all the others
};

Service::Impl::Impl(std::shared_ptr<const Pair> p, ServiceOptions o)
    : pair(std::move(p)),
      options(std::move(o)),
      models(*pair, options),
      context_size(models.decoder.context_size()),
      slm_facts(facts_of(*pair->slm())),
      llm_facts(pair->llm() ? facts_of(*pair->llm()) : pair->llm_server_facts()),
      decides(Sessions(models.llm, options.context.sequences + options.spare_sequences,
                       options.sessions, std::chrono::seconds(options.session_idle))) {
  // A long prompt is not read to its end for nobody.
  for (Context* context : {static_cast<Context*>(&models.slm), &models.llm}) {
    context->interrupt_when([this] { return stopping || alone_is_cancelled(); });
  }
  publish_status();
  thread = std::thread([this] { run(); });
}

std::unique_ptr<Sequence> Service::Impl::prepare(const Request& request, bool name_it) const {
  const std::string place = fmt::format("prompt '{}'", request.prompt.id);
  try {
    return models.decoder.prepare(pair->resolve(request));
  } catch (const FieldError& e) {
    if (!name_it) throw;
    throw e.at(place);
  } catch (const UsageError& e) {
    if (!name_it) throw;
    throw UsageError(fmt::format("{}: {}", place, e.what()));
  }
}

std::vector<Job> Service::Impl::jobs_of(const std::vector<Request>& requests, Follow follow) const {
  const auto mailbox = std::make_shared<Answers::Mailbox>(requests.size(), follow);
  std::vector<Job> jobs;
  jobs.reserve(requests.size());
  for (const Request& request : requests) {
    jobs.push_back(
        {mailbox, jobs.size(), request.prompt.id, prepare(request, requests.size() > 1)});
  }
  return jobs;
}

void Service::Impl::enqueue(std::vector<Job> jobs) {
  {
    const std::lock_guard lock(mutex);
    if (stopping) throw Overloaded("the service is shutting down");
    const auto limit = static_cast<std::size_t>(options.queue_limit);
    if (limit > 0 && queue.size() + jobs.size() > limit) {
      throw Overloaded("too many requests are waiting; try again later");
    }
    std::move(jobs.begin(), jobs.end(), std::back_inserter(queue));
    status.queued = static_cast<int>(queue.size());
  }
  wake.notify_one();
}

/// False when the thread is to end.
bool Service::Impl::wait_for_work() {
  std::unique_lock lock(mutex);
  wake.wait(lock, [&] {
    return stopping || !queue.empty() || !works.empty() || !between_steps.empty() ||
           !active.empty() || decides.has_work();
  });
  return !stopping;
}

void Service::Impl::run() {
  while (wait_for_work()) {
    try {
      drop_cancelled();
      run_between_steps();
      run_work();
      admit();
      step();
      decide();
    } catch (const std::exception& e) {
      fail_active(e.what());
    }
    publish_status();
    decides.hand_out();  // who has a decision finds it counted
  }
  shut_down();
}

/// Work that has the models to itself goes before answers that are not begun.
void Service::Impl::run_work() {
  if (active.empty()) alone = nullptr;
  while (active.empty()) {
    std::packaged_task<void()> work;
    {
      const std::lock_guard lock(mutex);
      if (works.empty()) return;
      work = std::move(works.front());
      works.pop_front();
    }
    work();
  }
}

/// Work that finds answers at work, none of them within a step.
void Service::Impl::run_between_steps() {
  std::deque<std::packaged_task<void()>> todo;
  {
    const std::lock_guard lock(mutex);
    todo.swap(between_steps);
  }
  for (std::packaged_task<void()>& work : todo) work();
}

/// Puts `work` on one of the lists, and waits for it.
void Service::Impl::wait_for(std::deque<std::packaged_task<void()>>& list,
                             const std::function<void(Models&)>& work) {
  std::packaged_task<void()> task([&] { work(models); });
  std::future<void> done = task.get_future();
  {
    const std::lock_guard lock(mutex);
    if (stopping) throw Overloaded("the service is shutting down");
    list.push_back(std::move(task));
  }
  wake.notify_one();
  try {
    done.get();
  } catch (const std::future_error&) {
    throw Overloaded("the service is shutting down");
  }
}

void Service::Impl::drop_cancelled() {
  using State = Answers::Mailbox::State;
  std::vector<Job> dropped;
  {
    const std::lock_guard lock(mutex);
    const auto first = std::stable_partition(queue.begin(), queue.end(), [](const Job& job) {
      return job.mailbox->state() == State::kOpen;
    });
    std::move(first, queue.end(), std::back_inserter(dropped));
    queue.erase(first, queue.end());
  }
  for (const Job& job : dropped) job.fail("stopped before it was begun");
  for (auto next = active.begin(); next != active.end();) {
    const auto [slot, state] = std::pair{next->first, next->second.mailbox->state()};
    ++next;  // what follows may erase it
    if (state == State::kOpen) continue;
    if (state == State::kStopping) {
      models.decoder.text(slot).finish();
      deliver(slot, true);
    } else {
      models.decoder.release(slot);
      active.erase(slot);
    }
  }
}

/// Whether nobody follows the only answer at work.
bool Service::Impl::alone_is_cancelled() const {
  const Answers::Mailbox* mailbox = alone;
  return mailbox != nullptr && mailbox->state() == Answers::Mailbox::State::kCancelled;
}

/// What is to be begun next, and its place in the queue; null: nothing. What waits for a slot of
/// its own lets others go before.
std::pair<std::size_t, const DecodeRequest*> Service::Impl::next_in_queue() const {
  const std::lock_guard lock(mutex);
  if (!works.empty()) return {};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const DecodeRequest& request = queue[i].sequence->request;
    if (!request.slot || active.count(*request.slot) == 0) return {i, &request};
  }
  return {};
}

/// Starts what waits for a slot.
void Service::Impl::admit() {
  for (;;) {
    const auto [place, request] = next_in_queue();  // nobody else takes from the queue
    if (request == nullptr) return;
    const std::optional<int> slot =
        models.decoder.claim_slot(request->prompt, request->llm_prompt, request->slot);
    if (!slot) return;
    Job job;
    {
      const std::lock_guard lock(mutex);
      const auto at = queue.begin() + static_cast<std::ptrdiff_t>(place);
      job = std::move(*at);
      queue.erase(at);
    }
    if (!job.sequence->request.reuse_prefix) {
      models.slm.forget(*slot);
      models.llm.forget(*slot);
    }
    job.cached_tokens = cached_tokens(*slot, job.sequence->request.prompt);
    choose_route(*slot, job.sequence->request);
    models.decoder.start(*slot, std::move(job.sequence));
    active.emplace(*slot, std::move(job));
  }
}

/// Tokens of a prompt that a slot's caches hold; its last one is always read.
int Service::Impl::cached_tokens(int slot, const std::vector<Token>& prompt) const {
  const std::size_t held =
      std::max(models.slm.cached_prefix(slot, prompt), models.llm.cached_prefix(slot, prompt));
  return static_cast<int>(std::min(held, prompt.size() - 1));
}

/// Whether an answer that is to be begun in a slot is routed.
void Service::Impl::choose_route(int slot, DecodeRequest& request) {
  if (!options.by_times) return;
  std::size_t together = active.size() + 1;
  {
    const std::lock_guard lock(mutex);
    together += queue.size();
  }
  together = std::min(together, static_cast<std::size_t>(options.context.sequences));
  const std::size_t unread = request.prompt.size() - models.slm.cached_prefix(slot, request.prompt);
  route_choice.choose(request, unread, static_cast<int>(together), models.decoder.planner());
}

void Service::Impl::step() {
  if (active.empty()) return;
  alone = active.size() == 1 ? active.begin()->second.mailbox.get() : nullptr;
  const std::vector<int> grown = models.decoder.step();
  publish_status();  // who has an answer finds it counted
  for (const int slot : grown) {
    deliver(slot, models.decoder.at(slot).finish.has_value());
  }
}

/// A pass of the LLM for clients' sessions.
void Service::Impl::decide() {
  if (!decides.has_work()) return;
  alone = nullptr;
  models.decoder.collect();  // the context is one thread's
  decides.round();
}

/// Hands over what a slot's answer grew by; at last also the answer, or what kept it from being
/// written.
void Service::Impl::deliver(int slot, bool is_last) {
  Job& job = active.at(slot);
  if (!is_last && job.mailbox->follow() == Follow::kWhole) return;
  Growth growth;
  growth.pieces = models.decoder.text(slot).take();
  const Sequence& sequence = models.decoder.at(slot);
  growth.tokens.assign(sequence.records.begin() + static_cast<std::ptrdiff_t>(job.delivered),
                       sequence.records.end());
  job.delivered = sequence.records.size();
  if (!is_last) {
    job.mailbox->push(job.index, std::move(growth));
    return;
  }
  Sequence done = models.decoder.release(slot);
  growth.error = done.error;
  growth.is_request_fault = done.is_request_fault;
  growth.is_llm_fault = done.is_llm_fault;
  if (growth.error.empty()) {
    growth.answer = to_answer(done);
    growth.answer->id = job.id;
    growth.answer->cached_tokens = job.cached_tokens;
    // In its own tokens the LLM would have written another number of them.
    const bool is_by_text = done.llm_side || done.request.llm_reads_text;
    if (!is_by_text) growth.answer->llm_alone_seconds = llm_alone_seconds(*growth.answer);
    route_choice.saw_answer(growth.answer->counters.tokens());
  }
  job.mailbox->push(job.index, std::move(growth));
  active.erase(slot);
}

double Service::Impl::llm_alone_seconds(const Answer& answer) const {
  const PassTimes& times = models.decoder.planner().llm_times();
  if (!times.is_known()) return 0.0;
  return answer.prompt_tokens * times.long_token() +
         static_cast<double>(answer.tokens.size()) * times.at(1);
}

/// After what should not happen: nobody waits for an answer that will not come, and no cache is
/// trusted.
void Service::Impl::fail_active(const std::string& error) {
  for (const auto& [slot, job] : active) {
    models.decoder.release(slot);
    job.fail(error);
  }
  active.clear();
  models.decoder.reset();
}

void Service::Impl::shut_down() {
  const std::string error = "the server is shutting down";
  fail_active(error);
  const std::lock_guard lock(mutex);
  for (const Job& job : queue) job.fail(error);
  queue.clear();
  works.clear();  // who waits for one gets a broken promise
  between_steps.clear();
  decides.fail_all(std::make_exception_ptr(Overloaded(error)));
}

void Service::Impl::publish_status() {
  const std::lock_guard lock(mutex);
  status.sequences = options.context.sequences;
  status.active = static_cast<int>(active.size());
  status.queued = static_cast<int>(queue.size());
  status.slots.assign(static_cast<std::size_t>(status.sequences), {});
  for (const auto& [slot, job] : active) {
    const Sequence& sequence = models.decoder.at(slot);
    status.slots[static_cast<std::size_t>(slot)] = {
        true, static_cast<int>(sequence.request.prompt.size()),
        static_cast<int>(sequence.records.size())};
  }
  status.slm_cached_tokens = models.slm.cached_tokens();
  if (!models.decoder.is_verifying()) status.llm_cached_tokens = models.llm.cached_tokens();
  status.cache_capacity = static_cast<std::int64_t>(context_size) * models.slm.sequences();
  status.totals = models.decoder.totals();
  status.not_routed = route_choice.not_routed();
  status.predicted = route_choice.predicted();
  status.sessions_of_clients = decides.status();
  if (pair->llm_server()) status.llm_server = pair->llm_server()->status();
  status.slm_threads = models.slm.threads();
  status.llm_threads = models.llm.threads();
}

Service::Service(std::shared_ptr<const Pair> pair, const ServiceOptions& options)
    : impl_(std::make_unique<Impl>(std::move(pair), options)) {}

Service::~Service() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  impl_->thread.join();
}

const Pair& Service::pair() const { return *impl_->pair; }
int Service::context_size() const { return impl_->context_size; }
ModelFacts Service::slm_facts() const { return impl_->slm_facts; }
ModelFacts Service::llm_facts() const { return impl_->llm_facts; }

ServiceStatus Service::status() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->status;
}

std::unique_ptr<Answers> Service::submit(std::vector<Request> requests, Follow follow) {
  std::vector<Job> jobs = impl_->jobs_of(requests, follow);
  std::unique_ptr<Answers> answers(new Answers(
      jobs.empty() ? std::make_shared<Answers::Mailbox>(0, follow) : jobs.front().mailbox));
  impl_->enqueue(std::move(jobs));
  return answers;
}

void Service::check(std::span<const Prompt> prompts, const GenerationOptions& options) const {
  for (const Prompt& prompt : prompts) impl_->prepare({prompt, options}, prompts.size() > 1);
}

void Service::generate(std::span<const Prompt> prompts, const GenerationOptions& options,
                       const GenerationCallbacks& callbacks) {
  std::vector<Request> requests;
  requests.reserve(prompts.size());
  for (const Prompt& prompt : prompts) requests.push_back({prompt, options});
  const std::unique_ptr<Answers> answers =
      submit(std::move(requests), callbacks.on_text ? Follow::kGrowth : Follow::kWhole);
  bool stopped = false;
  for (std::size_t left = prompts.size(); left > 0;) {
    if (!stopped && callbacks.should_stop && callbacks.should_stop()) {
      stopped = true;
      answers->stop();
    }
    auto next = answers->wait(kPatience);
    if (!next) continue;
    auto& [index, growth] = *next;
    for (const TextPiece& piece : growth.pieces) {
      if (callbacks.on_text) callbacks.on_text(index, piece);
    }
    left -= growth.is_last() ? 1 : 0;
    if (!growth.error.empty() && !stopped) throw ResourceError(growth.error);
    if (growth.answer && callbacks.on_answer) {
      callbacks.on_answer(index, std::move(*growth.answer));
    }
  }
}

std::vector<Answer> Service::write_all(std::vector<Request> requests) {
  std::vector<Answer> done(requests.size());
  const std::unique_ptr<Answers> answers = submit(std::move(requests), Follow::kWhole);
  for (std::size_t left = done.size(); left > 0;) {
    auto next = answers->wait(kPatience);
    if (!next) continue;
    auto& [index, growth] = *next;
    if (!growth.error.empty()) throw ResourceError(growth.error);
    if (!growth.answer) continue;
    done[index] = std::move(*growth.answer);
    --left;
  }
  return done;
}

void Service::with_models(const std::function<void(Models&)>& work) {
  impl_->wait_for(impl_->works, work);
}

void Service::with_slot(int slot, const std::function<void(Models&)>& work) {
  const int slots = impl_->options.context.sequences;
  if (slot < 0 || slot >= slots) {
    throw FieldError({"slot"}, fmt::format("expected one of 0 to {}, found {}", slots - 1, slot));
  }
  impl_->wait_for(impl_->between_steps, [&](Models& models) {
    if (impl_->active.count(slot) > 0) {
      throw SlotBusy(fmt::format("slot {} is writing an answer; try again later", slot));
    }
    work(models);
  });
}

std::vector<SessionAnswer> Service::decide(std::vector<SessionStep> steps,
                                           const std::function<void()>& check) {
  if (impl_->options.sessions == 0) {
    throw FieldError({"sessions"}, "this service holds no sessions of clients");
  }
  const auto batch = impl_->decides.push(std::move(steps));
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopping) throw Overloaded("the service is shutting down");
  }
  impl_->wake.notify_one();
  std::future<void> done = batch->done.get_future();
  try {
    while (done.wait_for(kPatience) != std::future_status::ready) check();
  } catch (...) {
    impl_->decides.give_up(batch);
    throw;
  }
  done.get();
  std::vector<SessionAnswer> answers;
  for (SessionWork& work : batch->works) answers.push_back(std::move(work.answer));
  return answers;
}

void Service::reset() {
  with_models([](Models& models) { models.decoder.reset(); });
}

}  // namespace citer
