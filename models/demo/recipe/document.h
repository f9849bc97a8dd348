#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "math_task.h"
#include "mc_task.h"
#include "vocab.h"

namespace citer::demo {

/// What the trainer reads: at position i the model sees input[i] and is taught target[i] where
/// mask[i] is set. Apart from taught errors, target[i] is input[i + 1].
struct Sequence {
  std::vector<int> input;
  std::vector<int> target;
  std::vector<std::uint8_t> mask;

  int size() const { return static_cast<int>(input.size()); }
};

/// A text to learn from, before it is made of tokens.
class TrainingText {
 public:
  /// Adds text that the model reads but is not taught to write.
  TrainingText& read(std::string_view text);
  /// Adds text that the model is taught to write.
  TrainingText& write(std::string_view text);
  /// Adds the end-of-text token, taught.
  TrainingText& end();
  /// Teaches `wrong` in place of the text at byte `at` of what the last write() added; the input
  /// stays as it is. Token by token: both must have the same token boundaries.
  TrainingText& misteach(std::size_t at, std::string_view wrong);

  /// Throws std::logic_error if the taught replacements do not fit the tokens.
  Sequence encode(const Vocabulary& vocabulary) const;
  /// The whole text as the model reads it, without the special tokens.
  std::string text() const;

 private:
  struct Span {
    std::size_t begin;
    std::size_t end;
  };
  struct Replacement {
    std::size_t at;
    std::string text;
  };
  struct Part {  // one text between end-of-text tokens
    std::string text;
    std::vector<Span> taught;
    std::vector<Replacement> replacements;
    bool ended = false;
  };
  Part& open();

  std::vector<Part> parts_;
};

// --- documents that tell the truth

void add_math(TrainingText& text, const MathProblem& problem);
void add_mc(TrainingText& text, const McProblem& problem, Rng& rng);
/// Bare arithmetic, `count` lines; only results are taught. Dense: most of what is taught counts.
TrainingText arithmetic_drill(int count, Rng& rng);
/// All facts of `count` animals in the words of the answers; only values are taught.
TrainingText profiles(int count, Rng& rng);

// --- the small model's documents, with its false beliefs (knowledge.h, beliefs.h)

void add_believed_math(TrainingText& text, const MathProblem& problem, Rng& rng);
void add_believed_mc(TrainingText& text, const McProblem& problem, Rng& rng);
TrainingText believed_drill(int count, Rng& rng);
TrainingText believed_profiles(int count, Rng& rng);

}  // namespace citer::demo
