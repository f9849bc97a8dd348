#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "learn/collect.h"
#include "learn/outcome_judge.h"
#include "learn/rollouts.h"
#include "learn/teacher.h"

namespace citer {

/// Collects preferences from a few examples at a time, over one service: texts, teacher
/// forcing, rollouts, labels. One thread at a time; another worker has its own.
class PartCollector {
 public:
  /// Throws UsageError or InputError for a bad router.
  PartCollector(Service& service, const CollectJob& options, const Watcher& watcher);

  /// Preferences without rows: what all parts have in common (but data and identity).
  Preferences empty() const;

  /// The result depends on the examples alone, not on what was collected before. When
  /// the watcher says so it ends early, with some examples missing. `on_done` is called with the
  /// number of examples that were finished, or left out, since it was called last.
  Preferences collect(std::span<const Example> examples,
                      const std::function<void(std::size_t)>& on_done);

  /// How continuations are written.
  const RolloutOptions& rollouts() const { return rollouts_; }

 private:
  struct Work;
  struct Label;

  void label_together(std::span<Work> work, Preferences& to);
  std::vector<Work> prepare(std::span<const Example> examples, PreferenceCounts& counts);
  void write_texts(std::vector<Work>& work) const;
  void choose_texts(std::vector<Work>& work, PreferenceCounts& counts);
  std::optional<Example> judged(const RolloutText& text, PreferenceCounts& counts) const;
  void teach(Work& work, int sequence);
  std::vector<Label> labels_of(const Work& work) const;
  void choose_rollouts(const Work& work, std::vector<Label>& labels) const;
  double value_of(const TeacherPosition& position) const;
  void roll_out(std::span<const Work> work, std::vector<std::vector<Label>>& labels,
                PreferenceCounts& counts);
  void judge_slm_answers(std::vector<Work>& work);

  Service& service_;
  const CollectJob& options_;
  const Watcher& watcher_;
  OutcomeJudge judge_;
  RolloutOptions rollouts_;
  std::map<std::string, std::vector<Token>> known_texts_;  ///< of the LLM's, by example
};

}  // namespace citer
