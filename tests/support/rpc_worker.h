#pragma once

#include <gtest/gtest.h>

#include <string>

#include "support/subprocess.h"

namespace citer::test {

/// `citer rpc-server` with this machine's CPU, until it goes.
class RpcWorker {
 public:
  RpcWorker() { EXPECT_TRUE(listens(port_)); }

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  void kill() { process_.kill(); }

 private:
  int port_ = free_port();
  BackgroundProcess process_{
      CITER_PROGRAM, {"rpc-server", "--port", std::to_string(port_), "-t", "1", "-dev", "CPU"}};
};

}  // namespace citer::test
