#include "learn/collect.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "base/parallel.h"
#include "citer/error.h"
#include "learn/part_collector.h"
#include "model/fingerprint.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

/// Examples of one part file.
constexpr std::size_t kPart = 32;

/// One collection.
class Collector {
 public:
  Collector(ServicePool& services, const CollectJob& options, const Watcher& watcher);
  std::optional<Preferences> run();

 private:
  std::string identity() const;
  std::optional<Preferences> finished() const;
  void open_parts() const;
  fs::path part_path(std::size_t part) const;
  std::span<const Example> part(std::size_t index) const;
  std::size_t parts() const { return (examples_.size() + kPart - 1) / kPart; }
  void collect_parts();
  Preferences merge() const;

  ServicePool& services_;
  const CollectJob& options_;
  const Watcher& watcher_;
  std::vector<std::unique_ptr<PartCollector>> workers_;
  std::vector<Dataset> datasets_;
  std::vector<Example> examples_;
  fs::path parts_;
  Preferences empty_;
};

Collector::Collector(ServicePool& services, const CollectJob& options, const Watcher& watcher)
    : services_(services), options_(options), watcher_(watcher), parts_(options.out) {
  if (options.data.empty()) throw FieldError({"data"}, "name at least one dataset");
  if (options.rollouts < 1) {
    throw FieldError({"rollouts"}, fmt::format("expected 1 or more, found {}", options.rollouts));
  }
  if (options.states == StateSource::kPolicy && options.labels != LabelRule::kOutcome) {
    throw FieldError({"states", "labels"},
                     "what the policy writes has no reference; its labels can only be outcome");
  }
  for (const fs::path& path : options.data) {
    datasets_.push_back(load_dataset(path, options.dataset));
    const auto& examples = datasets_.back().examples;
    examples_.insert(examples_.end(), examples.begin(), examples.end());
  }
  for (int i = 0; i < services.size(); ++i) {
    workers_.push_back(std::make_unique<PartCollector>(services[i], options, watcher));
  }
  parts_ += ".parts";
  empty_ = workers_.front()->empty();
  for (const Dataset& d : datasets_) {
    empty_.info.data += (empty_.info.data.empty() ? "" : ", ") + d.name;
  }
  empty_.info.identity = identity();
}

std::string Collector::identity() const {
  const CollectJob& o = options_;
  const Service& service = services_.front();
  std::string text = fmt::format(
      "slm {} llm {} labels {} states {} cost-weight {} rollouts {} temperature {} seed {} "
      "max-tokens {} stop {} chat-format {} round {} context {} sequences {}",
      fingerprint_text(empty_.info.slm.fingerprint), fingerprint_text(empty_.info.llm.fingerprint),
      to_string(o.labels), to_string(o.states), o.cost_weight, o.rollouts, o.temperature, o.seed,
      o.max_tokens, fmt::join(o.stop, ","), empty_.info.chat_format, o.round,
      service.context_size(), service.status().sequences + collect_spare_sequences());
  if (!o.router.empty()) {
    text += fmt::format(" router {} threshold {}", fingerprint_text(file_fingerprint(o.router)),
                        workers_.front()->rollouts().threshold);
  }
  for (const Dataset& d : datasets_) text += " data " + fingerprint_text(d.fingerprint);
  return text;
}

/// What an earlier run of the same work has left, if it came to the end.
std::optional<Preferences> Collector::finished() const {
  std::error_code error;
  if (!fs::exists(options_.out, error)) return std::nullopt;
  Preferences p = load_preferences(options_.out);
  if (p.info.identity != empty_.info.identity) return std::nullopt;
  return p;
}

void Collector::open_parts() const {
  std::error_code error;
  const fs::path note = parts_ / "identity.txt";
  if (fs::exists(note, error)) {
    if (read_file(note) == empty_.info.identity) return;
    throw InputError(
        fmt::format("{}: holds the parts of another collection (other models, data or "
                    "options); remove it or choose another file",
                    parts_.string()));
  }
  create_folder(parts_);
  write_file(note, empty_.info.identity);
}

fs::path Collector::part_path(std::size_t part) const {
  return parts_ / fmt::format("{:06}.gguf", part);
}

std::span<const Example> Collector::part(std::size_t index) const {
  const std::size_t from = index * kPart;
  return std::span(examples_).subspan(from, std::min(kPart, examples_.size() - from));
}

/// Collects what is missing, each worker the next part that nobody has.
void Collector::collect_parts() {
  ProgressReport progress{
      .what = "collect", .unit = "examples", .total = static_cast<std::int64_t>(examples_.size())};
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < parts(); ++i) {
    std::error_code error;
    if (fs::exists(part_path(i), error)) {
      progress.done += static_cast<std::int64_t>(part(i).size());
    } else {
      missing.push_back(i);
    }
  }
  watcher_.report(progress);
  std::mutex mutex;
  parallel_for(missing.size(), services_.size(), [&](int worker, std::size_t i) {
    if (watcher_.wants_stop()) return;
    const std::size_t index = missing[i];
    Preferences collected = workers_[static_cast<std::size_t>(worker)]->collect(part(index));
    if (watcher_.wants_stop()) return;
    collected.info.data = empty_.info.data;
    save_preferences(part_path(index), collected);
    const std::lock_guard lock(mutex);
    progress.done += static_cast<std::int64_t>(part(index).size());
    watcher_.report(progress);
  });
}

/// All parts, read back from their files: so the digits (F16) of one that was collected just now
/// are those of one that an interrupted run left.
Preferences Collector::merge() const {
  Preferences all = empty_;
  for (std::size_t i = 0; i < parts(); ++i) {
    all.append(load_preferences(part_path(i)), options_.out.string(), part_path(i).string());
  }
  if (all.size() == 0) {
    throw InputError(fmt::format("{}: no example could be used: {}", options_.data.front().string(),
                                 counts_text(all.info.counts)));
  }
  return all;
}

std::optional<Preferences> Collector::run() {
  if (auto earlier = finished()) {
    fs::remove_all(parts_);
    return earlier;
  }
  open_parts();
  collect_parts();
  if (watcher_.wants_stop()) return std::nullopt;
  Preferences all = merge();
  save_preferences(options_.out, all);
  fs::remove_all(parts_);
  return all;
}

}  // namespace

std::optional<Preferences> collect(ServicePool& services, const CollectJob& job,
                                   const Watcher& watcher) {
  return Collector(services, job, watcher).run();
}

}  // namespace citer
