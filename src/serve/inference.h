#pragma once

// One thread owns inference: it holds both models and the decoder. Any other thread may submit
// requests, each of which gives an AnswerStream that one thread at a time reads.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "citer/engine.h"
#include "citer/error.h"
#include "decode/decoder.h"
#include "decode/model_pair.h"
#include "decode/policy_set.h"
#include "model/chat_template.h"
#include "serve/json_fields.h"
#include "serve/tools.h"

namespace citer {

/// No room in the queue, or the server is shutting down.
class Overloaded : public Error {
 public:
  using Error::Error;
};

/// What an answer grew by.
struct Growth {
  std::string text;                 ///< may lag behind the tokens: what may still become a stop
                                    ///< string, or is half a character, is held back
  std::vector<TokenRecord> tokens;  ///< decided since the last growth
  /// Set in the last growth: the whole answer (`id` is empty).
  std::optional<Answer> answer;
  /// Set in the last growth, instead of `answer`, when inference failed.
  std::string error;

  bool is_last() const { return answer.has_value() || !error.empty(); }
};

class Inference;

/// The reading end of one answer. Destroying it cancels the answer: its sequence is free again
/// within one step.
class AnswerStream {
 public:
  ~AnswerStream();
  AnswerStream(const AnswerStream&) = delete;
  AnswerStream& operator=(const AnswerStream&) = delete;

  /// Waits for the answer to grow; nothing if it did not within `timeout`. Not to be called after
  /// the last growth. All growth since the last call comes as one.
  std::optional<Growth> wait(std::chrono::milliseconds timeout);

 private:
  friend class Inference;
  struct Channel;
  AnswerStream(Inference& inference, std::shared_ptr<Channel> channel);

  Inference& inference_;
  std::shared_ptr<Channel> channel_;
};

struct InferenceOptions {
  /// Requests that may wait for a sequence; more are refused.
  int queue_limit = 256;
};

/// A look at what goes on.
struct InferenceStatus {
  int sequences = 0;                   ///< that can be written at once
  int active = 0;                      ///< being written
  int queued = 0;                      ///< waiting for a sequence
  std::int64_t slm_cached_tokens = 0;  ///< held by the KV caches, idle prefixes included
  std::int64_t llm_cached_tokens = 0;
  std::int64_t cache_capacity = 0;  ///< tokens that each of the two caches can hold
  Counters totals;                  ///< of all answers, cancelled ones included
};

/// Continuous batching: requests join and leave at any step. All public methods may be called from
/// any thread.
class Inference {
 public:
  /// Loads the models and starts the thread. Throws as Engine's constructor does.
  Inference(const EngineOptions& engine, const InferenceOptions& options);
  /// Answers that are not finished end with an error.
  ~Inference();
  Inference(const Inference&) = delete;
  Inference& operator=(const Inference&) = delete;

  /// Throws UsageError as Decoder::check() does, Overloaded when the queue is full.
  std::unique_ptr<AnswerStream> submit(DecodeRequest request);

  InferenceStatus status() const;

  const Vocab& vocab() const { return pair_.slm_model->vocab(); }
  /// As ModelPair::constraint().
  Constraint constraint(const std::string& gbnf) const { return pair_.constraint(gbnf); }
  /// Tokens of prompt and answer together.
  int context_size() const { return context_size_; }
  const PolicySet& policies() const { return policies_; }
  /// The chat template's text for a conversation, as OpenAI's API has it; `tools` may be null.
  /// Throws InputError: the model has no template, or it refuses these messages.
  std::string render(const Json& messages, const Json& tools) const;
  /// How the chat template has tools called; none where it does not, or in a way not known here.
  std::optional<ToolCallForm> tool_call_form() const;
  ModelFacts slm_facts() const;
  ModelFacts llm_facts() const;

 private:
  friend class AnswerStream;
  using Channel = AnswerStream::Channel;

  const ChatTemplate& chat_template() const;
  void run();
  void cancel(const std::shared_ptr<Channel>& channel);
  bool take_commands();
  void step();
  void fail_all(const std::string& error);
  void deliver(int slot);
  double llm_alone_seconds(const Answer& answer) const;
  void publish_status();

  EngineOptions engine_;
  InferenceOptions options_;
  ModelPair pair_;  ///< the inference thread's alone, but for the vocabulary and constraints
  PolicySet policies_;
  int context_size_;
  mutable std::mutex template_mutex_;
  mutable std::optional<ChatTemplate> template_;  ///< made when the first conversation comes

  mutable std::mutex mutex_;
  std::condition_variable wake_;  ///< the inference thread: there is something to do
  std::deque<std::shared_ptr<Channel>> queue_;
  std::map<int, std::shared_ptr<Channel>>
      active_;  ///< by slot; written by the thread, under mutex_
  bool stopping_ = false;
  InferenceStatus status_;

  std::thread thread_;  ///< last: it uses all the others
};

}  // namespace citer
