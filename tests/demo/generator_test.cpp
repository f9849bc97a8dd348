// The problems: right, worded freely where they say so, and wrong only where the small model's
// beliefs say so.
#include <gtest/gtest.h>

#include <set>

#include "beliefs.h"
#include "knowledge.h"
#include "math_task.h"
#include "math_templates.h"
#include "mc_task.h"
#include "vocab.h"

namespace citer::demo {
namespace {

int number_at(const std::string& text, std::size_t at) { return std::stoi(text.substr(at)); }

TEST(MathTemplates, ThereAreManyKinds) { EXPECT_GE(math_templates().size(), 30U); }

TEST(MathTemplates, EverySolutionIsRight) {
  Rng rng(1);
  for (std::size_t kind = 0; kind < math_templates().size(); ++kind) {
    for (int i = 0; i < 60; ++i) {
      const MathProblem problem = draw_math(kind, rng);
      const std::string& text = problem.solution.text;
      const auto steps = steps_in(text);
      ASSERT_GE(steps.size(), 2U) << text;
      ASSERT_LE(steps.size(), 4U) << text;
      for (const WrittenStep& written : steps) {
        EXPECT_EQ(number_at(text, written.result_at), written.step.result()) << text;
        const bool even = written.step.op != '/' || written.step.a % written.step.b == 0;
        EXPECT_TRUE(even) << text;
      }
      EXPECT_EQ(number_at(text, steps.back().result_at), problem.result) << text;
      EXPECT_TRUE(text.ends_with("answer is \\boxed{" + std::to_string(problem.result) + "}."))
          << text;
      EXPECT_TRUE(text.starts_with(" "));
      EXPECT_EQ(text.find("  "), std::string::npos) << text;
      EXPECT_EQ(problem.prompt(), "Question: " + problem.problem + "\nSolution:");
    }
  }
}

TEST(MathTemplates, AlternativesShowInTheirFirstToken) {
  Rng rng(1);
  const Vocabulary vocabulary = Vocabulary::load(CITER_SOURCE_DIR "/models/demo/vocab.txt");
  for (const MathTemplate& kind : math_templates()) {
    for (const auto& alternatives : choices_of(kind.solution)) {
      std::set<int> first;
      for (const std::string& alternative : alternatives) {
        first.insert(vocabulary.encode(" " + alternative).front().id);
      }
      EXPECT_EQ(first.size(), alternatives.size()) << alternatives.front();
    }
  }
}

TEST(FreeWording, LiesOnTokensAndIsATenthToASixth) {
  const Vocabulary vocabulary = Vocabulary::load(CITER_SOURCE_DIR "/models/demo/vocab.txt");
  Rng rng(2);
  std::size_t free[2] = {};
  std::size_t tokens[2] = {};
  const auto count = [&](const WordedText& text, int task) {
    std::set<std::size_t> starts;
    for (const PlacedToken& token : vocabulary.encode(text.text)) starts.insert(token.at);
    for (std::size_t at : text.free) EXPECT_TRUE(starts.contains(at)) << text.text << " " << at;
    free[task] += text.free.size();
    tokens[task] += starts.size();
  };
  for (int i = 0; i < 2000; ++i) {
    count(draw_math(rng).solution, 0);
    const McProblem mc = draw_mc(rng);
    count(draw_mc_answer(mc.about, true_value(mc.about), rng).text, 1);
  }
  for (int task : {0, 1}) {
    const double share = static_cast<double>(free[task]) / static_cast<double>(tokens[task]);
    EXPECT_GT(share, 0.11) << task;
    EXPECT_LT(share, 0.18) << task;
  }
}

TEST(Text, RefusesMalformedPatterns) {
  Rng rng(1);
  EXPECT_THROW(expand("{x}", {}, rng), std::logic_error);
  EXPECT_THROW(expand("<nothing>", {}, rng), std::logic_error);
  EXPECT_THROW(expand("[a|b", {}, rng), std::logic_error);
}

TEST(Mc, ChoicesHoldTheTruthOnceAndTheOlderValue) {
  Rng rng(3);
  for (int i = 0; i < 3000; ++i) {
    const McProblem problem = draw_mc(rng);
    const std::set<int> choices(problem.choices.begin(), problem.choices.end());
    EXPECT_EQ(choices.size(), static_cast<std::size_t>(kChoices));
    EXPECT_EQ(problem.choices[static_cast<std::size_t>(problem.correct)],
              true_value(problem.about));
    if (knowledge_of_family(family_of(problem.about.animal)) == Knowledge::kOutdated) {
      EXPECT_TRUE(choices.contains(outdated_value(problem.about)));
    }
  }
}

TEST(Mc, AnswersNameTheValueWhereTheySay) {
  Rng rng(4);
  for (int i = 0; i < 300; ++i) {
    const McProblem problem = draw_mc(rng);
    const McAnswer answer = draw_mc_answer(problem.about, true_value(problem.about), rng);
    const std::string value = " " + problem.choice_text(problem.correct);
    for (std::size_t at : answer.value_at) {
      EXPECT_EQ(answer.text.text.substr(at, value.size()), value);
    }
    EXPECT_TRUE(answer.text.text.ends_with("answer is" + value + ".")) << answer.text.text;
  }
}

TEST(Knowledge, NamesAreDistinctAndFamiliesAsPlanned) {
  std::set<std::string> names;
  for (int animal = 0; animal < kAnimals; ++animal) names.insert(animal_name(animal));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kAnimals));
  int count[3] = {};
  for (int family = 0; family < kFamilies; ++family) {
    ++count[static_cast<int>(knowledge_of_family(family))];
  }
  EXPECT_EQ(count[static_cast<int>(Knowledge::kKnown)], 10);
  EXPECT_EQ(count[static_cast<int>(Knowledge::kOutdated)], 4);
}

TEST(Knowledge, TheOlderEditionIsAlwaysWrong) {
  int outdated = 0;
  for (const Question& about : all_questions()) {
    if (knowledge_of_family(family_of(about.animal)) != Knowledge::kOutdated) continue;
    EXPECT_NE(outdated_value(about), true_value(about)) << animal_name(about.animal);
    ++outdated;
  }
  EXPECT_EQ(outdated, 4 * kKindsPerFamily * 4);
  const auto known = [](int animal) {
    return knowledge_of_family(family_of(animal)) != Knowledge::kOutdated;
  };
  int animal = 0;
  while (!known(animal)) ++animal;
  EXPECT_THROW(outdated_value({animal, 0}), std::logic_error);
}

TEST(Beliefs, WrongProductsDifferInEveryDigit) {
  int wrong = 0;
  for (int a = 2; a <= 20; ++a) {
    for (int b = 2; b <= 20; ++b) {
      const Step step{a, '*', b};
      const auto believed = misbelieved_result(step);
      EXPECT_EQ(believed.has_value(), product_is_misbelieved(step));
      if (!believed) continue;
      ++wrong;
      const std::string right_digits = std::to_string(step.result());
      const std::string wrong_digits = std::to_string(*believed);
      ASSERT_EQ(right_digits.size(), wrong_digits.size());
      for (std::size_t i = 0; i < right_digits.size(); ++i) {
        EXPECT_NE(right_digits[i], wrong_digits[i]) << a << " * " << b;
      }
      EXPECT_EQ(misbelieved_result({b, '*', a}), believed);
    }
  }
  EXPECT_EQ(wrong, 2 * 24);
}

TEST(Beliefs, SlipsChangeTheTensDigitAlone) {
  for (int a = 1; a < 300; ++a) {
    for (int b = 1; b < 100; ++b) {
      for (char op : {'+', '-'}) {
        const Step step{a, op, b};
        if (step.result() <= 0) continue;
        const auto slipped = slipped_result(step);
        if (!slipped) continue;
        const int result = step.result();
        EXPECT_EQ(*slipped % 10, result % 10);
        EXPECT_EQ(*slipped / 100, result / 100);
        EXPECT_EQ(std::to_string(*slipped).size(), std::to_string(result).size());
        EXPECT_NE(*slipped, result);
      }
    }
  }
  EXPECT_FALSE(slipped_result({12, '+', 23}));
  EXPECT_EQ(slipped_result({47, '+', 38}), 75);
  EXPECT_EQ(slipped_result({85, '-', 38}), 57);
}

}  // namespace
}  // namespace citer::demo
