// The vocabulary file, and encoding with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "citer/error.h"
#include "document.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "vocab.h"

namespace citer::demo {
namespace {

using test::error_text;
using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

const char* const kFile = CITER_SOURCE_DIR "/models/demo/vocab.txt";

std::vector<int> ids(const Vocabulary& vocabulary, std::string_view text) {
  std::vector<int> out;
  for (const PlacedToken& token : vocabulary.encode(text)) out.push_back(token.id);
  return out;
}

TEST(PreTokenize, SplitsAsLlamaBpeDoes) {
  EXPECT_THAT(
      pre_tokenize("The zor-vak eats 12 figs.\n(A) a"),
      ElementsAre("The", " zor", "-vak", " eats", " ", "1", "2", " figs", ".\n", "(A", ")", " a"));
  EXPECT_THAT(pre_tokenize("a  b \n c"), ElementsAre("a", " ", " b", " \n", " c"));
  EXPECT_THAT(pre_tokenize(" \\boxed{5}."), ElementsAre(" \\", "boxed", "{", "5", "}."));
}

TEST(VocabularyFile, IsSmallAndHoldsEveryWordOfTheGenerator) {
  const Vocabulary vocabulary = Vocabulary::load(kFile);
  EXPECT_GE(vocabulary.size(), 300);
  EXPECT_LE(vocabulary.size(), 1000);
  for (const std::string& word : generator_words()) {
    EXPECT_EQ(vocabulary.encode(word).size(), 1U) << word;
  }
}

TEST(VocabularyFile, HoldsEveryNameAndValue) {
  const Vocabulary vocabulary = Vocabulary::load(kFile);
  for (int animal = 0; animal < kAnimals; ++animal) {
    EXPECT_EQ(vocabulary.encode(" " + animal_name(animal)).size(), 2U) << animal_name(animal);
  }
  for (const Attribute& attribute : attributes()) {
    EXPECT_EQ(attribute.values.size(), static_cast<std::size_t>(kValues));
    for (std::string_view value : attribute.values) {
      EXPECT_EQ(vocabulary.encode(" " + std::string(value)).size(), 1U) << value;
    }
  }
}

TEST(Vocabulary, DigitsAreSingle) {
  const Vocabulary vocabulary = Vocabulary::load(kFile);
  EXPECT_EQ(vocabulary.encode("2026").size(), 4U);
}

TEST(Vocabulary, RoundTripsAnyBytes) {
  const Vocabulary vocabulary = Vocabulary::load(kFile);
  Rng rng(1);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (int k = 0; k < 40; ++k) text += static_cast<char>(rng.uniform(0, 255));
    text += " zor-vak eats 12";
    EXPECT_EQ(vocabulary.decode(ids(vocabulary, text)), text);
  }
}

TEST(Vocabulary, SavesWhatItLoads) {
  const TempDir folder;
  Vocabulary::load(kFile).save(folder / "v.txt");
  EXPECT_EQ(read_file(folder / "v.txt"), read_file(kFile));
}

TEST(Vocabulary, RefusesOtherFiles) {
  const TempDir folder;
  EXPECT_THROW(Vocabulary::load(folder / "none"), InputError);
  write_file(folder / "empty", "");
  EXPECT_THROW(Vocabulary::load(folder / "empty"), InputError);
  std::string text = read_file(kFile);
  write_file(folder / "twice", text + "Question\nQuestion\n");
  EXPECT_THAT(error_text<InputError>([&] { Vocabulary::load(folder / "twice"); }),
              HasSubstr("occurs twice"));
  write_file(folder / "special", "oops" + text);
  EXPECT_THAT(error_text<InputError>([&] { Vocabulary::load(folder / "special"); }),
              HasSubstr("line 1"));
}

}  // namespace
}  // namespace citer::demo
