#pragma once

#include <span>
#include <string>
#include <vector>

#include "learn/preferences.h"
#include "route/features.h"

namespace citer {

/// What a router is fitted to. Each row has a loss of one form, -weight x log((1 - d) x slm + d x
/// llm), where 1 - d = sigmoid(logit) is the routing score: with (slm, llm) = (1, 0) or (0, 1) it
/// is the cross-entropy of a preference; with the probabilities that both models give the
/// reference's token it is Co-LLM's marginal likelihood (Shen et al., arXiv 2403.03870, eq. 3).
struct TrainingSet {
  const Preferences* preferences = nullptr;  ///< must outlive it
  RouterFeatures features = RouterFeatures::kHidden;
  int n_features = 0;
  std::vector<std::size_t> position;  ///< [n]: in the preferences
  std::vector<float> slm;             ///< [n]
  std::vector<float> llm;             ///< [n]
  std::vector<float> weight;          ///< [n]
  std::vector<int> example;           ///< [n]
  /// How many times heavier rows for the LLM weigh in training, so that the few do not drown. It
  /// adds -log(llm_factor) to the logit that fits best, which is taken back after training.
  double llm_factor = 1.0;

  std::size_t size() const { return slm.size(); }
  /// The features of row `i`, into [n_features].
  void read(std::size_t i, std::span<float> row) const;
  bool wants_slm(std::size_t i) const { return slm[i] >= llm[i]; }
};

/// Rows of a policy's objective:
///   citer    the labels as collected; where few positions were rolled out, what is expected of the
///            others as well
///   citer-s  the shortcut alone, LLM where both models miss the reference (the paper's ablation)
///   co-llm   marginal likelihood of the reference
///   query    one row an example: its first position, labelled by whether the SLM's own answer is
///            right
/// Rows for the LLM are balanced against the others, up to `most_weight` times heavier (not for
/// co-llm). Throws InputError when there is nothing to tell apart.
TrainingSet make_training_set(const Preferences& preferences, const std::string& policy,
                              RouterFeatures features, double most_weight);

/// Whether an example is held out: by a hash of its id, about one in `folds`.
bool is_held_out(const std::string& example_id, std::uint64_t seed, int folds);

}  // namespace citer
