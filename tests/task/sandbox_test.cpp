// What programs that nobody has read can and cannot do.
#include "task/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "task/needs_sandbox.h"

namespace citer {
namespace {

class Sandbox : public test::NeedsSandbox {
 protected:
  /// Runs `program` to an error that its last line names.
  static void expect_error(const std::string& program, const std::string& error) {
    const ProcessResult result = run_python(program);
    EXPECT_EQ(result.status, 1) << program;
    EXPECT_THAT(result.output, testing::HasSubstr(error)) << program;
  }
};

TEST_F(Sandbox, RunsAProgram) {
  const ProcessResult result = run_python("print(6 * 7)");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, "42\n");
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(run_python("raise SystemExit(3)").status, 3);
}

TEST_F(Sandbox, KeepsTheEndOfALongOutput) {
  const ProcessResult result = run_python("print('x' * 100000)\nprint('end')");
  EXPECT_LE(result.output.size(), 8192U);
  EXPECT_TRUE(result.output.ends_with("x\nend\n"));
}

TEST_F(Sandbox, HasNoNetwork) {
  expect_error("import socket\nsocket.create_connection(('192.0.2.1', 80), 1)", "unreachable");
}

TEST_F(Sandbox, WritesOnlyALittleInTmp) {
  expect_error("open('/usr/written', 'w')", "Read-only");
  expect_error("open('/written', 'w')", "Read-only");
  expect_error("open('/dev/shm/written', 'w')", "Read-only");
  expect_error("open('/tmp/written', 'w').write('x' * (17 << 20))", "File too large");
  expect_error("for i in range(20): open(f'/tmp/{i}', 'w').write('x' * (1 << 20))", "No space");
  EXPECT_EQ(run_python("open('/tmp/kept', 'w').write('x')").status, 0);
  expect_error("open('/tmp/kept')", "No such file");
}

TEST_F(Sandbox, SeesNothingOfTheUser) {
  const std::string program =
      "import os\n"
      "print(sorted(os.environ), os.path.exists('" CITER_SOURCE_DIR
      "'), os.path.exists('/home'))\n"
      "print(len([name for name in os.listdir('/proc') if name.isdigit()]) < 5)";
  EXPECT_EQ(run_python(program).output,
            "['LC_CTYPE', 'PATH', 'PWD', 'PYTHONHASHSEED'] False False\nTrue\n");
}

TEST_F(Sandbox, IsBounded) {
  expect_error("x = 'x' * (1 << 30)", "MemoryError");
  expect_error("import os, time\nwhile True:\n  if os.fork() == 0: time.sleep(30)",
               "temporarily unavailable");
  EXPECT_TRUE(run_python("while True: pass", {.seconds = 0.5}).timed_out);
  EXPECT_TRUE(run_python("import time\ntime.sleep(60)", {.seconds = 0.5}).timed_out);
}

}  // namespace
}  // namespace citer
