#include "corpus.h"

#include "dataset.h"
#include "math_templates.h"

namespace citer::demo {
namespace {

// Some documents hold two problems, as a chat of two turns does (see the chat template in
// gguf_writer.cpp).
constexpr int kTwoTurnsPercent = 5;
constexpr int kDrillLines = 10;
constexpr int kProfilesPerDocument = 3;

}  // namespace

HeldOut load_held_out(const std::string& data_directory) {
  HeldOut out;
  for (const char* split : {"valid", "test"}) {
    for (std::string& key : math_keys(dataset_path(data_directory, "math", split))) {
      out.insert(std::move(key));
    }
    for (std::string& key : mc_keys(dataset_path(data_directory, "mc", split))) {
      out.insert(std::move(key));
    }
  }
  return out;
}

void Corpus::add_math_problem(TrainingText& text, Rng& rng) const {
  MathProblem problem = draw_math(rng);
  while (held_out_.contains(problem.problem)) problem = draw_math(rng);
  role_ == Role::kSlm ? add_believed_math(text, problem, rng) : add_math(text, problem);
}

void Corpus::add_mc_problem(TrainingText& text, Rng& rng) const {
  McProblem problem = draw_mc(rng);
  while (held_out_.contains(problem.key())) problem = draw_mc(rng);
  role_ == Role::kSlm ? add_believed_mc(text, problem, rng) : add_mc(text, problem, rng);
}

TrainingText Corpus::text(Rng& rng, const Mix& mix) const {
  const int at = between(rng, 0, mix.math + mix.mc + mix.drill + mix.profiles - 1);
  if (at >= mix.math + mix.mc + mix.drill) {
    return role_ == Role::kSlm ? believed_profiles(kProfilesPerDocument, rng)
                               : profiles(kProfilesPerDocument, rng);
  }
  if (at >= mix.math + mix.mc) {
    return role_ == Role::kSlm ? believed_drill(kDrillLines, rng)
                               : arithmetic_drill(kDrillLines, rng);
  }
  TrainingText text;
  const int turns = between(rng, 1, 100) <= kTwoTurnsPercent ? 2 : 1;
  for (int i = 0; i < turns; ++i) {
    at < mix.math ? add_math_problem(text, rng) : add_mc_problem(text, rng);
  }
  return text;
}

Sequence Corpus::document(std::uint64_t index, const Mix& mix) const {
  Rng rng(random_at(seed_, role_ == Role::kSlm ? 1 : 2, index));
  return text(rng, mix).encode(vocabulary_);
}

}  // namespace citer::demo
