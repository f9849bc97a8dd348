// The public API from end to end.
#include "citer/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "citer/error.h"
#include "decode/sequence.h"
#include "decode/tiny_pair.h"
#include "engine/probe.h"
#include "support/error_text.h"

namespace citer {
namespace {

using test::error_text;
using test::TinyPairFiles;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kTemplate =
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:";

class ServiceTest : public testing::Test {
 protected:
  PairOptions pair_options() const {
    PairOptions options;
    options.slm.path = files_.slm().string();
    options.llm.path = files_.llm().string();
    for (ModelOptions* model : {&options.slm, &options.llm}) {
      model->devices = "none";
      model->cache_type_k = model->cache_type_v = "f32";
    }
    return options;
  }

  static ServiceOptions options(int sequences = 1, int context_size = 96) {
    ServiceOptions options;
    options.context.context_size = context_size;
    options.context.sequences = sequences;
    options.context.flash_attention = "off";
    return options;
  }

  static GenerationOptions generation(int max_tokens = 20) {
    GenerationOptions generation_options;
    generation_options.threshold = 0.6;
    generation_options.max_tokens = max_tokens;
    return generation_options;
  }

  /// Answers by the prompt's index; also checks that the streamed pieces make up each text.
  static std::map<std::size_t, Answer> answers(Service& service, const std::vector<Prompt>& prompts,
                                               const GenerationOptions& generation_options) {
    std::map<std::size_t, Answer> by_index;
    std::map<std::size_t, std::string> streamed;
    service.generate(prompts, generation_options,
                     {.on_text =
                          [&](std::size_t index, const TextPiece& piece) {
                            EXPECT_EQ(by_index.count(index), 0U) << "text after the answer";
                            streamed[index] += piece.text;
                          },
                      .on_answer =
                          [&](std::size_t index, Answer answer) {
                            EXPECT_EQ(answer.id, prompts.at(index).id);
                            EXPECT_TRUE(by_index.emplace(index, std::move(answer)).second);
                          }});
    for (const auto& [index, answer] : by_index) EXPECT_EQ(streamed[index], answer.text);
    return by_index;
  }

  static std::vector<Prompt> prompts(int n) {
    std::vector<Prompt> list;
    for (int i = 0; i < n; ++i) {
      list.push_back({"p" + std::to_string(i), "the small bird " + std::to_string(i * 37)});
    }
    return list;
  }

  std::shared_ptr<const Pair> pair() const { return std::make_shared<Pair>(pair_options()); }

  TinyPairFiles files_{{.chat_template = kTemplate}};
};

TEST_F(ServiceTest, AnswersEveryPromptOnce) {
  Service service(pair(), options(3));
  const auto all = answers(service, prompts(10), generation());
  ASSERT_EQ(all.size(), 10U);
  Counters sum;
  for (const auto& [index, answer] : all) {
    EXPECT_EQ(answer.counters.tokens(), static_cast<std::int64_t>(answer.tokens.size()));
    EXPECT_LE(answer.tokens.size(), 20U);
    EXPECT_GT(answer.prompt_tokens, 0);
    EXPECT_DOUBLE_EQ(answer.threshold, 0.6);
    EXPECT_GT(answer.seconds, 0.0);
    sum += answer.counters;
  }
  EXPECT_EQ(service.status().totals.tokens(), sum.tokens());
}

TEST_F(ServiceTest, SequencesAtOnceDoNotChangeTexts) {
  Service solo(pair(), options(1));
  Service batched(pair(), options(4));
  GenerationOptions sampled = generation();
  sampled.sampling.temperature = 0.8;
  for (const GenerationOptions& g : {generation(), sampled}) {
    const auto a = answers(solo, prompts(9), g);
    const auto b = answers(batched, prompts(9), g);
    for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(a.at(i).text, b.at(i).text) << i;
  }
}

TEST_F(ServiceTest, ThresholdDefaultsToThePolicys) {
  Service service(pair(), options());
  GenerationOptions g = generation(5);
  g.threshold.reset();
  g.policy = "margin";
  EXPECT_DOUBLE_EQ(answers(service, prompts(1), g).at(0).threshold,
                   make_policy("margin")->default_threshold());
}

TEST_F(ServiceTest, TextsAndConversationsGoThroughTheTemplate) {
  Service service(pair(), options());
  const std::vector<Prompt> same = {
      {.id = "chat", .messages = {{"user", "how many?"}}},
      {.id = "text", .text = "how many?"},
      {.id = "by hand", .text = "user: how many?\nassistant:", .raw = true}};
  const auto all = answers(service, same, generation());
  for (const std::size_t i : {1, 2}) {
    EXPECT_EQ(all.at(0).text, all.at(i).text);
    EXPECT_EQ(all.at(0).prompt_tokens, all.at(i).prompt_tokens);
  }
  EXPECT_THAT(service.pair().notes(), testing::IsEmpty());
}

/// The tiny pair with a template whose prompts end inside the thinking.
class ThinkingTest : public ServiceTest {
 protected:
  static Answer first(Service& service, const Prompt& prompt, const GenerationOptions& g) {
    return std::move(service.write_all({{prompt, g}}).front());
  }

  TinyPairFiles thinker_{
      {.chat_template = "{{ messages[0].content }}{% if thinks %}<think>{% else %}:{% endif %}"
                        "{# </think> #}"}};
  PairOptions thinking_pair() const {
    PairOptions options = pair_options();
    options.slm.path = thinker_.slm().string();
    options.llm.path = thinker_.llm().string();
    options.chat.template_kwargs = R"({"thinks": true})";
    return options;
  }
};

TEST_F(ThinkingTest, EndsWithItsBudgetAndIsNoPartOfTheAnswer) {
  Service service(std::make_shared<Pair>(thinking_pair()), options());
  GenerationOptions g = generation(30);
  g.ignore_eog = true;
  const Prompt prompt = {.text = "how many?"};
  const Answer endless = first(service, prompt, g);
  EXPECT_EQ(endless.text, "") << "nothing follows what has no end";
  EXPECT_NE(endless.reasoning, "");

  for (const int budget : {0, 1, 5}) {
    g.reasoning_budget = budget;
    for (const int pending : {1, 4}) {
      g.pending_tokens = pending;
      const Answer answer = first(service, prompt, g);
      ASSERT_EQ(answer.tokens.size(), 30U);
      std::string thought;
      for (int i = 0; i < budget; ++i) thought += endless.tokens[static_cast<std::size_t>(i)].piece;
      std::string written;
      for (const TokenRecord& token : answer.tokens) written += token.piece;
      EXPECT_THAT(written, StartsWith(thought + "</think>"));
      EXPECT_NE(answer.text, "");
      EXPECT_THAT(written, testing::EndsWith(answer.text));
      EXPECT_EQ(answer.counters.tokens(), 30) << "both parts count";
    }
  }
}

TEST_F(ThinkingTest, AGrammarSpeaksOfWhatFollows) {
  Service service(std::make_shared<Pair>(thinking_pair()), options());
  GenerationOptions g = generation(40);
  g.reasoning_budget = 4;
  g.sampling.grammar = R"(root ::= "forty-" [0-9])";
  const Answer answer = first(service, {.text = "how many?"}, g);
  EXPECT_THAT(answer.text, testing::MatchesRegex("forty-[0-9]"));
  EXPECT_NE(answer.reasoning, "");
}

TEST_F(ServiceTest, WhatAPairLetsThroughIsNoted) {
  PairOptions unequal = pair_options();
  test::write_tiny_model(files_ / "other.gguf",
                         {.n_extra_tokens = 2, .chat_template = "another", .seed = 5});
  unequal.slm.path = (files_ / "other.gguf").string();
  const Pair noted(unequal);
  ASSERT_EQ(noted.notes().size(), 2U);
  EXPECT_THAT(noted.notes()[0], HasSubstr("2 tokens of padding"));
  EXPECT_THAT(noted.notes()[1], HasSubstr("chat templates differ; the LLM's is used"));
  EXPECT_EQ(noted.vocab().size(), test::tiny_vocab_size());
}

TEST_F(ServiceTest, StopReasonsAreReported) {
  Service service(pair(), options());
  const Answer whole = answers(service, prompts(1), generation()).at(0);
  EXPECT_EQ(whole.finish, FinishReason::kLength);
  GenerationOptions g = generation();
  g.stop = {whole.text.substr(whole.text.size() / 2, 3)};
  EXPECT_EQ(answers(service, prompts(1), g).at(0).finish, FinishReason::kStopString);
}

TEST_F(ServiceTest, StoppingHandsOutPartialAnswers) {
  constexpr int kLong = 1500;
  Service service(pair(), options(2, 2048));
  GenerationOptions g = generation(kLong);
  g.ignore_eog = true;
  std::map<std::size_t, Answer> partial;
  std::map<std::size_t, std::string> streamed;
  const std::vector<Prompt> list = prompts(4);
  service.generate(list, g,
                   {.on_text = [&](std::size_t i, const TextPiece& p) { streamed[i] += p.text; },
                    .on_answer = [&](std::size_t i, Answer a) { partial.emplace(i, std::move(a)); },
                    .should_stop = [&] { return !streamed.empty(); }});
  ASSERT_LE(partial.size(), 2U) << "the answers begun, and no more";
  ASSERT_GE(partial.size(), 1U);
  const auto whole = answers(service, prompts(4), g);
  for (const auto& [index, answer] : partial) {
    EXPECT_LT(answer.tokens.size(), static_cast<std::size_t>(kLong));
    EXPECT_EQ(streamed[index], answer.text);
    EXPECT_TRUE(whole.at(index).text.starts_with(answer.text));
  }
}

TEST_F(ServiceTest, NobodyReadsALongPromptToItsEndForNobody) {
  Service service(pair(), options(1, 100'000));
  Request request{{.text = std::string(60'000, 'x')}, generation(1)};
  request.options.policy = "llm";
  service.submit({request}).reset();  // cancelled at once, before it is begun or while it is read
  auto answers = service.submit({request});
  while (service.status().active == 0) std::this_thread::yield();
  answers.reset();
  service.reset();  // waits until the pass is given up
  EXPECT_LT(service.status().totals.llm_positions, 60'000);
}

TEST_F(ServiceTest, PromptsAreCheckedBeforeAnyWork) {
  Service service(pair(), options());
  std::vector<Prompt> list = prompts(3);
  list[1].text = std::string(500, 'x');
  int calls = 0;
  const GenerationCallbacks count = {.on_text = [&](std::size_t, const TextPiece&) { ++calls; },
                                     .on_answer = [&](std::size_t, Answer) { ++calls; }};
  const std::string text =
      error_text<FieldError>([&] { service.generate(list, generation(), count); });
  EXPECT_THAT(text, StartsWith("prompt 'p1': context_size: "));
  EXPECT_THAT(text, HasSubstr("507 tokens"));
  EXPECT_THAT(text, HasSubstr("holds 96"));
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(service.status().totals.slm_passes, 0);
}

TEST_F(ServiceTest, OnlyARequestThatNamesNoRoutingMayBeLeftToTheLlm) {
  const Pair pair(pair_options());
  const auto is_free = [&](const GenerationOptions& named) {
    return pair.resolve({.prompt = {.text = "a"}, .options = named}).routing_is_free;
  };
  EXPECT_TRUE(is_free({}));
  EXPECT_TRUE(is_free({.pending_tokens = 0, .max_tokens = 5}));
  EXPECT_FALSE(is_free({.policy = "maxprob"}));
  EXPECT_FALSE(is_free({.own_policy = make_policy("maxprob")}));
  EXPECT_FALSE(is_free({.threshold = 0.5}));
}

TEST_F(ServiceTest, ABadBoundOnWaitingIsRefused) {
  ServiceOptions bad = options();
  bad.max_wait = -1.0;
  EXPECT_THAT(error_text<UsageError>([&] { Service(std::make_shared<Pair>(pair_options()), bad); }),
              HasSubstr("max_wait"));
}

TEST_F(ServiceTest, UnknownPolicyAndBadSamplingAreRefusedBeforeAnyWork) {
  Service service(pair(), options());
  GenerationOptions g = generation();
  g.policy = "guess";
  EXPECT_THAT(error_text<UsageError>([&] { service.generate(prompts(1), g, {}); }),
              HasSubstr("'guess'"));
  g = generation();
  g.sampling.min_p = 3;
  EXPECT_THAT(error_text<UsageError>([&] { service.generate(prompts(1), g, {}); }),
              HasSubstr("min_p: "));
  EXPECT_EQ(service.status().totals.slm_passes, 0);
}

TEST_F(ServiceTest, GoesOnAfterACallbackThrew) {
  Service service(pair(), options(2));
  const auto before = answers(service, prompts(5), generation());
  int pieces = 0;
  const auto interrupt = [&](std::size_t, const TextPiece&) {
    if (++pieces == 5) throw std::runtime_error("reader went away");
  };
  EXPECT_THROW(service.generate(prompts(5), generation(), {.on_text = interrupt}),
               std::runtime_error);
  const auto after = answers(service, prompts(5), generation());
  ASSERT_EQ(after.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(after.at(i).text, before.at(i).text);
}

TEST_F(ServiceTest, CallbacksMayBeLeftOut) {
  Service service(pair(), options());
  EXPECT_NO_THROW(service.generate(prompts(2), generation(3), {}));
  EXPECT_EQ(service.status().totals.tokens(), 6);
}

TEST_F(ServiceTest, NoPromptsNoWork) {
  Service service(pair(), options());
  EXPECT_TRUE(answers(service, {}, generation()).empty());
}

TEST_F(ServiceTest, MeasuresTheLlm) {
  Service service(pair(), options());
  const Prompt prompt = prompts(1).front();
  const auto before = answers(service, prompts(1), generation());
  const auto seconds = [&](int tokens) {
    return measure_pass_seconds(service, prompt, before.at(0), Writer::kLlm, tokens);
  };
  EXPECT_GT(seconds(1).value_or(0), 0.0);
  EXPECT_GT(seconds(4).value_or(0), 0.0);
  EXPECT_EQ(seconds(1000), std::nullopt);
  EXPECT_EQ(answers(service, prompts(1), generation()).at(0).text, before.at(0).text);
}

TEST_F(ServiceTest, AGrammarIsCompiledOnceAndHolds) {
  const auto shared = pair();
  EXPECT_THROW(shared->check_grammar("root ::= ("), UsageError);
  Request request{prompts(1).front(), generation()};
  request.options.sampling.grammar = R"(root ::= "a" [bc]{3})";
  const DecodeRequest one = shared->resolve(request);
  const DecodeRequest two = shared->resolve(request);
  ASSERT_TRUE(one.constraint.grammar && one.constraint.trie);
  EXPECT_EQ(one.constraint.grammar, two.constraint.grammar);
  request.options.sampling.grammar = R"(root ::= "b")";
  EXPECT_EQ(shared->resolve(request).constraint.trie, one.constraint.trie);
  request.options.sampling.grammar.clear();
  EXPECT_EQ(shared->resolve(request).constraint.grammar, nullptr);
}

TEST_F(ServiceTest, RefusesWhatIsNoPair) {
  test::write_tiny_model(files_ / "other.gguf",
                         {.token_texts = {{test::tiny_byte_token('e'), "yak"}}});
  PairOptions o = pair_options();
  o.llm.path = (files_ / "other.gguf").string();
  const std::string text = error_text<InputError>([&] { Pair pair(o); });
  EXPECT_THAT(text, HasSubstr("are not a pair"));
  EXPECT_THAT(text, HasSubstr("slm.gguf"));
  EXPECT_THAT(text, HasSubstr("other.gguf"));
}

}  // namespace
}  // namespace citer
