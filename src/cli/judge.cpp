#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "task/answer.h"
#include "task/judge_record.h"

namespace citer::cli {

namespace {

struct JudgeFlags {
  std::string data;
  AnswerOptions answer;
};

std::string judgement_json(const Judgement& judgement) {
  nlohmann::ordered_json out = {{"correct", judgement.correct}, {"answer", nullptr}};
  if (judgement.answer) out["answer"] = valid_utf8(*judgement.answer);
  out["rule"] = rule_name(judgement.rule);
  out["comparison"] = comparison_name(judgement.comparison);
  out["confidence"] = confidence_name(judgement.confidence);
  return out.dump();
}

int run_judge(const JudgeFlags& flags) {
  const AnswerJudge judge(flags.answer);
  read_judge_records(flags.data, [&](const JudgeRecord& record) {
    fmt::print("{}\n", judgement_json(judge.judge(record.example, record.text)));
  });
  return 0;
}

}  // namespace

Run add_judge(CLI::App& app) {
  auto flags = std::make_shared<JudgeFlags>();
  CLI::App* command =
      app.add_subcommand("judge", "Say which answers in texts of any system are right");
  command
      ->add_option("--data", flags->data,
                   "JSONL: data (math, mc or code), gold, choices, text; docs/formats.md")
      ->required();
  add_answer_flags(*command, flags->answer);
  return [flags] { return run_judge(*flags); };
}

}  // namespace citer::cli
