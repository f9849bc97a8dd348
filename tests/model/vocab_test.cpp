#include "model/vocab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"
#include "model/model.h"
#include "model/vocab_match.h"
#include "support/error_text.h"
#include "support/odd_models.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::error_text;
using test::TempDir;
using test::TinyModelOptions;
using testing::HasSubstr;

class VocabTest : public testing::Test {
 protected:
  std::shared_ptr<Model> load(const std::string& name, const TinyModelOptions& options = {}) const {
    test::write_tiny_model(folder_ / name, options);
    return Model::load({.path = (folder_ / name).string(), .devices = "none"});
  }

  /// The plain tiny model with its metadata changed.
  std::shared_ptr<Model> edited(const std::function<void(gguf_context*)>& edit) const {
    test::write_tiny_model(folder_ / "plain.gguf");
    test::edit_gguf(folder_ / "plain.gguf", folder_ / "edited.gguf", edit);
    return Model::load({.path = (folder_ / "edited.gguf").string(), .devices = "none"});
  }

  /// A tiny model with three more tokens, of these types (GGUF's numbers) and texts.
  std::shared_ptr<Model> with_more(const std::vector<std::int32_t>& types,
                                   const std::vector<const char*>& texts) const {
    const int n = static_cast<int>(types.size());
    test::write_tiny_model(folder_ / "more.gguf", {.n_extra_tokens = n});
    test::edit_gguf(folder_ / "more.gguf", folder_ / "edited.gguf", [&](gguf_context* g) {
      const std::int64_t key = gguf_find_key(g, "tokenizer.ggml.tokens");
      std::vector<std::string> all;
      for (std::size_t i = 0; i < gguf_get_arr_n(g, key); ++i) {
        all.emplace_back(gguf_get_arr_str(g, key, i));
      }
      std::copy(texts.begin(), texts.end(), all.end() - n);
      std::vector<const char*> pointers;
      for (const std::string& text : all) pointers.push_back(text.c_str());
      gguf_set_arr_str(g, "tokenizer.ggml.tokens", pointers.data(), pointers.size());
      std::vector<std::int32_t> all_types(all.size(), 1);
      std::fill(all_types.begin(), all_types.begin() + 3, 3);
      std::copy(types.begin(), types.end(), all_types.end() - n);
      gguf_set_arr_data(g, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, all_types.data(),
                        all_types.size());
    });
    return Model::load({.path = (folder_ / "edited.gguf").string(), .devices = "none"});
  }

  VocabMatch match_with(const std::shared_ptr<Model>& other) const {
    return match_vocabs(load("a.gguf")->vocab(), other->vocab());
  }
  std::string difference_of(const std::shared_ptr<Model>& other) const {
    return match_with(other).text();
  }

  TempDir folder_;
};

void append_code_point(std::string& text, std::uint32_t c) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | (c >> 12));
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xF0 | (c >> 18));
    tail(12), tail(6), tail(0);
  }
}

std::string random_text(Rng& rng) {
  static constexpr std::uint32_t kLimits[] = {0x20, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
  std::string text;
  const std::int64_t length = rng.uniform(0, 40);
  for (std::int64_t i = 0; i < length; ++i) {
    const auto c = static_cast<std::uint32_t>(rng.uniform(1, kLimits[rng.uniform(0, 4)]));
    if (c < 0xD800 || c > 0xDFFF) append_code_point(text, c);
  }
  return text;
}

TEST_F(VocabTest, TextSurvivesTokenizingExactly) {
  const auto model = load("a.gguf", {.add_bos = false});
  const Vocab& vocab = model->vocab();
  for (const std::string text :
       {"", " ", "  two  spaces ", "\n\n\t\r\n", "the small bird", "how many?\n", "12345 + 6 = 7",
        "caf\xC3\xA9 na\xC3\xAFve", "\xF0\x9F\x99\x82\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80",
        "\x01\x02\x1F\x7F", "<|end|> <|begin|>", "\xE2\x96\x81 \xC4\xA0 \xC2\xA0"}) {
    EXPECT_EQ(vocab.text(vocab.tokenize(text, false, false)), text);
  }
  Rng rng(1);
  for (int i = 0; i < 500; ++i) {
    const std::string text = random_text(rng);
    ASSERT_EQ(vocab.text(vocab.tokenize(text, false, false)), text);
  }
}

/// A tiny vocabulary as SentencePiece's, which puts a space before a text.
std::shared_ptr<Model> sentence_piece_model(const TempDir& folder) {
  test::write_tiny_model(folder / "plain.gguf");
  test::edit_gguf(folder / "plain.gguf", folder / "spm.gguf", [](gguf_context* g) {
    const std::vector<std::string> words = {
        "\xE2\x96\x81",    "t",       "h", "e", "th", "\xE2\x96\x81th", "the",
        "\xE2\x96\x81the", "\xC3\xA9"};
    std::vector<std::string> texts = {"<unk>", "<s>", "</s>"};
    std::vector<std::int32_t> types = {2, 3, 3};
    for (int b = 0; b < 256; ++b) {
      texts.push_back(fmt::format("<0x{:02X}>", b));
      types.push_back(6);
    }
    for (std::size_t i = 0; texts.size() < static_cast<std::size_t>(test::tiny_vocab_size()); ++i) {
      texts.push_back(i < words.size() ? words[i] : fmt::format("word{}", i));
      types.push_back(1);
    }
    std::vector<float> scores;
    std::vector<const char*> pointers;
    for (const std::string& text : texts) {
      pointers.push_back(text.c_str());
      scores.push_back(static_cast<float>(text.size()));
    }
    gguf_set_val_str(g, "tokenizer.ggml.model", "llama");
    gguf_set_arr_str(g, "tokenizer.ggml.tokens", pointers.data(), pointers.size());
    gguf_set_arr_data(g, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
    gguf_set_arr_data(g, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores.data(), scores.size());
  });
  return Model::load({.path = (folder / "spm.gguf").string(), .devices = "none"});
}

TEST_F(VocabTest, AContinuationIsExactlyItsText) {
  const auto bpe = load("a.gguf");
  const auto spm = sentence_piece_model(folder_);
  ASSERT_EQ(spm->vocab().text(spm->vocab().tokenize("the", false, false)), " the");
  Rng rng(3);
  for (const Vocab* vocab : {&bpe->vocab(), &spm->vocab()}) {
    for (const std::string text :
         {"", " ", "the", " the", "the the", "\n\nthe", "  two", "caf\xC3\xA9", "\xC3",
          "the\xF0\x9F", "\x80\xFF the \xE6\x97", "<|end|>", "</s>"}) {
      EXPECT_EQ(vocab->text(vocab->continuation(text)), text);
    }
    for (int i = 0; i < 200; ++i) {
      std::string text = random_text(rng);
      text.resize(text.size() - std::min<std::size_t>(text.size(), rng.uniform(0, 2)));
      ASSERT_EQ(vocab->text(vocab->continuation(text)), text);
    }
  }
  EXPECT_EQ(spm->vocab().continuation("the").size(), 1U) << "words stay words";
  EXPECT_EQ(spm->vocab().continuation(" the\xC3 the").size(), 3U) << "beside a byte, too";
}

TEST_F(VocabTest, SpecialTokens) {
  const auto model = load("a.gguf");
  const Vocab& vocab = model->vocab();
  EXPECT_EQ(vocab.size(), test::tiny_vocab_size());
  EXPECT_EQ(vocab.tokenize("a", true, false),
            (std::vector<Token>{test::kTinyBos, test::tiny_byte_token('a')}));
  EXPECT_EQ(vocab.tokenize("<|end|>", false, true), (std::vector<Token>{test::kTinyEos}));
  EXPECT_GT(vocab.tokenize("<|end|>", false, false).size(), 1U) << "plain text stays text";
  EXPECT_EQ(vocab.piece(test::kTinyEos), "") << "special tokens stand for no text";
  EXPECT_EQ(vocab.spelling(test::kTinyEos), "<|end|>");
  EXPECT_TRUE(vocab.is_end_of_generation(test::kTinyEos));
  EXPECT_FALSE(vocab.is_end_of_generation(test::kTinyBos));
}

TEST_F(VocabTest, LongTextIsTokenizedWhole) {
  const auto model = load("a.gguf", {.add_bos = false});
  std::string text;
  for (int i = 0; i < 20000; ++i) text += i % 7 == 0 ? " " : "\xC3\xA9";
  EXPECT_EQ(model->vocab().text(model->vocab().tokenize(text, false, false)), text);
}

TEST_F(VocabTest, SameContentIsNoDifference) {
  const VocabMatch match = match_with(load("b.gguf", {.n_embd = 64, .n_ff = 128, .seed = 9}));
  EXPECT_TRUE(match.is_pair());
  EXPECT_EQ(match.harmless, "");
}

TEST_F(VocabTest, PaddingAtTheEndIsLetThroughAndTold) {
  const auto short_one = load("a.gguf");
  const auto long_one = load("b.gguf", {.n_extra_tokens = 20});
  for (const VocabMatch& match : {match_vocabs(short_one->vocab(), long_one->vocab()),
                                  match_vocabs(long_one->vocab(), short_one->vocab())}) {
    EXPECT_TRUE(match.is_pair()) << match.text();
    EXPECT_EQ(match.harmless, "20 tokens of padding");
  }
}

TEST_F(VocabTest, MoreTokensThatStandForTextAreADifference) {
  const std::string difference = difference_of(with_more({1, 1, 1}, {"zebra", "yak", "gnu"}));
  EXPECT_EQ(difference, "300 against 303 tokens, and token 300 ('zebra') is no padding");
}

TEST_F(VocabTest, ControlTokensThatOneHasAloneAreLetThroughAndTold) {
  const VocabMatch match = match_with(with_more({3, 5, 4}, {"<|turn|>", "spare", "<tool>"}));
  EXPECT_TRUE(match.is_pair()) << match.text();
  EXPECT_EQ(match.harmless,
            "1 tokens of padding, 2 control tokens that one has alone ('<|turn|>', '<tool>')");
}

TEST_F(VocabTest, RenamedUnusedTokensAreLetThroughAndTold) {
  const auto fine_tuned = with_more({3, 3}, {"<|turn|>", "<|reserved_2|>"});
  test::edit_gguf(folder_ / "edited.gguf", folder_ / "fine-tuned.gguf", [](gguf_context*) {});
  const auto tuned =
      Model::load({.path = (folder_ / "fine-tuned.gguf").string(), .devices = "none"});
  const auto base = with_more({3, 3}, {"<|reserved_1|>", "<|reserved_2|>"});
  const VocabMatch match = match_vocabs(base->vocab(), tuned->vocab());
  EXPECT_TRUE(match.is_pair()) << match.text();
  EXPECT_EQ(match.harmless,
            "1 unused tokens are renamed (300: '<|reserved_1|>' against '<|turn|>')");
  const auto other = with_more({3, 3}, {"<|stop|>", "<|reserved_2|>"});
  EXPECT_EQ(match_vocabs(other->vocab(), tuned->vocab()).text(),
            "token 300 is '<|stop|>' against '<|turn|>'")
      << "both are in use";
}

TEST_F(VocabTest, TextThatBecomesOtherTokensIsADifference) {
  const auto other =
      edited([](gguf_context* g) { gguf_set_val_str(g, "tokenizer.ggml.pre", "gpt-2"); });
  EXPECT_THAT(difference_of(other), HasSubstr("become other tokens ("));
}

TEST_F(VocabTest, TheFirstDifferencesAreNamedAndTheOthersCounted) {
  const auto other = load(
      "b.gguf", {.token_texts = {{270, "a1"}, {271, "a2"}, {272, "a3"}, {273, "a4"}, {274, "a5"}}});
  const std::string text = difference_of(other);
  EXPECT_THAT(text, HasSubstr("token 272 is "));
  EXPECT_THAT(text, testing::Not(HasSubstr("token 273 is ")));
  EXPECT_THAT(text, testing::EndsWith("; and 2 more"));
}

TEST_F(VocabTest, TagsOfThinkingAreText) {
  const auto model = with_more({3, 3, 3}, {"[THINK]", "[/THINK]", "<|turn|>"});
  EXPECT_EQ(model->vocab().piece(300), "[THINK]");
  EXPECT_EQ(model->vocab().piece(302), "");
}

TEST_F(VocabTest, OtherTextNamesTheFirstToken) {
  const std::string difference =
      difference_of(load("b.gguf", {.token_texts = {{290, "zebra"}, {270, "yak"}}}));
  EXPECT_THAT(difference, testing::StartsWith("token 270 is "));
  EXPECT_THAT(difference, HasSubstr("'yak'"));
}

TEST_F(VocabTest, OtherAttributesAreADifference) {
  const std::string difference = difference_of(edited([](gguf_context* g) {
    const std::int64_t key = gguf_find_key(g, "tokenizer.ggml.token_type");
    const auto* types = static_cast<const std::int32_t*>(gguf_get_arr_data(g, key));
    std::vector<std::int32_t> changed(types, types + gguf_get_arr_n(g, key));
    changed[280] = 4;  // user-defined
    gguf_set_arr_data(g, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, changed.data(),
                      changed.size());
  }));
  EXPECT_THAT(difference, HasSubstr("token 280"));
  EXPECT_THAT(difference, HasSubstr("attributes"));
}

TEST_F(VocabTest, OtherSpecialTokensAreADifference) {
  for (const auto& [key, name] : {std::pair{"tokenizer.ggml.bos_token_id", "BOS"},
                                  std::pair{"tokenizer.ggml.eos_token_id", "EOS"}}) {
    const std::string difference = difference_of(
        edited([id = key](gguf_context* g) { gguf_set_val_u32(g, id, test::kTinyPad); }));
    EXPECT_THAT(difference, HasSubstr(name));
  }
}

TEST_F(VocabTest, OtherTokenizerTypeIsADifference) {
  const auto other = edited([](gguf_context* g) {
    gguf_set_val_str(g, "tokenizer.ggml.model", "llama");
    std::vector<float> scores(300, 0.0F);
    gguf_set_arr_data(g, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores.data(), scores.size());
  });
  EXPECT_EQ(difference_of(other), "tokenizer type BPE against SPM");
}

TEST_F(VocabTest, VocabulariesThatDifferShareATextThatBothKeep) {
  const auto a = load("a.gguf");
  const auto b = load("b.gguf", {.token_texts = {{270, "yak"}}});
  EXPECT_TRUE(check_pair(*a, *a).is_pair());
  EXPECT_THAT(check_pair(*a, *b).text(), HasSubstr("token 270 is "));
  EXPECT_EQ(text_fault(a->vocab(), sentence_piece_model(folder_)->vocab()), "");
}

TEST_F(VocabTest, PairErrorNamesBothFilesAndTheDifference) {
  const auto a = load("a.gguf");
  const auto b = load("b.gguf", {.token_texts = {{test::tiny_byte_token('e'), "yak"}}});
  const std::string text = error_text<InputError>([&] { check_pair(*a, *b); });
  EXPECT_THAT(text, HasSubstr("the LLM's tokenizer changes spaces and lines in a sample"));
  EXPECT_THAT(text, HasSubstr((folder_ / "a.gguf").string()));
  EXPECT_THAT(text, HasSubstr((folder_ / "b.gguf").string()));
  EXPECT_THAT(text, HasSubstr("token 104 is "));
}

}  // namespace
}  // namespace citer
