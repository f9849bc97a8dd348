#pragma once

// The models of a server by name: loaded when they are asked for, unloaded when they are not.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "citer/pair.h"
#include "citer/service.h"
#include "serve/api.h"
#include "serve/metrics.h"

namespace citer {

/// A routed pair, or one model alone, that requests may name.
struct ServedModel {
  PairOptions pair{};
  ServiceOptions service{};
  ApiOptions api{};  ///< with the names by which it is asked for
};

struct HostOptions {
  std::chrono::seconds idle{0};  ///< after which a model that nobody uses is unloaded; 0: never
  std::uint64_t memory = 0;      ///< bytes that loaded models may take together; 0: any number
};

/// A look at one of the models.
struct HostedModelStatus {
  std::string name{};
  std::vector<std::string> aliases{};
  const char* state = "unloaded";  ///< or loading, loaded, failed
  std::uint64_t bytes = 0;         ///< that it takes when it is loaded: memory_needed()
  int uses = 0;                    ///< requests that use it now
};

/// All public methods may be called from any thread. It must outlive what use() hands out.
class ModelHost {
 public:
  /// The first model answers requests that name none. Loads nothing. Throws UsageError (a name
  /// twice, or one that takes more memory than all may), and what memory_needed() throws.
  ModelHost(std::vector<ServedModel> models, const HostOptions& options);
  /// One model, that is there already and outlives this. Throws as Api's constructor does.
  ModelHost(Service& service, const ApiOptions& options);
  ~ModelHost();
  ModelHost(const ModelHost&) = delete;
  ModelHost& operator=(const ModelHost&) = delete;

  /// Whether there is one model that has no name: what requests call it is its own business.
  bool has_one() const;

  /// The model that a request names, which is loaded and stays so as long as somebody holds it.
  /// Waits while models are loaded or unloaded, and calls `check` meanwhile. Throws what `check`
  /// throws, and ApiError: 404, or 503 where it finds no room beside those at work or cannot be
  /// loaded.
  std::shared_ptr<Api> use(const std::string& model, const std::function<void()>& check);

  std::vector<HostedModelStatus> models() const;
  /// The one that a request's model names. Throws ApiError 404.
  HostedModelStatus model(const std::string& name) const;

  /// What is known of all models, each with its name as label.
  void add_metrics(MetricsPage& page) const;

 private:
  struct Loaded;
  struct Entry;
  using Lock = std::unique_lock<std::mutex>;

  Entry* find(const std::string& model) const;
  Entry& get(const std::string& model) const;
  std::uint64_t taken() const;
  void load(Entry& entry, Lock& lock);
  void make_room(const Entry& entry, Lock& lock);
  void unload(Entry& entry, Lock& lock) const;
  std::shared_ptr<Api> lease(Entry& entry);
  void unload_idle();

  HostOptions options_;
  std::vector<std::unique_ptr<Entry>> entries_;
  mutable std::mutex mutex_;  ///< for what follows and what is in entries; not held by slow work
  std::condition_variable changed_;
  bool is_changing_ = false;  ///< a model is being loaded or unloaded
  bool stopping_ = false;
  std::thread idle_watch_;  ///< unloads what is idle
};

}  // namespace citer
