#pragma once

#include <span>
#include <string>
#include <vector>

#include "learn/collect.h"
#include "learn/rollouts.h"
#include "learn/teacher.h"
#include "task/answer.h"

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
  /// the watcher says so it ends early, with some examples missing.
  Preferences collect(std::span<const Example> examples);

  /// How continuations are written.
  const RolloutOptions& rollouts() const { return rollouts_; }

 private:
  struct Work;

  void collect_together(std::span<const Example> examples, Preferences& to);
  std::vector<Work> prepare(std::span<const Example> examples, PreferenceCounts& counts);
  void choose_texts(std::vector<Work>& work, PreferenceCounts& counts);
  void label(const std::vector<Work>& work, Preferences& to);
  std::vector<std::vector<Branch>> roll_out(const std::vector<Work>& work,
                                            PreferenceCounts& counts);

  Service& service_;
  const CollectJob& options_;
  const Watcher& watcher_;
  AnswerJudge judge_;
  RolloutOptions rollouts_;
};

}  // namespace citer
