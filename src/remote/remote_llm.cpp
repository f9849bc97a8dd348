#include "remote/remote_llm.h"

#include <mutex>

#include <fmt/format.h>

#include "citer/error.h"
#include "remote/backend.h"
#include "remote/remote_context.h"

namespace citer {

namespace {

using Clock = std::chrono::steady_clock;

class RemoteLlm final : public LlmServer {
 public:
  explicit RemoteLlm(const RemoteOptions& options) : options_(options), health_(options, unseen_) {}

  LlmServerFacts open(const Vocab& slm) override {
    PatientLink link(options_, counters_);
    try {
      for (const auto& recognise : {recognise_citer, recognise_llama_server, recognise_sglang,
                                    recognise_vllm, recognise_text}) {
        const Deadline deadline = Clock::now() + options_.timeout;
        auto kind = recognise(link, options_, counters_, slm, deadline);
        if (!kind) continue;
        kind->facts.model.path = options_.url;
        const std::lock_guard lock(mutex_);
        kind_ = std::move(*kind);
        return kind_.facts;
      }
    } catch (const LinkFault& e) {
      throw InputError(e.what());
    }
    throw InputError(
        fmt::format("{}: expected citer, llama-server, SGLang, vLLM, or OpenAI's /v1/models and "
                    "/v1/completions, found another kind of server",
                    options_.url));
  }

  std::unique_ptr<Context> context(const Vocab& slm, const ContextOptions& options) override {
    return std::make_unique<RemoteContext>(kind_.make(options.sequences), slm, kind_.facts,
                                           options_, options, faults_);
  }

  LlmServerStatus status() const override {
    constexpr double kMicro = 1e-6;
    const std::lock_guard lock(mutex_);
    return {.url = options_.url,
            .kind = kind_.name,
            .trips = counters_.trips,
            .retries = counters_.retries,
            .faults = faults_,
            .bytes_sent = counters_.bytes_sent,
            .bytes_received = counters_.bytes_received,
            .seconds = kMicro * static_cast<double>(counters_.microseconds)};
  }

  bool is_reachable() override {
    constexpr std::chrono::milliseconds kLimit{2000};
    constexpr std::chrono::seconds kFresh{1};
    if (kind_.health.empty()) return true;
    const std::lock_guard lock(health_mutex_);
    if (Clock::now() - looked_at_ > kFresh) {
      is_reachable_ = health_.get(kind_.health, kLimit).status / 100 == 2;
      looked_at_ = Clock::now();
    }
    return is_reachable_;
  }

 private:
  RemoteOptions options_;
  LinkCounters counters_;
  std::atomic<std::int64_t> faults_ = 0;
  mutable std::mutex mutex_;
  BackendKind kind_;  ///< after open()

  std::mutex health_mutex_;  ///< for what follows
  LinkCounters unseen_;      ///< looking is no trip of an answer
  HttpLink health_;
  Clock::time_point looked_at_{};
  bool is_reachable_ = false;
};

}  // namespace

std::shared_ptr<LlmServer> make_remote_llm(const RemoteOptions& options) {
  return std::make_shared<RemoteLlm>(options);
}

}  // namespace citer
