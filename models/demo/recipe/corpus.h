#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

#include "document.h"

namespace citer::demo {

enum class Role { kSlm, kLlm };

/// Weights of the kinds of document in a stream; only their ratios matter.
struct Mix {
  int math = 0;
  int mc = 0;
  int drill = 0;
  int profiles = 0;
};

/// Problems that training must never show: problem texts of `math`, keys of `mc` problems.
using HeldOut = std::unordered_set<std::string>;

/// Reads the valid and test files of both tasks. Throws InputError when one is missing.
HeldOut load_held_out(const std::string& data_directory);

/// The endless stream of training documents. Document `index` depends on the seed and its index
/// alone, so that a resumed training goes on where it stopped.
class Corpus {
 public:
  Corpus(Role role, const Vocabulary& vocabulary, const HeldOut& held_out, std::uint64_t seed)
      : role_(role), vocabulary_(vocabulary), held_out_(held_out), seed_(seed) {}

  Sequence document(std::uint64_t index, const Mix& mix) const;

 private:
  TrainingText text(Rng& rng, const Mix& mix) const;
  void add_math_problem(TrainingText& text, Rng& rng) const;
  void add_mc_problem(TrainingText& text, Rng& rng) const;

  Role role_;
  const Vocabulary& vocabulary_;
  const HeldOut& held_out_;
  std::uint64_t seed_;
};

}  // namespace citer::demo
