// A function in a process of its own: whatever it does, only that process ends.
#include "base/confined_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "support/error_text.h"

namespace citer {
namespace {

using test::error_text;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

/// Calls itself without end, unless told not to.
int depth_of(const volatile char* more) {
  volatile char here = *more;
  return here == 0 ? 0 : depth_of(&here) + here;
}

std::string misbehave(std::string_view input) {
  if (input == "throw") throw std::runtime_error("bad input");
  if (input == "loop") {
    for (volatile bool more = true; more;) {
    }
  }
  if (input == "recurse") return std::to_string(depth_of("x"));
  if (input == "fill") {
    std::vector<std::string> all;
    for (;;) all.emplace_back(1 << 20, 'x');
  }
  static int calls = 0;
  return std::string(input) + std::to_string(++calls);
}

TEST(ConfinedWorker, AnswersCallsAndKeepsWhatItLearns) {
  ConfinedWorker worker(misbehave);
  EXPECT_EQ(worker.call("a"), "a1");
  EXPECT_EQ(worker.call("b"), "b2");
  const std::string large(5 << 20, 'y');
  EXPECT_EQ(worker.call(large), large + "3");
}

TEST(ConfinedWorker, ExceptionsComeAcross) {
  ConfinedWorker worker(misbehave);
  EXPECT_EQ(error_text<Error>([&] { worker.call("throw"); }), "bad input");
  EXPECT_EQ(worker.call("a"), "a1") << "by the same process";
}

TEST(ConfinedWorker, OnlyItsProcessEndsAndTheNextCallGetsANewOne) {
  ConfinedWorker worker(misbehave, {.seconds = 1});
  EXPECT_EQ(worker.call("a"), "a1");
  EXPECT_THAT(error_text<ResourceError>([&] { worker.call("loop"); }),
              HasSubstr("longer than 1 s"));
  EXPECT_EQ(worker.call("a"), "a1");
}

TEST(ConfinedWorker, MemoryIsBounded) {
  ConfinedWorker worker(misbehave);
  EXPECT_THAT(error_text<Error>([&] { worker.call("fill"); }),
              AnyOf(HasSubstr("bad_alloc"), HasSubstr("more than 256 MiB")));
  EXPECT_THAT(worker.call("a"), StartsWith("a"));
}

TEST(ConfinedWorker, AnOverflowingStackIsSaid) {
  ConfinedWorker worker(misbehave);
  EXPECT_THAT(error_text<ResourceError>([&] { worker.call("recurse"); }), HasSubstr("stack"));
  EXPECT_EQ(worker.call("a"), "a1");
}

TEST(ConfinedWorker, IsForkedByAnyThread) {
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([] {
      ConfinedWorker worker(misbehave);
      EXPECT_EQ(worker.call("a"), "a1");
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace citer
