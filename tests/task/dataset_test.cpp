#include "task/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "base/file.h"
#include "citer/error.h"
#include "task/answer.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class DatasetTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) /
        ("citer_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, std::string_view text) const {
    const fs::path path = folder_ / name;
    fs::create_directories(path.parent_path());
    write_file(path, text);
    return path;
  }
  Dataset load(const std::string& name, std::string_view text) const {
    return load_dataset(write(name, text));
  }
  /// The message of the InputError that loading `text` ends in, without the folder.
  std::string refusal(const std::string& name, std::string_view text) const {
    try {
      load(name, text);
    } catch (const InputError& e) {
      std::string message = e.what();
      const std::string prefix = folder_.string() + "/";
      for (auto at = message.find(prefix); at != std::string::npos; at = message.find(prefix)) {
        message.erase(at, prefix.size());
      }
      return message;
    }
    return "loaded";
  }

  fs::path folder_;
};

constexpr std::string_view kMath =
    R"({"problem": "What is 2 + 3?", "solution": "It is 2 + 3 = 5. The answer is \\boxed{5}."})";
constexpr std::string_view kChoice =
    R"({"question": "Which food?", "choices": {"label": ["A", "B"], "text": ["moss", "reeds"]}, )"
    R"("answerKey": "B", "cot": "It eats reeds. So the answer is reeds."})";

TEST_F(DatasetTest, MathRecords) {
  const Dataset data =
      load("test.jsonl", std::string(kMath) + "\n\n" +
                             R"({"problem": "Half of 3?", "level": "Level 1",)"
                             R"( "type": "Algebra", "solution": "$\\boxed{\\dfrac32}$"})");
  EXPECT_EQ(data.name, "test");
  ASSERT_EQ(data.examples.size(), 2U);
  const Example& first = data.examples[0];
  EXPECT_EQ(first.id, "test:1");
  EXPECT_EQ(first.kind, TaskKind::kMath);
  EXPECT_EQ(first.question, "What is 2 + 3?");
  EXPECT_EQ(first.gold, "5");
  EXPECT_EQ(first.reference, " It is 2 + 3 = 5. The answer is \\boxed{5}.");
  EXPECT_TRUE(first.prompt.starts_with("Question: What is 2 + 3?\n"));
  EXPECT_TRUE(first.prompt.ends_with("\nSolution:"));
  EXPECT_EQ(data.examples[1].id, "test:3") << "empty lines count";
  EXPECT_EQ(data.examples[1].gold, "\\frac{3}{2}");
}

TEST_F(DatasetTest, ChoiceRecords) {
  const Example example = load("mc.jsonl", kChoice).examples.at(0);
  EXPECT_EQ(example.kind, TaskKind::kChoice);
  EXPECT_EQ(example.gold, "B");
  ASSERT_EQ(example.choices.size(), 2U);
  EXPECT_EQ(example.choices[1].text, "reeds");
  EXPECT_EQ(example.reference, " It eats reeds. So the answer is reeds.");
  EXPECT_THAT(example.prompt, HasSubstr("Question: Which food?\nChoices:\n(A) moss\n(B) reeds\n"));
  EXPECT_TRUE(example.prompt.ends_with("\nAnswer:"));
  EXPECT_TRUE(judge(example, example.reference).correct);
}

TEST_F(DatasetTest, HumanEvalRecords) {
  const Example example =
      load("code.jsonl",
           R"({"task_id": "HumanEval/0", "prompt": "def one():\n    \"\"\"One.\"\"\"\n", )"
           R"("entry_point": "one", "canonical_solution": "    return 1\n", )"
           R"("test": "def check(f):\n    assert f() == 1\n"})")
          .examples.at(0);
  EXPECT_EQ(example.kind, TaskKind::kCode);
  EXPECT_EQ(example.id, "HumanEval/0");
  EXPECT_EQ(example.prompt, "def one():\n    \"\"\"One.\"\"\"\n");
  EXPECT_EQ(example.entry_point, "one");
  EXPECT_EQ(example.reference, "    return 1\n") << "white space has a meaning";
  EXPECT_EQ(example.gold, "def check(f):\n    assert f() == 1\n\ncheck(one)\n");
}

TEST_F(DatasetTest, MbppRecords) {
  const Example example =
      load("code.jsonl",
           R"({"task_id": 7, "text": "Square a number.", "code": "def square(x): return x * x", )"
           R"("test_setup_code": "k = 3", "test_list": ["assert square(k) == 9"]})")
          .examples.at(0);
  EXPECT_EQ(example.kind, TaskKind::kCode);
  EXPECT_EQ(example.id, "7");
  EXPECT_THAT(example.prompt, HasSubstr("Square a number.\n\nThe code must pass these tests:\n\n"
                                        "assert square(k) == 9\n"));
  EXPECT_EQ(example.gold, "k = 3\nassert square(k) == 9\n");
  EXPECT_THAT(refusal("x.jsonl", R"({"text": "a", "test_list": []})"),
              HasSubstr("expected at least one test in \"test_list\""));
}

TEST_F(DatasetTest, RecordsBringTheirPrompt) {
  const Dataset data =
      load("own.jsonl", R"({"id": "math-1", "prompt": "Question: 1 + 1?\nSolution:", )"
                        R"("problem": "1 + 1?", "solution": " 1 + 1 = 2. \\boxed{2}"})");
  EXPECT_EQ(data.examples[0].id, "math-1");
  EXPECT_EQ(data.examples[0].prompt, "Question: 1 + 1?\nSolution:");
  EXPECT_EQ(data.examples[0].reference, " 1 + 1 = 2. \\boxed{2}");
}

TEST_F(DatasetTest, Gsm8k) {
  const Example example =
      load("gsm8k.jsonl",
           R"({"question": "How many?", "answer": "5 * 25 = <<5*25=125>>125\n#### 2,125"})")
          .examples.at(0);
  EXPECT_EQ(example.kind, TaskKind::kMath);
  EXPECT_EQ(example.gold, "2125");
  EXPECT_TRUE(judge(example, example.reference).correct);
}

TEST_F(DatasetTest, PublishedCommonsenseQaAndArc) {
  const Dataset data = load(
      "dev.jsonl",
      R"({"answerKey": "A", "id": "1afa", "question": {"question_concept": "door", "choices": )"
      R"([{"label": "A", "text": "bank"}, {"label": "B", "text": "mall"}], "stem": "At a what?"}})"
      "\n"
      R"({"id": "MCAS_8", "question": {"stem": "Which?", "choices": [{"text": "rain", "label": "1"},)"
      R"( {"text": "snow", "label": "2"}, {"text": "hail", "label": "3"}]}, "answerKey": "3"})");
  ASSERT_EQ(data.examples.size(), 2U);
  EXPECT_EQ(data.examples[0].id, "1afa");
  EXPECT_EQ(data.examples[0].question, "At a what?");
  EXPECT_EQ(data.examples[0].gold, "A");
  EXPECT_EQ(data.examples[0].reference, "");
  EXPECT_EQ(data.examples[1].gold, "3");
  EXPECT_THAT(data.examples[1].prompt, HasSubstr("(3) hail"));
}

TEST_F(DatasetTest, MmluAsHuggingFaceHasIt) {
  const Example example =
      load(
          "mmlu.jsonl",
          R"({"question": "2+2?", "subject": "algebra", "choices": ["3", "4", "5", "6"], "answer": 1})")
          .examples.at(0);
  EXPECT_EQ(example.gold, "B");
  EXPECT_EQ(example.choices[3].label, "D");
}

TEST_F(DatasetTest, MmluCsv) {
  const Dataset data = load("abstract_algebra_test.csv",
                            "\"Find, if \"\"any\"\",\nthe degree.\",0,4,\"2, or 3\",6,B\r\n"
                            "Plain \"quoted\" word?,a,b,c,d,D\n");
  ASSERT_EQ(data.examples.size(), 2U);
  EXPECT_EQ(data.examples[0].question, "Find, if \"any\",\nthe degree.");
  EXPECT_EQ(data.examples[0].choices[2].text, "2, or 3");
  EXPECT_EQ(data.examples[0].gold, "B");
  EXPECT_EQ(data.examples[1].id, "abstract_algebra_test:3") << "the line where the record starts";
  EXPECT_EQ(data.examples[1].question, "Plain \"quoted\" word?");
  EXPECT_EQ(data.examples[1].gold, "D");
}

TEST_F(DatasetTest, MathDirectory) {
  write("MATH/algebra/10.json", kMath);
  write("MATH/algebra/2.json", kMath);
  write("MATH/geometry/2.json", kMath);
  write("MATH/README.md", "not data");
  const Dataset data = load_dataset(folder_ / "MATH");
  EXPECT_EQ(data.name, "MATH");
  ASSERT_EQ(data.examples.size(), 3U);
  EXPECT_EQ(data.examples[0].id, "algebra/10:1");
  EXPECT_EQ(data.examples[1].id, "algebra/2:1");
  EXPECT_EQ(data.examples[2].id, "geometry/2:1");
  EXPECT_EQ(load_dataset(folder_ / "MATH/").name, "MATH");
}

TEST_F(DatasetTest, JsonArray) {
  const Dataset data =
      load("all.json", "[" + std::string(kMath) + ",\n" + std::string(kChoice) + "]");
  ASSERT_EQ(data.examples.size(), 2U);
  EXPECT_EQ(data.examples[1].id, "all:2");
}

TEST_F(DatasetTest, JsonLinesUnderTheNameOfJson) {
  const std::string lines = std::string(kMath) + "\n\n" + std::string(kChoice) + "\n";
  const Dataset data = load("train.json", lines);
  ASSERT_EQ(data.examples.size(), 2U);
  EXPECT_EQ(data.examples[1].id, "train:3");
  EXPECT_EQ(load("marked.json", "\xEF\xBB\xBF" + lines).examples.size(), 2U);
  EXPECT_EQ(refusal("x.json", lines + "{\"problem\": "),
            "x.json:4: expected JSON, found a syntax error at column 13");
  EXPECT_EQ(load("one.json", std::string(kMath) + "\n").examples.size(), 1U);
}

TEST_F(DatasetTest, PartsShareNothingAndMakeUpAll) {
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += std::string(kMath) + "\n";
  const fs::path path = write("many.jsonl", lines);
  const Dataset training = load_dataset(path, {.part = DataPart::kTraining});
  const Dataset validation = load_dataset(path, {.part = DataPart::kValidation});
  EXPECT_EQ(training.examples.size() + validation.examples.size(), 60U);
  EXPECT_GT(validation.examples.size(), 5U);
  EXPECT_LT(validation.examples.size(), 20U);
  std::set<std::string> ids;
  for (const Dataset* part : {&training, &validation}) {
    for (const Example& example : part->examples) EXPECT_TRUE(ids.insert(example.id).second);
  }
  const Dataset few = load_dataset(path, {.limit = 30, .part = DataPart::kValidation});
  EXPECT_LT(few.examples.size(), validation.examples.size());
  write("one.jsonl", kMath);
  EXPECT_THROW(
      {
        load_dataset(folder_ / "one.jsonl", {.part = DataPart::kTraining});
        load_dataset(folder_ / "one.jsonl", {.part = DataPart::kValidation});
      },
      InputError);
}

TEST_F(DatasetTest, ByteOrderMarkAndCarriageReturns) {
  EXPECT_EQ(load("a.jsonl", "\xEF\xBB\xBF" + std::string(kMath) + "\r\n").examples.size(), 1U);
  EXPECT_EQ(load("a.csv", "\xEF\xBB\xBFq,a,b,c,d,A\r\n").examples.at(0).question, "q");
}

TEST_F(DatasetTest, PromptsAloneHaveNoRightAnswer) {
  const Dataset plain =
      load("plain.jsonl", R"({"prompt": "Tell me of rain.", "reference": "It falls."})"
                          "\n" +
                              std::string(kMath) + "\n");
  const Example& open = plain.examples.at(0);
  EXPECT_EQ(open.kind, TaskKind::kOpen);
  EXPECT_EQ(open.prompt, "Tell me of rain.");
  EXPECT_EQ(open.reference, " It falls.");
  EXPECT_FALSE(has_answers(plain));
  EXPECT_THAT([&] { require_answers(plain, "evaluation"); },
              testing::ThrowsMessage<InputError>(
                  HasSubstr("plain.jsonl: 'plain:1' is a prompt without a right answer, which "
                            "evaluation compares with")));
  EXPECT_EQ(judge(open, "The answer is \\boxed{4}.").answer, std::nullopt);
  EXPECT_EQ(refusal("x.jsonl", R"({"prompt": " "})"),
            "x.jsonl:1: expected text in \"prompt\", found an empty string");
}

TEST_F(DatasetTest, MalformedRecordsAreNamed) {
  const std::string good = std::string(kMath) + "\n";
  EXPECT_EQ(refusal("x.jsonl", good + "{\"problem\": "),
            "x.jsonl:2: expected JSON, found a syntax error at column 13");
  EXPECT_EQ(refusal("x.jsonl", "[1]"), "x.jsonl:1: expected a JSON object, found array");
  EXPECT_EQ(refusal("x.jsonl", "{\"text\": 1}"),
            "x.jsonl:1: expected \"problem\" and \"solution\", or \"question\" and \"answer\", or "
            "\"question\", \"choices\" and \"answerKey\", or \"entry_point\" and \"test\", or "
            "\"test_list\", or \"prompt\", found fields \"text\"");
  EXPECT_EQ(refusal("x.jsonl", R"({"problem": "p"})"),
            "x.jsonl:1: expected field \"solution\", found fields \"problem\"");
  EXPECT_EQ(refusal("x.jsonl", R"({"problem": 5, "solution": ""})"),
            "x.jsonl:1: expected a string in \"problem\", found number 5");
  EXPECT_EQ(refusal("x.jsonl", R"({"problem": " ", "solution": ""})"),
            "x.jsonl:1: expected text in \"problem\", found an empty string");
  EXPECT_EQ(refusal("x.jsonl", R"({"problem": "p", "solution": "\\boxed{"})"),
            "x.jsonl:1: expected \\boxed{answer} in \"solution\", found none that is closed");
  EXPECT_EQ(refusal("x.jsonl", R"({"question": "q", "answer": "5"})"),
            "x.jsonl:1: expected \"#### number\" in \"answer\", found none");
  EXPECT_EQ(refusal("x.jsonl", R"({"id": [], "problem": "p", "solution": "\\boxed{1}"})"),
            "x.jsonl:1: expected a string or an integer in \"id\", found array");
  EXPECT_EQ(refusal("x.json", "{\n \"problem\": \"p\"\n \"solution\": 1}"),
            "x.json:3: expected JSON, found a syntax error at column 11");
  EXPECT_EQ(refusal("x.jsonl", "{\"problem\": \"\xFF\"}"),
            "x.jsonl:1: expected JSON, found a syntax error at column 14");
}

TEST_F(DatasetTest, MalformedChoicesAreNamed) {
  const auto with = [](const std::string& choices, const std::string& rest) {
    return R"({"question": "q", "choices": )" + choices + rest + "}";
  };
  const std::string key = R"(, "answerKey": "A")";
  EXPECT_EQ(refusal("x.jsonl", with(R"({"label": ["A", "B"], "text": ["a"]})", key)),
            "x.jsonl:1: expected as many labels as texts in \"choices\", found 2 and 1");
  EXPECT_EQ(refusal("x.jsonl", with(R"({"label": ["A", "B"], "text": ["a", 1]})", key)),
            "x.jsonl:1: expected strings in \"choices.text\", found number 1");
  EXPECT_EQ(refusal("x.jsonl", with(R"({"label": "A", "text": ["a"]})", key)),
            "x.jsonl:1: expected an array in \"choices.label\", found string \"A\"");
  EXPECT_EQ(refusal("x.jsonl", with(R"({"label": ["A"], "text": ["a"]})", key)),
            "x.jsonl:1: expected at least two choices, found 1");
  EXPECT_EQ(refusal("x.jsonl", with(R"({"label": ["A", "A"], "text": ["a", "b"]})", key)),
            "x.jsonl:1: expected labels that differ, found \"A\" twice");
  EXPECT_EQ(refusal("x.jsonl", with(R"(["a", "b"])", R"(, "answerKey": "C")")),
            "x.jsonl:1: expected one of A, B in \"answerKey\", found \"C\"");
  EXPECT_EQ(refusal("x.jsonl", with(R"(["a", "b"])", R"(, "answer": 2)")),
            "x.jsonl:1: expected an index from 0 to 1 in \"answer\", found number 2");
  EXPECT_EQ(refusal("x.jsonl", with(R"(["a", "b"])", "")),
            "x.jsonl:1: expected field \"answerKey\", found fields \"choices\", \"question\"");
  EXPECT_EQ(refusal("x.jsonl", with(R"(["a", "b"])", R"(, "answerKey": "")")),
            "x.jsonl:1: expected text in \"answerKey\", found an empty string");
  EXPECT_EQ(refusal("x.jsonl", with("7", key)),
            "x.jsonl:1: expected an object or an array in \"choices\", found number 7");
}

TEST_F(DatasetTest, MalformedCsvIsNamed) {
  EXPECT_EQ(refusal("x.csv", "q,a,b,c,d,A\nq,a,b,c,A\n"),
            "x.csv:2: expected 6 fields (question, four choices, letter), found 5");
  EXPECT_EQ(refusal("x.csv", "question,A,B,C,D,answer\n"),
            "x.csv:1: expected one of A, B, C, D in \"answer\", found \"answer\"");
  EXPECT_EQ(
      refusal("x.csv", "q,a,b,c,d,A\n\"open,a,b\n"),
      "x.csv:2: expected a closing '\"' for the field opened here, found the end of the file");
  EXPECT_EQ(refusal("x.csv", "\"q\"x,a,b,c,d,A\n"),
            "x.csv:1: expected ',' or the end of the line after a quoted field, found 'x'");
}

TEST_F(DatasetTest, DuplicateIdsNameBothLines) {
  const std::string record = R"({"id": "a", "problem": "p", "solution": "\\boxed{1}"})";
  EXPECT_EQ(refusal("x.jsonl", record + "\n\n" + record),
            "x.jsonl:3: expected a new id, found \"a\" again (first at x.jsonl:1)");
}

TEST_F(DatasetTest, EmptyAndMissingDataIsRefused) {
  EXPECT_EQ(refusal("x.jsonl", "\n \n"), "x.jsonl: expected at least one example, found none");
  EXPECT_EQ(refusal("x.json", "[]"), "x.json: expected at least one example, found none");
  EXPECT_EQ(refusal("x.txt", "a"), "x.txt: expected a .jsonl, .json or .csv file, found \".txt\"");
  EXPECT_THROW(load_dataset(folder_ / "missing.jsonl"), InputError);
  fs::create_directories(folder_ / "empty");
  EXPECT_THROW(load_dataset(folder_ / "empty"), InputError);
}

TEST_F(DatasetTest, TemplatesReplaceThePrompt) {
  DatasetOptions options;
  options.prompt_template = "Q: {question}\nWrite \\boxed{}.\nA:";
  const fs::path path = write(
      "t.jsonl", R"({"prompt": "mine", "problem": "Is {choices} one?", "solution": "\\boxed{1}"})");
  EXPECT_EQ(load_dataset(path, options).examples[0].prompt,
            "Q: Is {choices} one?\nWrite \\boxed{}.\nA:");
  options.prompt_template = "{problem} ";
  EXPECT_EQ(load_dataset(path, options).examples[0].reference, "\\boxed{1}")
      << "no second space after a prompt that ends in one";
}

TEST_F(DatasetTest, BadTemplatesAreRefused) {
  DatasetOptions options;
  const fs::path math = write("m.jsonl", kMath);
  const fs::path choice = write("c.jsonl", kChoice);
  options.prompt_template = "no placeholder";
  EXPECT_THROW(load_dataset(math, options), UsageError);
  options.prompt_template = "{question} {choices}";
  EXPECT_THROW(load_dataset(math, options), UsageError);
  EXPECT_NO_THROW(load_dataset(choice, options));
  options.prompt_template = "{question}";
  EXPECT_THROW(load_dataset(choice, options), UsageError);
}

std::string math_line(int n) {
  const std::string number = std::to_string(n);
  return R"({"prompt": "P)" + number + R"(:", "problem": "p)" + number +
         R"(", "solution": "\\boxed{)" + number + "}\"}\n";
}

TEST_F(DatasetTest, ShotsComeFirstAndNeverHoldTheQuestion) {
  DatasetOptions options;
  options.shots = 2;
  options.shots_path = write("s.jsonl", math_line(1) + math_line(2) + math_line(3));
  const Dataset data = load_dataset(options.shots_path, options);
  EXPECT_EQ(data.examples[0].prompt, "P2: \\boxed{2}\n\nP3: \\boxed{3}\n\nP1:");
  EXPECT_EQ(data.examples[1].prompt, "P1: \\boxed{1}\n\nP3: \\boxed{3}\n\nP2:");
  EXPECT_EQ(data.examples[2].prompt, "P1: \\boxed{1}\n\nP2: \\boxed{2}\n\nP3:");
  options.shots = 3;
  EXPECT_THROW(load_dataset(options.shots_path, options), InputError);
}

TEST_F(DatasetTest, ShotsWithoutReasoningNameTheChoice) {
  DatasetOptions options;
  options.shots = 1;
  options.shots_path =
      write("s.jsonl",
            R"({"prompt": "Other:", "question": "o", "choices": ["a", "b"], "answerKey": "B"})");
  const Dataset data = load_dataset(write("d.jsonl", kChoice), options);
  EXPECT_TRUE(data.examples[0].prompt.starts_with("Other: So the answer is b (B).\n\nQuestion:"));
}

TEST_F(DatasetTest, BadOptionsAreRefused) {
  const fs::path path = write("m.jsonl", kMath);
  DatasetOptions options;
  options.shots = 1;
  EXPECT_THROW(load_dataset(path, options), UsageError) << "no file to take them from";
  options.shots = -1;
  EXPECT_THROW(load_dataset(path, options), UsageError);
  options = {};
  options.limit = -1;
  EXPECT_THROW(load_dataset(path, options), UsageError);
}

TEST_F(DatasetTest, LimitTakesTheFirst) {
  DatasetOptions options;
  options.limit = 2;
  const fs::path path = write("s.jsonl", math_line(1) + math_line(2) + math_line(3));
  EXPECT_EQ(load_dataset(path, options).examples.size(), 2U);
  options.limit = 9;
  EXPECT_EQ(load_dataset(path, options).examples.size(), 3U);
}

TEST_F(DatasetTest, FingerprintSeesEveryField) {
  const Dataset data = load("m.jsonl", std::string(kMath) + "\n" + std::string(kChoice));
  EXPECT_EQ(data.fingerprint, fingerprint(data.examples));
  const auto changed = [&](auto&& change) {
    auto examples = data.examples;
    change(examples);
    return fingerprint(examples);
  };
  EXPECT_NE(data.fingerprint, changed([](auto& e) { e[0].id += "x"; }));
  EXPECT_NE(data.fingerprint, changed([](auto& e) { e[0].question += "x"; }));
  EXPECT_NE(data.fingerprint, changed([](auto& e) { e[0].prompt += "x"; }));
  EXPECT_NE(data.fingerprint, changed([](auto& e) { e[0].reference += "x"; }));
  EXPECT_NE(data.fingerprint, changed([](auto& e) { e[0].gold = "6"; }));
  EXPECT_NE(data.fingerprint, changed([](auto& e) { e[1].choices[0].text = "x"; }));
  EXPECT_NE(data.fingerprint, changed([](auto& e) { e[1].choices.pop_back(); }));
  EXPECT_NE(data.fingerprint, changed([](auto& e) { std::swap(e[0], e[1]); }));
  EXPECT_NE(data.fingerprint, changed([](auto& e) { e.pop_back(); }));
}

TEST(Fingerprint, IsTheSameOnEveryMachine) {
  Example example;
  example.id = "a";
  example.gold = "5";
  EXPECT_EQ(fingerprint({example}), 3680471037385159805U);
}

}  // namespace
}  // namespace citer
