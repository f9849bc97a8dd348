#pragma once

#include <array>

#include "learn/preferences.h"

namespace citer {

/// What is known of a disagreement without a rollout: how much likelier the LLM finds its own token
/// (TeacherPosition::llm_gap), and how sure the SLM is of its.
inline constexpr std::size_t kOutcomeInputs = 5;
std::array<double, kOutcomeInputs> outcome_inputs(const Preferences& preferences, std::size_t row);

/// Probability that the SLM's token does no harm, by those inputs alone: logistic regression with a
/// little shrinkage, fitted to the labels of rollouts, each weighing what it stands for. Most
/// disagreements are never rolled out; this says what they are expected to be.
class OutcomeModel {
 public:
  /// Without labels of rollouts it knows nothing: 1 everywhere.
  explicit OutcomeModel(const Preferences& preferences);
  double predict(const Preferences& preferences, std::size_t row) const;

 private:
  std::array<double, kOutcomeInputs> weights_{};
  bool is_fitted_ = false;
};

}  // namespace citer
