#pragma once

// The service: the one owner of the thread that runs a pair's models, of the queue, the slots and
// the streams. Command line, server, training and evaluation are its users.
//
// Who owns what: the Service owns both models' contexts and KV caches; it shares the Pair. What is
// submitted is copied. Threads: all public methods may be called from any thread. Answers are
// followed through Answers, which one thread at a time reads. Callbacks of generate() run on the
// thread that called it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "citer/error.h"
#include "citer/generation.h"
#include "citer/model_options.h"
#include "citer/pair.h"

namespace citer {

struct ServiceOptions {
  ContextOptions context{};
  /// Sequences beyond ContextOptions::sequences that hold prefixes answers are forked from.
  int spare_sequences = 0;
  /// Whether the SLM drafts on while the LLM verifies: on, off, or auto (where the two are on
  /// different devices).
  std::string overlap = "auto";
  /// Schedule by measured times: for answers that somebody waits for. Without it the schedule, and
  /// so every counter, depends on the requests alone: for measurements that are repeated.
  bool by_times = true;
  /// With by_times, milliseconds that a token may wait for others to share an LLM pass, or for a
  /// prompt to be read; 0: nobody waits for others. Unset: 95 of 100 tokens come at most 1.3 times
  /// as late as from the LLM alone, as far as routing allows.
  std::optional<double> max_wait{};
  /// Requests that may wait for a slot; more are refused. 0: any number.
  int queue_limit = 0;
  /// Sequences of the LLM for sessions of clients (decide()), each with a context of its own.
  int sessions = 0;
  /// Seconds after which a session that nobody uses is dropped.
  int session_idle = 600;
};

/// No room in the queue, or the service is shutting down.
class Overloaded : public Error {
 public:
  using Error::Error;
};

/// A slot that was to be saved or restored is writing an answer.
class SlotBusy : public Error {
 public:
  using Error::Error;
};

/// A place where an answer can be written.
struct SlotStatus {
  bool is_active = false;
  int prompt_tokens = 0;  ///< of the answer being written
  int written = 0;        ///< its tokens so far
};

/// Sessions of clients, and what was decided in them.
struct SessionsStatus {
  int capacity = 0;  ///< that can be held
  int held = 0;
  std::int64_t evicted = 0;    ///< for their age, or for want of room
  std::int64_t passes = 0;     ///< of the LLM for them
  std::int64_t positions = 0;  ///< tokens read in these
  std::int64_t decisions = 0;
  double seconds = 0.0;  ///< of the passes
};

/// What was asked of the server that runs the LLM.
struct LlmServerStatus {
  std::string url{};
  std::string kind{};               ///< "citer", "llama-server", ...
  std::int64_t trips = 0;           ///< requests that were answered
  std::int64_t retries = 0;         ///< requests made again
  std::int64_t faults = 0;          ///< sequences for which no answer came in time
  std::int64_t bytes_sent = 0;      ///< of bodies
  std::int64_t bytes_received = 0;  ///< likewise
  double seconds = 0.0;             ///< that trips took, together
};

/// A look at what goes on.
struct ServiceStatus {
  int sequences = 0;  ///< that can be written at once
  int active = 0;     ///< being written
  int queued = 0;     ///< waiting for a slot
  std::vector<SlotStatus> slots{};
  std::int64_t slm_cached_tokens = 0;  ///< held by the KV caches, idle prefixes included
  std::int64_t llm_cached_tokens = 0;
  std::int64_t cache_capacity = 0;  ///< tokens that each of the two caches can hold
  std::int64_t not_routed = 0;      ///< answers that the LLM alone wrote: Answer::not_routed
  PredictedSpeeds predicted;        ///< when an answer was last begun that might be; 0: not known
  int slm_threads = 0;              ///< CPU threads of each model's passes
  int llm_threads = 0;
  SessionsStatus sessions_of_clients{};
  std::optional<LlmServerStatus> llm_server{};  ///< where one runs the LLM
  Counters totals;  ///< of all answers, cancelled ones included; a pass that
                    ///< several answers shared counts once
};

class Service;
struct Models;         // internal: the contexts and the decoder over them
struct SessionStep;    // internal
struct SessionAnswer;  // internal

/// The reading end of what was submitted together. Destroying it cancels what is not done: its
/// slots are free again within one step.
class Answers {
 public:
  ~Answers();
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  /// Waits until any answer grows: its place among what was submitted, and all growth since the
  /// last call; the one that has waited longest comes first. Nothing if none grew within `timeout`.
  /// An answer does not grow after its last growth.
  std::optional<std::pair<std::size_t, Growth>> wait(std::chrono::milliseconds timeout);

  /// Ends what is being written as far as it got, and drops what was not begun: those get a last
  /// growth with an error.
  void stop();

  class Mailbox;  // internal

 private:
  friend class Service;
  explicit Answers(std::shared_ptr<Mailbox> mailbox);
  std::shared_ptr<Mailbox> mailbox_;
};

/// Called as answers grow. `index` is the prompt's place in the span given to generate().
struct GenerationCallbacks {
  std::function<void(std::size_t index, const TextPiece&)> on_text{};
  std::function<void(std::size_t index, Answer)> on_answer{};
  /// Called now and then; true ends generate() and hands out the answers begun, as far as they got.
  std::function<bool()> should_stop{};
};

class Service {
 public:
  /// Makes the contexts and starts the thread. Throws ResourceError (does not fit), InputError or
  /// UsageError.
  Service(std::shared_ptr<const Pair> pair, const ServiceOptions& options);
  /// Answers that are not finished end with an error.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  const Pair& pair() const;
  /// Tokens of prompt and answer together.
  int context_size() const;
  ServiceStatus status() const;
  ModelFacts slm_facts() const;
  ModelFacts llm_facts() const;

  /// How answers are followed: as they grow, or with their last growth alone, which then has all.
  enum class Follow { kGrowth, kWhole };

  /// Checks all requests, then queues them all, next to each other. Throws UsageError for one that
  /// cannot be written (prefixed by its prompt's id where there are several), Overloaded when there
  /// is no room for all; then none is queued.
  std::unique_ptr<Answers> submit(std::vector<Request> requests, Follow follow = Follow::kGrowth);

  /// Throws what submit() throws before any work.
  void check(std::span<const Prompt> prompts, const GenerationOptions& options) const;

  /// Submits and follows: one answer per prompt, in the order they finish. Throws ResourceError
  /// when one cannot be written.
  void generate(std::span<const Prompt> prompts, const GenerationOptions& options,
                const GenerationCallbacks& callbacks);

  /// Submits and waits for all: their answers in the order of the requests. Throws what submit()
  /// and generate() throw.
  std::vector<Answer> write_all(std::vector<Request> requests);

  /// Runs `work` on the models' thread while no answer is being written, and waits for it; throws
  /// what it throws.
  void with_models(const std::function<void(Models&)>& work);

  /// The same between two steps, while others write, if slot `slot` is free. Throws FieldError (no
  /// such slot) or SlotBusy.
  void with_slot(int slot, const std::function<void(Models&)>& work);

  /// Decides in clients' sessions (engine/sessions.h), all that ask in one pass; waits, and calls
  /// `check` now and then, which may throw. Throws FieldError where there are no sessions, and
  /// Overloaded when the service is shutting down.
  std::vector<SessionAnswer> decide(std::vector<SessionStep> steps,
                                    const std::function<void()>& check);

  /// Drops all caches: answers that follow do not depend, not even in the last digit, on what was
  /// written before.
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace citer
