// `citer generate --policy llm` beside llama.cpp's own llama-completion: the same greedy texts.
#include <algorithm>

#include "cli/program.h"
#include "support/compare.h"
#include "support/llama_runner.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;

constexpr const char* kFolder = CITER_SOURCE_DIR "/models/demo/";
constexpr double kTie = 0.05;  // logits closer than this may come out in either order
constexpr std::size_t kPromptsPerTask = 6;

class LlamaCompletion : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (run_theirs({"--version"}).status != 0) GTEST_SKIP() << "llama-completion is not installed";
    std::ifstream lines(kFolder + std::string("data/") + GetParam());
    for (std::string line; prompts_.size() < kPromptsPerTask && std::getline(lines, line);) {
      prompts_.push_back(json::parse(line).at("prompt"));
    }
    ASSERT_EQ(prompts_.size(), kPromptsPerTask);
  }

  static test::ProcessResult run_theirs(Arguments arguments) {
    arguments.insert(arguments.begin(), "llama-completion");
    return test::run_process(CITER_SOURCE_DIR "/bench/llama-tool", arguments);
  }

  /// What llama-completion writes, without the mark it puts after the last token.
  std::string their_text(const std::string& prompt) const {
    std::ofstream(folder_ / "prompt.txt") << prompt;
    const test::ProcessResult result =
        run_theirs({"-m", model_, "-f", (folder_ / "prompt.txt").string(), "-n", "200", "--temp",
                    "0", "-t", "1", "-ngl", "0", "-no-cnv", "--no-display-prompt", "--no-warmup"});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out.substr(0, result.out.find(" [end of text]"));
  }

  /// What citer writes; `trace` gets its tokens.
  std::string our_text(const std::string& prompt, std::vector<json>& trace) const {
    const std::string trace_file = (folder_ / "trace.jsonl").string();
    const test::ProcessResult result =
        test::run_process(CITER_PROGRAM,
                          {"generate", "--policy", "llm", "-p", prompt, "-n", "200", "-t", "1",
                           "-ngl", "0", "--json", "--trace", trace_file},
                          {.environment = {{"CITER_MODEL_DIR", kFolder}}});
    EXPECT_EQ(result.status, 0) << result.err;
    std::ifstream lines(trace_file);
    for (std::string line; std::getline(lines, line);) trace.push_back(json::parse(line));
    return json::parse(result.out).at("text");
  }

  /// The top-two gap of the logits where the token that covers byte `at` of our text was chosen.
  double gap_at(std::size_t at, const std::string& prompt, const std::vector<json>& trace) const {
    test::LlamaRunner model(model_, 1024);
    std::vector<llama_token> tokens = model.tokenize(prompt);
    std::size_t bytes = 0;
    for (const json& token : trace) {
      bytes += token.at("text").get<std::string>().size();
      if (bytes > at) break;
      tokens.push_back(token.at("id"));
    }
    return test::top_two_gap(model.logits(tokens).back());
  }

  std::string model_ = kFolder + std::string("llm.gguf");
  std::vector<std::string> prompts_;
  test::TempDir folder_;
};

TEST_P(LlamaCompletion, WritesTheSame) {
  for (const std::string& prompt : prompts_) {
    SCOPED_TRACE(prompt);
    std::vector<json> trace;
    const std::string ours = our_text(prompt, trace);
    const std::string theirs = their_text(prompt);
    EXPECT_GT(ours.size(), 1U);
    if (ours == theirs) continue;
    const auto differs = std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end());
    const auto at = static_cast<std::size_t>(differs.first - ours.begin());
    // It prints from a thread of its own, and on a busy machine it may exit before the last words.
    const bool cut_short = differs.second == theirs.end() && 2 * theirs.size() > ours.size();
    if (cut_short) continue;
    EXPECT_LT(gap_at(at, prompt, trace), kTie) << "at byte " << at << ": " << ours << theirs;
  }
}

INSTANTIATE_TEST_SUITE_P(Tasks, LlamaCompletion,
                         testing::Values("math.test.jsonl", "mc.test.jsonl"));

}  // namespace
}  // namespace citer
