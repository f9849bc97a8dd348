#include "learn/collect.h"

#include <algorithm>
#include <chrono>
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

/// Examples of one part file at least: as many as there are sequences, to write their texts
/// together.
constexpr std::size_t kLeastPart = 8;

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
  std::size_t parts() const { return (examples_.size() + part_size_ - 1) / part_size_; }
  std::size_t collect_parts();
  std::size_t parts_wanted(std::size_t collected) const;
  Preferences merge(std::size_t parts) const;

  ServicePool& services_;
  const CollectJob& options_;
  const Watcher& watcher_;
  std::vector<std::unique_ptr<PartCollector>> workers_;
  std::vector<Dataset> datasets_;
  std::vector<Example> examples_;
  std::size_t part_size_;
  fs::path parts_;
  Preferences empty_;
};

Collector::Collector(ServicePool& services, const CollectJob& options, const Watcher& watcher)
    : services_(services),
      options_(options),
      watcher_(watcher),
      part_size_(
          std::max(kLeastPart, static_cast<std::size_t>(services.front().status().sequences))),
      parts_(options.out) {
  if (options.data.empty()) throw FieldError({"data"}, "name at least one dataset");
  if (options.positions < 0) {
    throw FieldError({"positions"}, fmt::format("expected 0 or more, found {}", options.positions));
  }
  if (options.rollouts < 1) {
    throw FieldError({"rollouts"}, fmt::format("expected 1 or more, found {}", options.rollouts));
  }
  const bool by_teacher = options.labels == LabelRule::kTeacher;
  if (options.states == StateSource::kPolicy && options.labels != LabelRule::kOutcome &&
      !by_teacher) {
    throw FieldError({"states", "labels"},
                     "what the policy writes has no reference; its labels can only be outcome or "
                     "teacher");
  }
  if (by_teacher && options.judge != OutcomeRule::kAnswer) {
    throw FieldError({"judge", "labels"}, "the teacher's labels come without judging");
  }
  if (options.judge == OutcomeRule::kAgreement && options.states != StateSource::kLlm) {
    throw FieldError({"judge", "states"}, "agreement is with the LLM's own texts");
  }
  if (options.judge == OutcomeRule::kLlm && options.labels == LabelRule::kPaper) {
    throw FieldError({"judge", "labels"},
                     "the LLM compares two continuations; under the paper's rule there is one");
  }
  const bool by_answers = !by_teacher && (options.judge == OutcomeRule::kAnswer ||
                                          options.judge == OutcomeRule::kAgreement);
  for (const fs::path& path : options.data) {
    datasets_.push_back(load_dataset(path, options.dataset));
    if (by_answers) {
      require_answers(datasets_.back(), fmt::format("the judge '{}'", to_string(options.judge)));
    }
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
      "slm {} llm {} labels {} states {} judge {}{} continued by {} positions {} slm-answers {} "
      "cost-weight {} rollouts {} temperature {} seed {} "
      "max-tokens {} stop {} chat-format {} round {} context {} sequences {}",
      fingerprint_text(empty_.info.slm.fingerprint), fingerprint_text(empty_.info.llm.fingerprint),
      to_string(o.labels), to_string(o.states), to_string(o.judge), o.command,
      to_string(o.who_continues()), o.positions, o.slm_answers, o.cost_weight, o.rollouts,
      o.temperature, o.seed, o.max_tokens, fmt::join(o.stop, ","), empty_.info.chat_format, o.round,
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
  const std::size_t from = index * part_size_;
  return std::span(examples_).subspan(from, std::min(part_size_, examples_.size() - from));
}

/// Collects what is missing, each worker the next part that nobody has, until there is enough;
/// returns how many parts there are, the first ones.
std::size_t Collector::collect_parts() {
  ProgressReport progress{
      .what = "collect", .unit = "examples", .total = static_cast<std::int64_t>(examples_.size())};
  std::int64_t tokens = 0;
  std::mutex mutex;
  const auto add_done = [&](std::size_t examples) {
    const std::lock_guard lock(mutex);
    progress.done += static_cast<std::int64_t>(examples);
    watcher_.report(progress);
  };
  const auto add_known = [&](std::size_t index) {
    Preferences known = load_preferences(part_path(index));
    add_done(part(index).size());
    return known;
  };
  std::size_t first = 0;
  std::error_code error;
  for (; first < parts() && fs::exists(part_path(first), error); ++first) {
    tokens += add_known(first).info.counts.rollout_tokens;
  }
  add_done(0);
  std::size_t end = first;
  const auto is_enough = [&] {
    const bool late = options_.deadline && std::chrono::steady_clock::now() >= *options_.deadline;
    return (late && end > 0) || (options_.rollout_tokens > 0 && tokens >= options_.rollout_tokens);
  };
  parallel_for(parts() - first, services_.size(), [&](int worker, std::size_t i) {
    const std::size_t index = first + i;
    {
      const std::lock_guard lock(mutex);
      if (watcher_.wants_stop() || is_enough()) return;
      end = std::max(end, index + 1);
    }
    Preferences collected;
    if (fs::exists(part_path(index))) {
      collected = add_known(index);
    } else {
      collected = workers_[static_cast<std::size_t>(worker)]->collect(part(index), add_done);
      if (watcher_.wants_stop()) return;
      collected.info.data = empty_.info.data;
      save_preferences(part_path(index), collected);
    }
    const std::lock_guard lock(mutex);
    tokens += collected.info.counts.rollout_tokens;
  });
  return end;
}

/// How many of the first parts it takes for the rollout tokens asked for.
std::size_t Collector::parts_wanted(std::size_t collected) const {
  if (options_.rollout_tokens == 0) return collected;
  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < collected; ++i) {
    tokens += load_preferences(part_path(i)).info.counts.rollout_tokens;
    if (tokens >= options_.rollout_tokens) return i + 1;
  }
  return collected;
}

/// The first parts, read back from their files: so the digits (F16) of one that was collected just
/// now are those of one that an interrupted run left.
Preferences Collector::merge(std::size_t count) const {
  Preferences all = empty_;
  for (std::size_t i = 0; i < count; ++i) {
    all.append(load_preferences(part_path(i)), options_.out.string(), part_path(i).string());
  }
  if (all.size() == 0) {
    throw InputError(fmt::format("{}: no example could be used: {}", options_.data.front().string(),
                                 counts_text(all.info.counts)));
  }
  if (count < parts()) all.info.identity += fmt::format(" first {} parts", count);
  return all;
}

std::optional<Preferences> Collector::run() {
  if (auto earlier = finished()) {
    fs::remove_all(parts_);
    return earlier;
  }
  open_parts();
  const std::size_t collected = collect_parts();
  if (watcher_.wants_stop()) return std::nullopt;
  const std::size_t wanted = parts_wanted(collected);
  save_preferences(options_.out, merge(wanted));
  if (wanted == parts()) fs::remove_all(parts_);
  return load_preferences(options_.out);
}

}  // namespace

std::optional<Preferences> collect(ServicePool& services, const CollectJob& job,
                                   const Watcher& watcher) {
  return Collector(services, job, watcher).run();
}

}  // namespace citer
