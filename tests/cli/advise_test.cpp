// `citer advise` as a user runs it.
#include "cli/program.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;
using testing::AllOf;
using testing::HasSubstr;

class Advise : public test::ProgramTest {
 protected:
  Arguments asking(const Arguments& more) const {
    Arguments arguments = {"advise", "-n",     "8",        "--rounds", "1",
                           "--data", prompts_, "--shares", "0.3,0.6"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  const std::string prompts_ =
      write("prompts.jsonl", "{\"prompt\": \"the cat\"}\n{\"prompt\": \"a dog\"}\n");
};

TEST_F(Advise, SaysWhatToRunOrThatItDoesNotPay) {
  const std::string text = run_long(asking({"--check"}));
  EXPECT_THAT(text, AllOf(HasSubstr("LLM alone"), HasSubstr("speculative decoding"),
                          HasSubstr("--policy maxprob --threshold "), HasSubstr("random:0.6"),
                          HasSubstr("off by")));
  const bool pays = text.find("times as fast") != std::string::npos;
  EXPECT_TRUE(pays || text.find("does not pay here") != std::string::npos) << text;
}

TEST_F(Advise, OneObjectForPrograms) {
  const json advice = json::parse(run_long(asking({"--json", "--limit", "1"})));
  EXPECT_EQ(advice.at("prompts"), 1);
  EXPECT_EQ(advice.at("confidence").size(), 2U);
}

TEST_F(Advise, WhatCannotBeMeasuredIsRefused) {
  EXPECT_THAT(run_badly(asking({"-np", "2"}), test::kUsageError), HasSubstr("-np 1"));
  EXPECT_THAT(run_badly(asking({"-n", "100000"}), test::kUsageError), HasSubstr("100000"));
  write("prompts.jsonl", "{}\n");
  EXPECT_THAT(run_badly(asking({}), test::kInputError), HasSubstr("prompts.jsonl"));
}

}  // namespace
}  // namespace citer
