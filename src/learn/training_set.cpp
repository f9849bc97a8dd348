#include "learn/training_set.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"
#include "learn/outcome_model.h"

namespace citer {

namespace {

/// Adds one row; nothing for weight 0.
void add_row(TrainingSet& set, std::size_t i, double slm, double llm, double weight) {
  if (weight == 0) return;
  set.position.push_back(i);
  set.slm.push_back(static_cast<float>(slm));
  set.llm.push_back(static_cast<float>(llm));
  set.weight.push_back(static_cast<float>(weight));
  set.example.push_back(set.preferences->example[i]);
}

/// A preference as up to two rows. Its loss is linear in the label, so that one outside [0, 1]
/// stands for itself, too: one of the rows then weighs less than nothing.
void add_label(TrainingSet& set, std::size_t i, double label) {
  add_row(set, i, 1.0, 0.0, label);
  add_row(set, i, 0.0, 1.0, 1.0 - label);
}

/// The label of a position where few were rolled out: what the outcome model expects, and, where
/// there is a label, by how much that missed, as often as the label stands for others. Right on
/// average whatever the model says, and the surer the better it does (doubly robust estimation;
/// Robins, Rotnitzky and Zhao, 1994).
double expected_label(const Preferences& p, const OutcomeModel& outcomes, std::size_t i) {
  const double expected = outcomes.predict(p, i);
  return expected + (p.label[i] - expected) * p.weight[i];
}

void balance(TrainingSet& set, double most_weight) {
  double slm = 0.0;
  double llm = 0.0;
  for (std::size_t i = 0; i < set.size(); ++i) (set.llm[i] > 0 ? llm : slm) += set.weight[i];
  if (slm <= 0 || llm <= 0) {
    throw InputError(fmt::format(
        "nothing to learn: {} positions prefer the SLM and {} the LLM, expected some of both", slm,
        llm));
  }
  set.llm_factor = std::clamp(slm / llm, 1.0, std::max(1.0, most_weight));
}

}  // namespace

void TrainingSet::read(std::size_t i, std::span<float> row) const {
  if (reads_hidden(features)) {
    const auto width = static_cast<std::size_t>(preferences->info.n_embd);
    preferences->hidden.read(position[i], row.first(width));
    row = row.subspan(width);
  }
  if (!reads_confidence(features)) return;
  const auto confidence = preferences->confidence_row(position[i]);
  std::copy(confidence.begin(), confidence.end(), row.begin());
}

bool is_held_out(const std::string& example_id, std::uint64_t seed, int folds) {
  return mix64(hash64(example_id) + seed) % static_cast<std::uint64_t>(folds) == 0;
}

TrainingSet make_training_set(const Preferences& p, const std::string& policy,
                              RouterFeatures features, double most_weight) {
  TrainingSet set;
  set.preferences = &p;
  set.features = features;
  set.n_features = feature_count(features, p.info.n_embd);
  std::optional<OutcomeModel> outcomes;
  if (policy == "citer") outcomes.emplace(p);
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (policy == "citer") {
      const auto source = static_cast<LabelSource>(p.source[i]);
      if (source == LabelSource::kCut) continue;
      const bool by_rollouts = source == LabelSource::kRollout || source == LabelSource::kNotChosen;
      add_label(set, i, by_rollouts ? expected_label(p, *outcomes, i) : p.label[i]);
    } else if (policy == "citer-s") {
      const bool slm_ok = p.kind[i] == static_cast<std::int32_t>(PositionKind::kSlmOk);
      add_label(set, i, slm_ok ? 1.0 : 0.0);
    } else if (policy == "co-llm") {
      add_row(set, i, std::exp(p.slm_logprob[i]), std::exp(p.llm_logprob[i]), 1.0);
    } else {
      const auto& example = p.examples[static_cast<std::size_t>(p.example[i])];
      if (p.position[i] != 0) continue;
      if (!example.slm_right) {
        throw InputError(
            fmt::format("'{}' was collected without the SLM's own answer (slm_answers), which a "
                        "query policy learns from",
                        example.id));
      }
      add_label(set, i, *example.slm_right ? 1.0 : 0.0);
    }
  }
  if (policy != "co-llm") balance(set, most_weight);
  return set;
}

}  // namespace citer
