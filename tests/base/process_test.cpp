// Programs that are run for their answer.
#include "base/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "citer/error.h"
#include "support/error_text.h"

namespace citer {
namespace {

TEST(Process, GetsItsInputAndGivesOutputAndStatus) {
  const std::string input(200000, 'x');
  const ProcessResult result = run_process({"sh", "-c", "wc -c; echo bad >&2; exit 3"}, input, 10);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.output, testing::ContainsRegex("200000\nbad\n$"));
}

TEST(Process, TheEndOfALongOutputIsKept) {
  const ProcessResult result = run_process({"sh", "-c", "yes | head -c 100000; echo end"}, "", 10);
  EXPECT_EQ(result.output.size(), 8192U);
  EXPECT_TRUE(result.output.ends_with("end\n"));
}

TEST(Process, IsKilledWhenTimeIsUp) {
  const ProcessResult result = run_process({"sh", "-c", "sleep 100 & sleep 100"}, "", 0.2);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.status, 128 + SIGKILL);
}

TEST(Process, OneThatIsNotThereIsNamed) {
  EXPECT_THAT(test::error_text<ResourceError>([] { run_process({"no-such-program-here"}, "", 1); }),
              testing::HasSubstr("no-such-program-here"));
}

}  // namespace
}  // namespace citer
