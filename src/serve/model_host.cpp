#include "serve/model_host.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "model/memory_need.h"
#include "serve/api_error.h"

namespace citer {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kUnavailable = 503;
/// How long a wait lasts before it is seen whether anybody still waits for it.
constexpr std::chrono::milliseconds kPatience{50};
constexpr std::chrono::milliseconds kIdleLook{250};
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::uint64_t mebibytes(std::uint64_t bytes) { return (bytes + kMiB - 1) / kMiB; }

std::uint64_t bytes_of(const ServedModel& model) {
  ContextOptions context = model.service.context;
  context.sequences += model.service.spare_sequences;
  const bool is_single = model.pair.llm.path.empty();
  return memory_needed(model.pair.slm, context) +
         (is_single ? 0 : memory_needed(model.pair.llm, context));
}

}  // namespace

struct ModelHost::Loaded {
  Loaded(const ServedModel& model, ServerMetrics& metrics)
      : own(std::make_unique<Service>(std::make_shared<const Pair>(model.pair), model.service)),
        service(*own),
        api(service, metrics, model.api) {
    if (!model.api.on_note) return;
    for (const std::string& note : service.pair().notes()) {
      model.api.on_note(fmt::format("{}: note: {}", model.api.name, note));
    }
  }
  Loaded(Service& given, ServerMetrics& metrics, const ApiOptions& options)
      : service(given), api(service, metrics, options) {}

  std::unique_ptr<Service> own;  ///< null where somebody else has it
  Service& service;
  Api api;
};

struct ModelHost::Entry {
  explicit Entry(ServedModel m) : model(std::move(m)) {}

  bool is_named(std::string_view name) const {
    const auto& aliases = model.api.aliases;
    return name == model.api.name ||
           std::find(aliases.begin(), aliases.end(), name) != aliases.end();
  }
  bool is_idle() const { return loaded && uses == 0; }
  HostedModelStatus status() const {
    return {model.api.name, model.api.aliases, state, bytes, uses};
  }

  ServedModel model;
  std::uint64_t bytes = 0;
  ServerMetrics metrics;  ///< goes on being counted when it is loaded again
  std::unique_ptr<Loaded> loaded;
  const char* state = "unloaded";
  Counters past;                     ///< of the services that are gone
  std::int64_t past_not_routed = 0;  ///< likewise
  int loads = 0;
  int failures = 0;  ///< loads that failed
  int uses = 0;
  Clock::time_point last_used{};
};

ModelHost::ModelHost(std::vector<ServedModel> models, const HostOptions& options)
    : options_(options) {
  std::set<std::string> names;
  for (ServedModel& model : models) {
    std::vector<std::string> own = model.api.aliases;
    own.push_back(model.api.name);
    for (const std::string& name : own) {
      if (!names.insert(name).second) throw UsageError(fmt::format("{}: named twice", name));
    }
    auto entry = std::make_unique<Entry>(std::move(model));
    entry->bytes = bytes_of(entry->model);
    if (options_.memory > 0 && entry->bytes > options_.memory) {
      throw UsageError(
          fmt::format("{}: takes {} MiB (weights, keys and values), but models may "
                      "take {} MiB",
                      entry->model.api.name, mebibytes(entry->bytes), mebibytes(options_.memory)));
    }
    entries_.push_back(std::move(entry));
  }
  if (options_.idle.count() > 0) idle_watch_ = std::thread([this] { unload_idle(); });
}

ModelHost::ModelHost(Service& service, const ApiOptions& options) {
  entries_.push_back(std::make_unique<Entry>(ServedModel{.api = options}));
  Entry& entry = *entries_.front();
  entry.loaded = std::make_unique<Loaded>(service, entry.metrics, options);
  entry.state = "loaded";
}

ModelHost::~ModelHost() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (idle_watch_.joinable()) idle_watch_.join();
}

bool ModelHost::has_one() const {
  return entries_.size() == 1 && entries_.front()->model.api.name.empty();
}

/// Null where there is none of that name.
ModelHost::Entry* ModelHost::find(const std::string& model) const {
  Entry& first = *entries_.front();
  if (model.empty() || has_one()) return &first;
  const auto named = [&](std::string_view name) -> Entry* {
    const auto at = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const auto& entry) { return entry->is_named(name); });
    return at == entries_.end() ? nullptr : at->get();
  };
  if (Entry* entry = named(model)) return entry;
  const std::size_t slash = model.rfind('/');  // NAME/PRESET
  Entry* entry = slash == std::string::npos ? nullptr : named(model.substr(0, slash));
  return entry == nullptr && first.model.api.any_model ? &first : entry;
}

ModelHost::Entry& ModelHost::get(const std::string& model) const {
  if (Entry* entry = find(model)) return *entry;
  std::vector<std::string> names;
  for (const auto& entry : entries_) names.push_back(entry->model.api.name);
  throw unknown_model(model, names);
}

std::shared_ptr<Api> ModelHost::use(const std::string& model, const std::function<void()>& check) {
  Entry& entry = get(model);
  Lock lock(mutex_);
  const int failures = entry.failures;
  while (!entry.loaded) {
    if (entry.failures != failures) {
      throw ApiError(kUnavailable,
                     fmt::format("the model '{}' cannot be loaded", entry.model.api.name),
                     "model_not_loaded", "model");
    }
    if (!is_changing_) {
      load(entry, lock);
      continue;
    }
    changed_.wait_for(lock, kPatience);
    lock.unlock();
    check();
    lock.lock();
  }
  return lease(entry);
}

/// To be called while it is held.
std::shared_ptr<Api> ModelHost::lease(Entry& entry) {
  ++entry.uses;
  return {&entry.loaded->api, [this, &entry](Api*) {
            const std::lock_guard lock(mutex_);
            --entry.uses;
            entry.last_used = Clock::now();
          }};
}

std::uint64_t ModelHost::taken() const {
  std::uint64_t bytes = 0;
  for (const auto& entry : entries_) bytes += entry->loaded ? entry->bytes : 0;
  return bytes;
}

/// Counts as a failure where it cannot be loaded. Throws ApiError where there is no room.
void ModelHost::load(Entry& entry, Lock& lock) {
  is_changing_ = true;
  std::unique_ptr<Loaded> loaded;
  std::exception_ptr no_room;
  std::string fault;
  try {
    make_room(entry, lock);
    entry.state = "loading";
    lock.unlock();
    loaded = std::make_unique<Loaded>(entry.model, entry.metrics);
  } catch (const ApiError&) {
    no_room = std::current_exception();
  } catch (const std::exception& e) {
    fault = e.what();
  }
  if (!fault.empty() && entry.model.api.on_note) {
    entry.model.api.on_note(fmt::format("{}: {}", entry.model.api.name, fault));
  }
  if (!lock.owns_lock()) lock.lock();
  is_changing_ = false;
  if (loaded) {
    entry.loaded = std::move(loaded);
    entry.state = "loaded";
    ++entry.loads;
  } else if (!no_room) {
    entry.state = "failed";
    ++entry.failures;
  }
  changed_.notify_all();
  if (no_room) std::rethrow_exception(no_room);
}

/// Unloads idle models, the least recently used first, until there is room for one more.
void ModelHost::make_room(const Entry& entry, Lock& lock) {
  while (options_.memory > 0 && taken() + entry.bytes > options_.memory) {
    Entry* oldest = nullptr;
    for (const auto& other : entries_) {
      if (!other->is_idle()) continue;
      if (oldest == nullptr || other->last_used < oldest->last_used) oldest = other.get();
    }
    if (oldest == nullptr) {
      throw ApiError(kUnavailable,
                     fmt::format("no room for the model '{}': it takes {} MiB, and models at work "
                                 "take {} of {} MiB; try again later",
                                 entry.model.api.name, mebibytes(entry.bytes), mebibytes(taken()),
                                 mebibytes(options_.memory)),
                     "no_room", "model");
    }
    unload(*oldest, lock);
  }
}

/// The lock is let go of meanwhile.
void ModelHost::unload(Entry& entry, Lock& lock) const {
  const ServiceStatus last = entry.loaded->service.status();
  entry.past += last.totals;
  entry.past_not_routed += last.not_routed;
  std::unique_ptr<Loaded> gone = std::move(entry.loaded);
  entry.state = "unloaded";
  lock.unlock();
  gone.reset();
  lock.lock();
}

void ModelHost::unload_idle() {
  Lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, kIdleLook);
    for (const auto& entry : entries_) {
      if (stopping_ || is_changing_) break;
      if (!entry->is_idle() || Clock::now() - entry->last_used < options_.idle) continue;
      is_changing_ = true;
      unload(*entry, lock);
      is_changing_ = false;
      changed_.notify_all();
    }
  }
}

std::vector<HostedModelStatus> ModelHost::models() const {
  std::vector<HostedModelStatus> all;
  const std::lock_guard lock(mutex_);
  for (const auto& entry : entries_) all.push_back(entry->status());
  return all;
}

HostedModelStatus ModelHost::model(const std::string& name) const {
  const Entry& entry = get(name);
  const std::lock_guard lock(mutex_);
  return entry.status();
}

void ModelHost::add_metrics(MetricsPage& page) const {
  const std::lock_guard lock(mutex_);
  for (const auto& entry : entries_) {
    ServiceStatus status;
    if (entry->loaded) status = entry->loaded->service.status();
    status.totals += entry->past;
    status.not_routed += entry->past_not_routed;
    if (!has_one()) {
      page.set_common_label(fmt::format("served_model=\"{}\"", entry->model.api.name));
      page.add("citer_model_loaded", "gauge", "Whether the model is loaded.",
               entry->loaded ? "1" : "0");
      page.add("citer_model_loads_total", "counter", "Times that the model was loaded.",
               fmt::format("{}", entry->loads));
      page.add("citer_model_needed_bytes", "gauge", "Memory that the model takes when loaded.",
               fmt::format("{}", entry->bytes));
    }
    entry->metrics.add_to(page, status);
  }
  page.set_common_label("");
}

}  // namespace citer
