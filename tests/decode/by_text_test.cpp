// Pairs of different vocabularies: the answer's tokens are the SLM's, and the LLM reads and writes
// its text in tokens of its own. Compared with a naive reference, as in routing_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/utf8.h"
#include "citer/error.h"
#include "decode/tiny_pair.h"
#include "support/error_text.h"
#include "support/llama_runner.h"

namespace citer {
namespace {

using test::LlamaRunner;
using test::TinyPair;
using testing::HasSubstr;

constexpr double kTie = 1e-3;  // logits closer than this may come out in either order

const std::vector<std::string> kPrompts = {"the small bird", "caf\xC3\xA9 \xF0\x9F\x99\x82 on",
                                           "In", " the the the and so"};

/// Two tiny models: one's vocabulary merges letters, the other's halves of characters, and across
/// them.
class TwoVocabularies {
 public:
  TwoVocabularies() {
    test::write_tiny_model(slm(),
                           {.merges = {{"z", "z"}, {"zz", "zz"}, {"\x9F", "\x99"}}, .seed = 5});
    test::write_tiny_model(llm(), {.n_embd = 48,
                                   .merges = {{"\xC3", "\xA9"},
                                              {"\xF0", "\x9F"},
                                              {" ", "\xC3"},
                                              {"\x99", "\x82"},
                                              {"e", " "}},
                                   .seed = 31});
  }

  std::filesystem::path slm() const { return folder_ / "slm.gguf"; }
  std::filesystem::path llm() const { return folder_ / "llm.gguf"; }

 private:
  test::TempDir folder_;
};

class ByText : public testing::Test {
 protected:
  DecodeRequest request(const std::string& prompt, const std::string& policy, double threshold,
                        int max_tokens) const {
    DecodeRequest request = test::make_request(slm_->vocab().tokenize(prompt, true, true), policy,
                                               threshold, max_tokens);
    request.llm_prompt = llm_->vocab().tokenize(prompt, true, true);
    return request;
  }

  TinyPair pair(int sequences = 1, bool overlap = false, int context_size = 256) const {
    return {files_.slm(),
            files_.llm(),
            {.context_size = context_size, .sequences = sequences},
            overlap,
            /*by_text=*/true};
  }

  /// What one of the models writes alone.
  Sequence alone(const std::filesystem::path& path, std::vector<Token> prompt,
                 const DecodeRequest& like) const {
    TinyPair pair(path, path, {.context_size = 256});
    DecodeRequest request = like;
    request.prompt = std::move(prompt);
    request.llm_prompt.clear();
    return test::run_alone(pair, std::move(request));
  }

  static void expect_likeliest(LlamaRunner& model, const std::vector<Token>& before, Token token) {
    const std::vector<float> logits = model.logits(before).back();
    ASSERT_GE(logits[static_cast<std::size_t>(token)] + kTie,
              *std::max_element(logits.begin(), logits.end()))
        << "not the writer's likeliest token";
  }

  /// Every token is its writer's likeliest, and the writer is whom the score names, but within a
  /// character the SLM.
  void expect_plain_routing(const Sequence& answer) {
    std::vector<Token> tokens = answer.request.prompt;
    std::string text;
    std::vector<Writer> writers;  // by byte
    Counters counted;
    for (const TokenRecord& record : answer.records) {
      SCOPED_TRACE("token " + std::to_string(tokens.size()));
      const bool by_slm = record.writer == Writer::kSlm;
      ++(by_slm ? counted.slm_tokens : counted.llm_tokens);
      if (by_slm) expect_likeliest(slm_runner_, tokens, record.id);
      const bool is_inside = complete_utf8_length(text) < text.size();
      const bool is_low = record.score < answer.request.threshold;
      EXPECT_TRUE(by_slm ? !is_low || is_inside : is_low);
      tokens.push_back(record.id);
      text += record.piece;
      writers.insert(writers.end(), record.piece.size(), record.writer);
    }
    EXPECT_EQ(tokens, answer.tokens);
    EXPECT_EQ(text, answer.text.text());
    EXPECT_EQ(answer.counters.slm_tokens, counted.slm_tokens);
    EXPECT_EQ(answer.counters.llm_tokens, counted.llm_tokens);
    expect_llm_side(answer, text, writers);
  }

  /// The LLM's tokens stand for the answer's text; those that it wrote are its likeliest ones, and
  /// it has read none twice.
  void expect_llm_side(const Sequence& answer, const std::string& text,
                       const std::vector<Writer>& writers) {
    const LlmSide& side = *answer.llm_side;
    std::vector<Token> tokens = answer.request.llm_prompt;
    std::string read;
    std::int64_t drawn = 0;
    for (std::size_t i = tokens.size(); i < side.tokens.size(); ++i) {
      SCOPED_TRACE("LLM's token " + std::to_string(i));
      const std::string& piece = llm_->vocab().piece(side.tokens[i]);
      const bool is_read =
          !piece.empty() && read.size() < writers.size() && writers[read.size()] == Writer::kSlm;
      if (!is_read) expect_likeliest(llm_runner_, tokens, side.tokens[i]);
      drawn += is_read ? 0 : 1;
      tokens.push_back(side.tokens[i]);
      read += piece;
    }
    EXPECT_TRUE(read.starts_with(text.substr(0, side.bytes)));
    const Counters& c = answer.counters;
    EXPECT_EQ(c.llm_own_tokens, drawn);
    EXPECT_EQ(c.llm_passes, drawn);
    EXPECT_EQ(c.llm_positions, drawn > 0 ? static_cast<std::int64_t>(side.tokens.size()) - 1 : 0);
    EXPECT_LT(c.slm_positions, static_cast<std::int64_t>(answer.tokens.size()));
  }

  TwoVocabularies files_;
  std::shared_ptr<Model> slm_ = test::load_exact(files_.slm());
  std::shared_ptr<Model> llm_ = test::load_exact(files_.llm());
  LlamaRunner slm_runner_{files_.slm()};
  LlamaRunner llm_runner_{files_.llm()};
};

TEST_F(ByText, EqualsTheNaiveReference) {
  std::int64_t several = 0;
  int both_wrote = 0;
  for (const auto& [policy, threshold] :
       {std::pair{"maxprob", 0.3}, std::pair{"maxprob", 0.7}, std::pair{"entropy", 0.5},
        std::pair{"random:0.5", 0.5}}) {
    for (const std::string& prompt : kPrompts) {
      SCOPED_TRACE(policy + (" at " + std::to_string(threshold)) + ": " + prompt);
      TinyPair models = pair();
      const Sequence answer = test::run_alone(models, request(prompt, policy, threshold, 40));
      EXPECT_EQ(answer.error, "");
      expect_plain_routing(answer);
      const Counters& c = answer.counters;
      several += c.llm_tokens != c.llm_own_tokens ? 1 : 0;
      both_wrote += c.slm_tokens > 0 && c.llm_tokens > 0 ? 1 : 0;
    }
  }
  EXPECT_GE(both_wrote, 8) << "the cases must mix writers to mean something";
  EXPECT_GE(several, 4) << "and tokens that are several of the other vocabulary";
}

TEST_F(ByText, TheLlmAloneWritesWhatItWritesWithoutTheSlm) {
  std::int64_t held = 0;
  for (const double temperature : {0.0, 1.0}) {
    for (const std::string& prompt : kPrompts) {
      DecodeRequest asked = request(prompt, "llm", 1.0, 80);
      asked.sampling.temperature = temperature;
      TinyPair models = pair();
      const Sequence answer = test::run_alone(models, asked);
      const Sequence own = alone(files_.llm(), asked.llm_prompt, asked);
      const std::string& text = answer.text.text();
      const std::string& expected = own.text.text();
      ASSERT_GE(text.size(), 20U);
      ASSERT_EQ(text.substr(0, expected.size()), expected.substr(0, text.size()));
      EXPECT_EQ(answer.counters.slm_positions, 0);
      EXPECT_EQ(answer.counters.llm_tokens, 80);
      held += answer.counters.llm_passes;
      for (const TokenRecord& record : answer.records) EXPECT_EQ(record.writer, Writer::kLlm);
    }
  }
  EXPECT_NE(held, 8 * 80) << "some of its tokens are several, or parts, of the SLM's";
}

TEST_F(ByText, TheSlmAloneWritesWhatItWritesWithoutTheLlm) {
  for (const std::string& prompt : kPrompts) {
    const DecodeRequest asked = request(prompt, "maxprob", 0.0, 60);
    TinyPair models = pair();
    const Sequence answer = test::run_alone(models, asked);
    EXPECT_EQ(answer.tokens, alone(files_.slm(), asked.prompt, asked).tokens);
    EXPECT_EQ(answer.counters.llm_positions, 0);
  }
}

TEST_F(ByText, TogetherAsAlone) {
  for (const bool overlap : {false, true}) {
    TinyPair models = pair(3, overlap);
    std::map<int, std::size_t> working;  // by slot
    std::vector<Sequence> answers;
    Counters sum;
    for (std::size_t next = 0; answers.size() < 2 * kPrompts.size();) {
      while (next < 2 * kPrompts.size()) {
        DecodeRequest asked = request(kPrompts[next % kPrompts.size()], "random:0.5", 0.5, 30);
        asked.sampling.seed = next;
        const auto slot = models.decoder.claim_slot(asked.prompt, asked.llm_prompt);
        if (!slot) break;
        models.decoder.start(*slot, std::move(asked));
        working[*slot] = next++;
      }
      for (const int slot : models.decoder.step()) {
        if (!models.decoder.at(slot).finish) continue;
        answers.push_back(models.decoder.release(slot));
        sum += answers.back().counters;
        working.erase(slot);
      }
    }
    for (const Sequence& answer : answers) {
      EXPECT_EQ(answer.error, "");
      EXPECT_EQ(answer.records.size(), 30U);
    }
    const Counters& totals = models.decoder.totals();
    EXPECT_EQ(totals.llm_own_tokens, sum.llm_own_tokens);
    EXPECT_EQ(totals.llm_positions, sum.llm_positions);
    EXPECT_EQ(totals.slm_positions, sum.slm_positions);
    EXPECT_LT(totals.llm_passes, sum.llm_passes) << "those that wait share passes";
    // The first of each prompt found no cache: nothing but what it counts was read for it.
    expect_plain_routing(answers.front());
  }
}

TEST_F(ByText, TheLlmEndsAnAnswer) {
  int ended = 0;
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    DecodeRequest asked = request(kPrompts[seed % kPrompts.size()], "llm", 1.0, 120);
    asked.ignore_eog = false;
    asked.sampling = {.temperature = 2.0, .top_k = 0, .top_p = 1.0, .min_p = 0.0, .seed = seed};
    TinyPair models = pair();
    const Sequence answer = test::run_alone(models, asked);
    if (answer.finish != FinishReason::kEndOfGeneration) continue;
    ++ended;
    EXPECT_EQ(answer.records.back().id, slm_->vocab().end_of_answer());
    EXPECT_TRUE(llm_->vocab().is_end_of_generation(answer.llm_side->tokens.back()));
    EXPECT_EQ(answer.text.text(), alone(files_.llm(), asked.llm_prompt, asked).text.text());
  }
  EXPECT_GE(ended, 2);
}

TEST_F(ByText, AnAnswerEndsWhereEitherSideIsFull) {
  const std::string prompt(24, 'z');  // 7 tokens and 25
  TinyPair models = pair(1, false, 48);
  const Sequence answer = test::run_alone(models, request(prompt, "random:0.5", 0.5, -1));
  EXPECT_EQ(answer.error, "");
  EXPECT_EQ(answer.finish, FinishReason::kLength);
  EXPECT_GT(answer.records.size(), 4U);
  TinyPair small = pair(1, false, 20);
  EXPECT_THAT(
      test::error_text<FieldError>([&] { small.decoder.check(request(prompt, "llm", 1.0, 4)); }),
      HasSubstr("the prompt has 25 tokens, the context holds 20"));
}

TEST_F(ByText, AStopStringEndsTheTextWhoeverWritesIt) {
  const DecodeRequest asked = request("In", "random:0.5", 0.5, 40);
  TinyPair models = pair();
  const std::string text = test::run_alone(models, asked).text.text();
  for (const std::size_t at : {text.size() / 4, text.size() / 2, text.size() - 3}) {
    DecodeRequest stopping = asked;
    stopping.stop = {text.substr(at, 2)};
    TinyPair again = pair();
    const Sequence answer = test::run_alone(again, stopping);
    EXPECT_EQ(answer.finish, FinishReason::kStopString);
    EXPECT_EQ(answer.text.text(), text.substr(0, text.find(stopping.stop.front())));
  }
}

}  // namespace
}  // namespace citer
