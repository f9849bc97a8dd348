#include "decode/text_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/utf8.h"

namespace citer {
namespace {

/// Everything that can be taken now, as "writer:text" in order; neighbours of one writer joined.
std::string taken(TextStream& stream) {
  std::string shown;
  std::string last;
  for (const TextPiece& piece : stream.take()) {
    const std::string writer = to_string(piece.writer);
    if (writer != last) shown += (shown.empty() ? "" : "|") + writer + ":";
    last = writer;
    shown += piece.text;
  }
  return shown;
}

TEST(TextStream, ShowsTokensAtOnceWithoutStopStrings) {
  TextStream stream({});
  stream.push("the", Writer::kSlm);
  EXPECT_EQ(taken(stream), "slm:the");
  EXPECT_EQ(taken(stream), "");
  stream.push(" bird", Writer::kLlm);
  stream.push(" sees", Writer::kSlm);
  EXPECT_EQ(taken(stream), "llm: bird|slm: sees");
  EXPECT_EQ(stream.text(), "the bird sees");
}

TEST(TextStream, StopStringAcrossTokens) {
  TextStream stream({"END"});
  stream.push("one E", Writer::kSlm);
  EXPECT_EQ(taken(stream), "slm:one ");
  stream.push("N", Writer::kLlm);
  EXPECT_EQ(taken(stream), "");
  EXPECT_FALSE(stream.stopped());
  stream.push("D two", Writer::kSlm);
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(taken(stream), "");
  stream.finish();
  EXPECT_EQ(taken(stream), "");
  EXPECT_EQ(stream.text(), "one ");
}

TEST(TextStream, PartialStopStringIsReleasedWithItsWriters) {
  TextStream stream({"END"});
  stream.push("E", Writer::kSlm);
  stream.push("N", Writer::kLlm);
  EXPECT_EQ(taken(stream), "");
  stream.push("E", Writer::kSlm);
  EXPECT_EQ(taken(stream), "slm:E|llm:N") << "the second E may start anew";
  stream.finish();
  EXPECT_EQ(taken(stream), "slm:E");
  EXPECT_EQ(stream.text(), "ENE");
}

TEST(TextStream, StopStringThatOverlapsItself) {
  TextStream stream({"aab"});
  for (const char* piece : {"a", "a", "a", "b"}) stream.push(piece, Writer::kSlm);
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(taken(stream), "slm:a");
}

TEST(TextStream, TheStopStringThatStartsFirstWins) {
  TextStream stream({"ab", "abc", "c", "xab"});
  stream.push("xabc", Writer::kSlm);
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.text(), "");

  TextStream nested({"abcd", "bc"});
  nested.push("abc", Writer::kSlm);
  EXPECT_TRUE(nested.stopped()) << "no waiting for a longer one";
  EXPECT_EQ(taken(nested), "slm:a");
}

TEST(TextStream, EmptyStopStringsAreIgnored) {
  TextStream stream({"", "x", ""});
  stream.push("abc", Writer::kSlm);
  EXPECT_FALSE(stream.stopped());
  EXPECT_EQ(taken(stream), "slm:abc");
}

TEST(TextStream, CharacterAcrossTokensGoesWithTheOneThatCompletesIt) {
  TextStream stream({});
  stream.push("caf\xC3", Writer::kSlm);
  EXPECT_EQ(taken(stream), "slm:caf");
  stream.push("\xA9!", Writer::kLlm);
  EXPECT_EQ(taken(stream), "llm:\xC3\xA9!");
  for (const char* byte : {"\xF0", "\x9F", "\x99"}) {
    stream.push(byte, Writer::kSlm);
    EXPECT_EQ(taken(stream), "");
  }
  stream.push("\x82", Writer::kLlm);
  EXPECT_EQ(taken(stream), "llm:\xF0\x9F\x99\x82");
}

TEST(TextStream, BytesThatNeverCompleteAreShown) {
  TextStream stream({});
  stream.push("a\xFF", Writer::kSlm);
  stream.push("\x80", Writer::kLlm);
  EXPECT_EQ(taken(stream), "slm:a\xFF|llm:\x80");
  stream.push("\xE2\x82", Writer::kLlm);
  EXPECT_EQ(taken(stream), "");
  stream.push("A", Writer::kSlm);
  EXPECT_EQ(taken(stream),
            "slm:\xE2\x82"
            "A");
}

TEST(TextStream, FinishShowsHalfACharacter) {
  TextStream stream({});
  stream.push("a\xE2\x82", Writer::kLlm);
  EXPECT_EQ(taken(stream), "llm:a");
  stream.finish();
  EXPECT_EQ(taken(stream), "llm:\xE2\x82");
}

TEST(TextStream, StopStringOfSeveralBytesPerCharacter) {
  TextStream stream({"\xE2\x82\xAC"});
  stream.push("5 \xE2\x82", Writer::kSlm);
  EXPECT_EQ(taken(stream), "slm:5 ");
  stream.push("\xAC", Writer::kSlm);
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.text(), "5 ");
}

TEST(TextStream, EmptyTokensShowNothing) {
  TextStream stream({"ab"});
  stream.push("", Writer::kLlm);
  EXPECT_EQ(taken(stream), "");
  stream.push("a", Writer::kSlm);
  stream.push("", Writer::kLlm);
  stream.finish();
  EXPECT_EQ(taken(stream), "slm:a");
}

/// Random tokens pushed into a stream, beside a plain account of what must come out.
class StreamWalk {
 public:
  explicit StreamWalk(std::uint64_t seed) : rng_(seed), stops_(random_stops()), stream_(stops_) {}

  void run() {
    const std::int64_t length = rng_.uniform(0, 25);
    for (std::int64_t i = 0; i < length && !stream_.stopped(); ++i) {
      push();
      if (rng_.uniform(0, 1) == 0) take(/*last=*/stream_.stopped());
    }
    stream_.finish();
    take(/*last=*/true);
    EXPECT_EQ(shown_, stream_.text());
    EXPECT_TRUE(stream_.take().empty());
  }

 private:
  std::string random_piece() {
    static const std::array<std::string, 12> kPieces = {
        "a",    "b",    "ab",       "ba",       "aab",  "",
        "\xC3", "\xA9", "\xF0\x9F", "\x99\x82", "\xFF", "\xE2\x82\xAC"};
    return kPieces.at(static_cast<std::size_t>(rng_.uniform(0, 11)));
  }

  std::vector<std::string> random_stops() {
    std::vector<std::string> stops(static_cast<std::size_t>(rng_.uniform(0, 3)));
    for (std::string& stop : stops) {
      const std::int64_t parts = rng_.uniform(1, 4);
      for (std::int64_t i = 0; i < parts; ++i) stop += random_piece();
    }
    return stops;
  }

  void push() {
    const std::string piece = random_piece();
    const Writer writer = rng_.uniform(0, 1) == 0 ? Writer::kSlm : Writer::kLlm;
    stream_.push(piece, writer);
    expected_ += piece;
    writers_.insert(writers_.end(), piece.size(), writer);
    std::size_t cut = std::string::npos;
    for (const std::string& stop : stops_) {
      if (!stop.empty()) cut = std::min(cut, expected_.find(stop));
    }
    EXPECT_EQ(stream_.stopped(), cut != std::string::npos);
    expected_.resize(std::min(cut, expected_.size()));
    ASSERT_EQ(stream_.text(), expected_);
  }

  /// What is shown ends between two characters, whatever comes next.
  void expect_whole_characters() {
    const std::string rest = stream_.text().substr(shown_.size());
    EXPECT_EQ(valid_utf8(shown_) + valid_utf8(rest), valid_utf8(stream_.text()));
    EXPECT_TRUE(!rest.empty() || complete_utf8_length(shown_) == shown_.size());
  }

  void take(bool last) {
    for (const TextPiece& piece : stream_.take()) {
      EXPECT_FALSE(piece.text.empty());
      for (const char byte : piece.text) {
        // Bytes of one character may go with another token than the one they came with.
        if (static_cast<unsigned char>(byte) < 0x80) {
          EXPECT_EQ(piece.writer, writers_.at(shown_.size()));
        }
        shown_ += byte;
      }
    }
    ASSERT_TRUE(stream_.text().starts_with(shown_));
    std::size_t longest = 1;
    for (const std::string& stop : stops_) longest = std::max(longest, stop.size());
    EXPECT_LE(stream_.text().size() - shown_.size(), longest - 1 + 3) << "held back too much";
    if (!last) expect_whole_characters();
  }

  Rng rng_;
  std::vector<std::string> stops_;
  TextStream stream_;
  std::string expected_;
  std::vector<Writer> writers_;  ///< per byte
  std::string shown_;
};

TEST(TextStream, PiecesConcatenateToTheTextWhateverComes) {
  for (std::uint64_t seed = 0; seed < 5000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    StreamWalk(seed).run();
  }
}

}  // namespace
}  // namespace citer
