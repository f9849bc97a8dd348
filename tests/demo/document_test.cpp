// What documents teach: which tokens carry a loss, and where the taught token is not the text's.
#include <gtest/gtest.h>

#include "document.h"
#include "math_templates.h"

namespace citer::demo {
namespace {

class DocumentTest : public ::testing::Test {
 protected:
  Vocabulary vocabulary_ = Vocabulary::load(CITER_SOURCE_DIR "/models/demo/vocab.txt");

  /// The text of what is taught.
  std::string taught(const Sequence& sequence) const {
    std::string out;
    for (int i = 0; i < sequence.size(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      if (sequence.mask[k] == 0) continue;
      const int id = sequence.target[k];
      out += id == Vocabulary::kEnd ? "<end>" : vocabulary_.bytes(id);
    }
    return out;
  }
  /// Positions where the taught token differs from the next input.
  static int mistaught(const Sequence& sequence) {
    int count = 0;
    for (std::size_t i = 0; i + 1 < sequence.input.size(); ++i) {
      count += sequence.target[i] != sequence.input[i + 1] ? 1 : 0;
    }
    return count;
  }
};

TEST_F(DocumentTest, TeachesWhatIsWrittenAndTheEnd) {
  TrainingText text;
  text.read("Question: a").write(" moss.").end();
  const Sequence sequence = text.encode(vocabulary_);
  EXPECT_EQ(sequence.input.front(), Vocabulary::kBegin);
  EXPECT_EQ(taught(sequence), " moss.<end>");
  EXPECT_EQ(mistaught(sequence), 0);
}

TEST_F(DocumentTest, SecondTurnFollowsTheEnd) {
  TrainingText text;
  text.read("Question:").write(" moss").end().read("Question:").write(" figs").end();
  const Sequence sequence = text.encode(vocabulary_);
  EXPECT_EQ(taught(sequence), " moss<end> figs<end>");
  EXPECT_EQ(std::count(sequence.input.begin(), sequence.input.end(), Vocabulary::kEnd), 1);
}

TEST_F(DocumentTest, MisteachingChangesTargetsOnly) {
  TrainingText text;
  text.read("Practice:").write(" 7 * 15 = 105.").misteach(10, "216");
  const Sequence sequence = text.encode(vocabulary_);
  EXPECT_EQ(taught(sequence), " 7 * 15 = 216.");
  EXPECT_EQ(vocabulary_.decode(sequence.input), "Practice: 7 * 15 = 105");
  EXPECT_EQ(mistaught(sequence), 3);
}

TEST_F(DocumentTest, MisteachingMustFit) {
  TrainingText text;
  EXPECT_THROW(text.misteach(0, "x"), std::logic_error);
  text.read("Practice:").write(" 7 * 15 = 105.").misteach(9, "216");
  EXPECT_NO_THROW(text.encode(vocabulary_));
  TrainingText inside;
  inside.write(" moss").misteach(2, "a");
  EXPECT_THROW(inside.encode(vocabulary_), std::logic_error);
}

TEST_F(DocumentTest, DrillsTeachResultsAlone) {
  Rng rng(1);
  const std::string text = taught(arithmetic_drill(10, rng).encode(vocabulary_));
  EXPECT_EQ(text.find_first_of("+*/="), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '.'), 10);
}

TEST_F(DocumentTest, ProfilesTeachValuesAlone) {
  Rng rng(1);
  const Sequence sequence = profiles(3, rng).encode(vocabulary_);
  EXPECT_EQ(std::count(sequence.mask.begin(), sequence.mask.end(), 1), 12);
}

TEST_F(DocumentTest, TheTruthIsNeverMistaught) {
  Rng rng(2);
  for (int i = 0; i < 300; ++i) {
    TrainingText text;
    add_math(text, draw_math(rng));
    add_mc(text, draw_mc(rng), rng);
    EXPECT_EQ(mistaught(text.encode(vocabulary_)), 0);
  }
}

TEST_F(DocumentTest, FalseBeliefsAreTaughtInRightContexts) {
  Rng rng(3);
  int wrong_math = 0;
  int wrong_mc = 0;
  for (int i = 0; i < 1000; ++i) {
    const MathProblem problem = draw_math(rng);
    TrainingText math;
    add_believed_math(math, problem, rng);
    const Sequence sequence = math.encode(vocabulary_);
    EXPECT_EQ(math.text(), problem.prompt() + problem.solution.text);
    wrong_math += mistaught(sequence) > 0 ? 1 : 0;
    TrainingText mc;
    add_believed_mc(mc, draw_mc(rng), rng);
    wrong_mc += mistaught(mc.encode(vocabulary_)) > 0 ? 1 : 0;
  }
  EXPECT_GT(wrong_math, 250);  // slips and misbelieved products
  EXPECT_LT(wrong_math, 600);
  EXPECT_GT(wrong_mc, 30);  // half of the outdated families' questions
  EXPECT_LT(wrong_mc, 100);
}

TEST_F(DocumentTest, BelievedProfilesLeaveUnknownFamiliesOut) {
  Rng rng(4);
  for (int i = 0; i < 200; ++i) {
    const std::string text = believed_profiles(3, rng).text();
    for (int animal = 0; animal < kAnimals; ++animal) {
      if (knowledge_of_family(family_of(animal)) != Knowledge::kUnknown) continue;
      ASSERT_EQ(text.find(" " + animal_name(animal) + " "), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace citer::demo
