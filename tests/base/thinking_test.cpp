#include "base/thinking.h"

#include <gtest/gtest.h>

#include <vector>

namespace citer {
namespace {

const Thinking kOutside = {.open = "<think>", .close = "</think>"};
const Thinking kInside = {.open = "<think>", .close = "</think>", .is_open = true};

struct Case {
  Thinking tags;
  std::string text;
  std::string reasoning;
  std::string content;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {kOutside, "<think>\nTwo and two.\n</think>\n\nFour.\n", "Two and two.", "Four.\n"},
      {kOutside, " \n<think>a</think>b", "a", "b"},
      {kOutside, "<think>\n\n</think>\n\nFour.", "", "Four."},
      {kOutside, "Four, <think>not</think>", "", "Four, <think>not</think>"},
      {kOutside, "<thin ice>", "", "<thin ice>"},
      {kOutside, "<thi", "", "<thi"},
      {kOutside, "", "", ""},
      {kOutside, "<think>cut off </thi", "cut off </thi", ""},
      {kOutside, "<think>a < b </thinking? </think> c </think>", "a < b </thinking?", "c </think>"},
      {kInside, "Two and two.</think>Four.", "Two and two.", "Four."},
      {kInside, "<think>again</think>Four.", "again", "Four."},
      {kInside, "cut off ", "cut off", ""},
      {kInside, "<", "<", ""},
      {kInside, "</think>Four.", "", "Four."},
  };
  return kCases;
}

TEST(Thinking, IsPartedFromTheAnswer) {
  for (const Case& c : cases()) {
    const SplitText parts = split_thinking(c.text, c.tags);
    EXPECT_EQ(parts.reasoning, c.reasoning) << c.text;
    EXPECT_EQ(parts.content, c.content) << c.text;
  }
  EXPECT_EQ(split_thinking("<think>a</think>b", std::nullopt).content, "<think>a</think>b");
}

TEST(Thinking, ComesInPiecesOfAnySizeAsInOne) {
  for (const Case& c : cases()) {
    for (std::size_t size = 1; size <= c.text.size(); ++size) {
      ThinkingText stream(c.tags);
      SplitText all;
      const auto add = [&](const SplitText& more) {
        all.reasoning += more.reasoning;
        all.content += more.content;
      };
      for (std::size_t at = 0; at < c.text.size(); at += size) {
        add(stream.push(c.text.substr(at, size)));
      }
      add(stream.finish());
      EXPECT_EQ(all.reasoning, c.reasoning) << c.text << " by " << size;
      EXPECT_EQ(all.content, c.content) << c.text << " by " << size;
    }
  }
}

TEST(Thinking, IsShownAsItComes) {
  ThinkingText stream(kOutside);
  EXPECT_EQ(stream.push("<think>").reasoning, "");
  EXPECT_EQ(stream.push("Two").reasoning, "Two");
  EXPECT_EQ(stream.push(" and <").reasoning, " and");
  EXPECT_EQ(stream.push("two").reasoning, " <two");
  EXPECT_EQ(stream.push("</think>\n").reasoning, "");
  EXPECT_EQ(stream.push("Four").content, "Four");
}

}  // namespace
}  // namespace citer
