#pragma once

#include <gtest/gtest.h>

#include "citer/error.h"
#include "task/sandbox.h"

namespace citer::test {

/// Tests that run programs: skipped, with the reason, where the system has no sandbox.
class NeedsSandbox : public testing::Test {
 protected:
  void SetUp() override {
    try {
      run_python("pass");
    } catch (const ResourceError& e) {
      GTEST_SKIP() << e.what();
    }
  }
};

}  // namespace citer::test
