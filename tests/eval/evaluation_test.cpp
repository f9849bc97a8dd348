// `citer eval` as a user runs it, on the bundled pair.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/rng.h"
#include "support/subprocess.h"
#include "support/temp_dir.h"

namespace citer::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kData = std::string(CITER_SOURCE_DIR) + "/models/demo/data/";

std::vector<std::string> eval_arguments(const fs::path& out, const std::string& limit) {
  return {"eval",
          "--data",
          kData + "math.valid.jsonl",
          "--data",
          kData + "mc.valid.jsonl",
          "--limit",
          limit,
          "--policies",
          "slm,maxprob,random",
          "--budgets",
          "0.1,0.3",
          "--out",
          out.string()};
}

ProcessResult run_eval(const fs::path& out, const std::string& limit = "20") {
  return run_process(CITER_PROGRAM, eval_arguments(out, limit));
}

/// summary.json without what a clock measured.
json summary_without_times(const fs::path& out) {
  json summary = json::parse(read_file(out / "summary.json"));
  for (json& run : summary.at("runs")) {
    for (const char* field :
         {"wall_seconds", "tokens_per_second", "latency_p50", "latency_p95", "latency_p99"}) {
      run.erase(field);
    }
  }
  return summary;
}

TEST(Evaluation, GivesSummaryReportAndTable) {
  const TempDir dir;
  const ProcessResult result = run_eval(dir / "out");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("maxprob"), std::string::npos);
  const json summary = json::parse(read_file(dir / "out/summary.json"));
  EXPECT_TRUE(summary.at("complete").get<bool>());
  // Two datasets and their sum; slm once, two curves of two thresholds.
  EXPECT_EQ(summary.at("runs").size(), 3U * 5U);
  for (const json& run : summary.at("runs")) {
    EXPECT_EQ(run.at("n"), run.at("data") == "all" ? 40 : 20);
    EXPECT_EQ(run.at("tokens"), run.at("slm_tokens").get<int>() + run.at("llm_tokens").get<int>());
    EXPECT_LE(run.at("accuracy_low"), run.at("accuracy"));
    EXPECT_GE(run.at("accuracy_high"), run.at("accuracy"));
    EXPECT_EQ(run.at("llm_share") == 0.0, run.at("policy") == "slm") << run;
  }
  EXPECT_GT(fs::file_size(dir / "out/report.html"), 100000U);
}

TEST(Evaluation, KilledAtRandomMomentsItEndsWithTheSameSummary) {
  const TempDir dir;
  ASSERT_EQ(run_eval(dir / "whole").status, 0);
  Rng rng(7);
  for (int i = 0; i < 10; ++i) {
    run_process(CITER_PROGRAM, eval_arguments(dir / "killed", "20"),
                {.kill_after = std::chrono::milliseconds(rng.uniform(20, 400))});
  }
  const ProcessResult last = run_eval(dir / "killed");
  ASSERT_EQ(last.status, 0) << last.err;
  EXPECT_EQ(summary_without_times(dir / "whole"), summary_without_times(dir / "killed"));
}

TEST(Evaluation, AHalfWrittenRecordIsDoneAgain) {
  const TempDir dir;
  ASSERT_EQ(run_eval(dir / "out").status, 0);
  const json before = summary_without_times(dir / "out");
  const fs::path records = dir / "out/records.jsonl";
  fs::resize_file(records, fs::file_size(records) - 100);
  ASSERT_EQ(run_eval(dir / "out").status, 0);
  EXPECT_EQ(summary_without_times(dir / "out"), before);
}

TEST(Evaluation, ADamagedRecordIsNamed) {
  const TempDir dir;
  ASSERT_EQ(run_eval(dir / "out", "10").status, 0);
  const fs::path records = dir / "out/records.jsonl";
  write_file(records, "{\"data\": 3}\n" + read_file(records));
  const ProcessResult result = run_eval(dir / "out", "10");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("records.jsonl:1: "), std::string::npos) << result.err;
}

TEST(Evaluation, AnotherRunsFolderIsRefused) {
  const TempDir dir;
  ASSERT_EQ(run_eval(dir / "out", "10").status, 0);
  const std::string records = read_file(dir / "out/records.jsonl");
  const ProcessResult result = run_eval(dir / "out", "11");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("another evaluation"), std::string::npos) << result.err;
  EXPECT_EQ(read_file(dir / "out/records.jsonl"), records);
}

TEST(Evaluation, CompareFindsNoDifferenceToItself) {
  const TempDir dir;
  ASSERT_EQ(run_eval(dir / "out", "10").status, 0);
  const std::string out = (dir / "out").string();
  const ProcessResult result = run_process(CITER_PROGRAM, {"eval", "--compare", out, out});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_NE(result.out.find("+0.0 [-8.9, +8.9]"), std::string::npos) << result.out;
}

struct BadCase {
  std::vector<std::string> arguments;
  int status;
  std::string message;
};

void expect_error(const BadCase& bad) {
  std::vector<std::string> arguments = {"eval"};
  arguments.insert(arguments.end(), bad.arguments.begin(), bad.arguments.end());
  const ProcessResult result = run_process(CITER_PROGRAM, arguments);
  EXPECT_EQ(result.status, bad.status) << result.err;
  EXPECT_NE(result.err.find(bad.message), std::string::npos) << result.err;
  EXPECT_TRUE(result.err.starts_with("citer: ")) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST(Evaluation, BadInputIsOneClearLine) {
  const TempDir dir;
  const std::string out = (dir / "out").string();
  const std::string data = kData + "math.valid.jsonl";
  write_file(dir / "empty.jsonl", "");
  write_file(dir / "field.jsonl",
             "{\"problem\": \"1 + 1?\", \"solution\": \"\\\\boxed{2}\"}\n"
             "{\"problem\": \"1 + 2?\"}\n");
  const std::string twice = "{\"id\": \"a\", \"problem\": \"p\", \"solution\": \"\\\\boxed{2}\"}\n";
  write_file(dir / "twice.jsonl", twice + twice);
  write_file(dir / "file", "");
  expect_error(
      {{"--data", data, "--policies", "slm,best", "--out", out}, 2, "--policies: expected one of"});
  expect_error({{"--data", data, "--thresholds", "0.5,2", "--out", out}, 2, "[0, 1]"});
  expect_error({{"--data", data}, 2, "--out"});
  expect_error({{"--data", (dir / "none.jsonl").string(), "--out", out}, 1, "none.jsonl"});
  expect_error({{"--data", (dir / "empty.jsonl").string(), "--out", out}, 1, "empty.jsonl"});
  expect_error({{"--data", (dir / "field.jsonl").string(), "--out", out}, 1, "field.jsonl:2: "});
  expect_error({{"--data", (dir / "twice.jsonl").string(), "--out", out}, 1, "twice.jsonl:2: "});
  expect_error({{"--data", data, "--data", data, "--out", out}, 2, "two datasets"});
  expect_error({{"--data", data, "--out", (dir / "file/out").string()}, 1, "file/out"});
  expect_error({{"--data", data, "--out", out, "--answer-pattern", "("}, 2, "pattern"});
  EXPECT_FALSE(fs::exists(dir / "out/records.jsonl"));
}

TEST(Evaluation, AFullDiskKeepsWhatWasRecorded) {
  const TempDir dir;
  const fs::path disk = dir / "disk";
  fs::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=128k") != 0) {
    GTEST_SKIP() << "may not mount a small tmpfs";
  }
  const ProcessResult result = run_eval(disk / "out");
  const bool recorded = fs::exists(disk / "out/records.jsonl");
  std::string first_line;
  if (recorded) {
    const std::string records = read_file(disk / "out/records.jsonl");
    first_line = records.substr(0, records.find('\n'));
  }
  umount(disk.c_str());
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_NE(result.err.find("No space left"), std::string::npos) << result.err;
  ASSERT_TRUE(recorded);
  EXPECT_TRUE(json::accept(first_line)) << first_line;
}

}  // namespace
}  // namespace citer::test
