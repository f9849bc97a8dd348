// Predicting a strategy's time from pass times and a recorded answer.
#include <gtest/gtest.h>

#include "base/file.h"
#include "citer/error.h"
#include "eval/hardware.h"
#include "eval/replay.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

/// A pass takes `fixed` + `each` x tokens seconds.
PassCurve line(double fixed, double each) {
  PassCurve curve;
  for (const int tokens : {1, 4, 64}) curve.add(tokens, fixed + each * tokens);
  return curve;
}

Hardware machine(double slm, double fixed, double each) {
  return {"test", line(0.0, slm), line(fixed, each), 0.0};
}

TEST(PassCurve, IsLinearBetweenAndBeyondWhatWasMeasured) {
  PassCurve curve;
  curve.add(1, 3.0);
  curve.add(1, 1.0);
  curve.add(1, 2.0);
  EXPECT_DOUBLE_EQ(curve.at(4), 8.0) << "one size: in proportion";
  curve.add(3, 6.0);
  EXPECT_DOUBLE_EQ(curve.at(1), 2.0) << "the median";
  EXPECT_DOUBLE_EQ(curve.at(2), 4.0);
  EXPECT_DOUBLE_EQ(curve.at(5), 10.0);
}

TEST(Replay, OneModelAloneReadsThePromptThenAPassAToken) {
  const ReplayAnswer answer{10, {{}, {}, {}}};
  const Hardware hardware = machine(0.001, 1.0, 0.1);
  EXPECT_NEAR(replay_alone(hardware.llm, hardware, answer), 2.0 + 2 * 1.1, 1e-9);
}

TEST(Replay, PlainRoutingCatchesUpWhenItAsks) {
  // SLM, SLM, LLM, SLM: the LLM reads the prompt and two tokens, once.
  const ReplayAnswer answer{10, {{}, {}, {true, false}, {}}};
  const Hardware hardware = machine(0.001, 1.0, 0.1);
  EXPECT_NEAR(replay_routing(hardware, answer, 1), (10 + 3) * 0.001 + 1.0 + 12 * 0.1, 1e-9);
}

TEST(Replay, AnAnswerWithoutACriticalTokenCostsTheLlmNothing) {
  const ReplayAnswer answer{10, {{}, {}}};
  EXPECT_NEAR(replay_routing(machine(0.001, 1.0, 0.1), answer, 1), 0.011, 1e-9);
}

TEST(Replay, PendingTokensSavePassesWhereTheModelsAgree) {
  const Hardware hardware = machine(0.0, 1.0, 0.0);
  const ReplayAnswer agreed{1, {{true, true}, {}, {true, true}, {true, true}, {}}};
  EXPECT_NEAR(replay_routing(hardware, agreed, 1), 3.0, 1e-9);
  EXPECT_NEAR(replay_routing(hardware, agreed, 3), 1.0, 1e-9);
  const ReplayAnswer refused{1, {{true, false}, {}, {true, false}, {true, false}, {}}};
  EXPECT_NEAR(replay_routing(hardware, refused, 3), 3.0, 1e-9) << "each rejection is a pass";
}

TEST(Replay, SpeculativeDecodingNeedsNoGuessOfTheLastTokenItHolds) {
  const Hardware hardware = machine(1.0, 0.0, 0.0);
  const ReplayAnswer answer{1, {{true}, {true}, {true}, {true}}};
  EXPECT_NEAR(replay_routing(hardware, answer, 1), 0.0, 1e-9) << "no SLM at all";
  // Two tokens a pass: the SLM reads prompt and the token before each first guess.
  EXPECT_NEAR(replay_routing(hardware, answer, 2), 1.0 + 2.0, 1e-9);
}

TEST(HardwareFile, IsReadAsWritten) {
  const test::TempDir folder;
  Hardware hardware = machine(0.25, 1.0, 0.5);
  hardware.token_overhead = 0.125;
  write_hardware(folder / "hardware.json", hardware);
  const Hardware again = read_hardware(folder / "hardware.json");
  EXPECT_EQ(again.name, "test");
  EXPECT_EQ(again.slm.medians(), hardware.slm.medians());
  EXPECT_EQ(again.llm.medians(), hardware.llm.medians());
  EXPECT_EQ(again.token_overhead, 0.125);
}

TEST(HardwareFile, WhatIsWrongIsNamed) {
  const test::TempDir folder;
  const auto error = [&](const std::string& text) {
    write_file(folder / "h.json", text);
    return test::error_text<InputError>([&] { read_hardware(folder / "h.json"); });
  };
  EXPECT_NE(error("{").find("expected JSON"), std::string::npos);
  EXPECT_NE(error("{}").find("slm_pass_seconds"), std::string::npos);
  EXPECT_NE(error(R"({"slm_pass_seconds":{"x":1}})").find("'x'"), std::string::npos);
  EXPECT_NE(error(R"({"slm_pass_seconds":{"1":-1}})").find("found -1"), std::string::npos);
}

}  // namespace
}  // namespace citer
