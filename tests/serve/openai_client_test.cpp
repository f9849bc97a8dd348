// OpenAI's own client (`./dev test` installs it from its lock file).
#include "serve/server.h"
#include "support/subprocess.h"

namespace citer {
namespace {

namespace fs = std::filesystem;

class OpenAiClientTest : public test::ServerTest {};

TEST_F(OpenAiClientTest, RunsAllItDoes) {
  const fs::path folder = fs::path(CITER_SOURCE_DIR) / "build/openai";
  if (!fs::exists(folder / "node_modules/openai")) {
    GTEST_SKIP() << "the openai package is not in " << folder << " (./dev test installs it)";
  }
  fs::copy_file(CITER_SOURCE_DIR "/tests/serve/openai/client_test.mjs", folder / "client_test.mjs",
                fs::copy_options::overwrite_existing);
  engine_.context.context_size = 8192;
  http_.api_keys = {"key"};
  api_.defaults.ignore_eog = true;  // so that there is something to abort
  start();
  const test::ProcessResult result = test::run_process(
      "/usr/bin/env", {"node", "client_test.mjs", server_->url()}, {.folder = folder});
  EXPECT_EQ(result.status, 0) << result.out << result.err;
}

}  // namespace
}  // namespace citer
