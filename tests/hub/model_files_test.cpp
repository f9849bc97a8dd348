// Which files of a repository are a model's.
#include "hub/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "citer/error.h"
#include "support/error_text.h"

namespace citer {
namespace {

using test::error_text;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<HubFile> files(const std::vector<std::string>& paths) {
  std::vector<HubFile> found;
  for (const std::string& path : paths) found.push_back({.path = path});
  return found;
}

std::vector<std::string> chosen(const HubModel& model, const std::vector<std::string>& paths) {
  std::vector<std::string> found;
  for (const HubFile& file : choose_model_files(model, files(paths))) found.push_back(file.path);
  return found;
}

const std::vector<std::string> kPaths = {
    "README.md",   "imatrix-q4_k_m.gguf", "m-F16.gguf",        "m-Q4_K_M.gguf",  "m-q4_k_s.gguf",
    "m-q8_0.gguf", "mmproj-q8_0.gguf",    "mtp-m-q4_k_m.gguf", "UD/m-IQ2_M.gguf"};

TEST(ModelFiles, AreChosenByQuantisation) {
  EXPECT_THAT(chosen({"u/m"}, kPaths), ElementsAre("m-Q4_K_M.gguf"));
  EXPECT_THAT(chosen({"u/m", "q8_0"}, kPaths), ElementsAre("m-q8_0.gguf"));
  EXPECT_THAT(chosen({"u/m", "Q4_K_S"}, kPaths), ElementsAre("m-q4_k_s.gguf"));
  EXPECT_THAT(chosen({"u/m", "iq2_m"}, kPaths), ElementsAre("UD/m-IQ2_M.gguf"));
  EXPECT_THAT(chosen({"u/m"}, {"m-f16.gguf", "m-q8_0.gguf"}), ElementsAre("m-q8_0.gguf"));
  EXPECT_THAT(chosen({"u/m"}, {"a.txt", "m-bf16.gguf", "m-f16.gguf"}), ElementsAre("m-bf16.gguf"));
}

TEST(ModelFiles, AFileIsTakenByItsName) {
  EXPECT_THAT(chosen({"u/m", "q8_0", "M-F16.gguf"}, kPaths), ElementsAre("m-F16.gguf"));
}

TEST(ModelFiles, WhatIsNotThereIsRefusedNamingWhatIs) {
  EXPECT_THAT(error_text<InputError>([] {
                chosen({"u/m", "q4"}, kPaths);
              }),
              AllOf(HasSubstr("u/m: no GGUF file of 'q4'"), HasSubstr("m-Q4_K_M.gguf, m-q4_k_s"),
                    testing::Not(HasSubstr("mmproj"))));
  EXPECT_THAT(error_text<InputError>([] {
                chosen({"u/m", "", "x.gguf"}, kPaths);
              }),
              HasSubstr("no file 'x.gguf'"));
  EXPECT_THAT(error_text<InputError>([] { chosen({"u/m"}, {"README.md"}); }),
              HasSubstr("no GGUF file; it has none"));
}

TEST(ModelFiles, PartsComeInTheirOrder) {
  EXPECT_THAT(chosen({"u/m"}, {"m-Q8_0-00002-of-00002.gguf", "m-Q8_0-00001-of-00002.gguf"}),
              ElementsAre("m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"));
  EXPECT_THAT(error_text<InputError>([] { chosen({"u/m"}, {"m-Q8_0-00001-of-00002.gguf"}); }),
              HasSubstr("m-Q8_0-00002-of-00002.gguf is missing"));
}

TEST(ModelFiles, OnlyWellFormedNamesAreParts) {
  EXPECT_EQ(split_name("m-00002-of-00003.gguf").part, 2);
  EXPECT_EQ(split_name("m-00002-of-00003.gguf").parts, 3);
  EXPECT_EQ(split_name("m-00002-of-00003.gguf").of_part(1), "m-00001-of-00003.gguf");
  for (const char* name :
       {"m.gguf", "m-00004-of-00003.gguf", "m-00000-of-00003.gguf", "m-0001-of-00003.gguf",
        "m-0000a-of-00003.gguf", "-00001-of-00003.gguf", "m-00001-of-00003.bin"}) {
    EXPECT_EQ(split_name(name).parts, 1) << name;
    EXPECT_EQ(split_name(name).of_part(1), name);
  }
}

}  // namespace
}  // namespace citer
