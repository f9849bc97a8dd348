// OpenAI's own client (`./dev test` installs it from its lock file).
#include "serve/server.h"
#include "support/subprocess.h"

namespace citer {
namespace {

namespace fs = std::filesystem;

class OpenAiClientTest : public test::ServerTest {
 protected:
  /// Starts the server and runs a script of tests/serve/openai against it.
  void run(const std::string& script) {
    const fs::path folder = fs::path(CITER_SOURCE_DIR) / "build/openai";
    if (!fs::exists(folder / "node_modules/openai")) {
      GTEST_SKIP() << "the openai package is not in " << folder << " (./dev test installs it)";
    }
    fs::copy_file(CITER_SOURCE_DIR "/tests/serve/openai/" + script, folder / script,
                  fs::copy_options::overwrite_existing);
    start();
    const test::ProcessResult result =
        test::run_process("/usr/bin/env", {"node", script, server_->url()}, {.folder = folder});
    EXPECT_EQ(result.status, 0) << result.out << result.err;
  }
};

TEST_F(OpenAiClientTest, RunsAllItDoes) {
  service_options_.context.context_size = 8192;
  http_.api_keys = {"key"};
  api_.defaults.ignore_eog = true;  // so that there is something to abort
  run("client_test.mjs");
}

TEST_F(OpenAiClientTest, GetsResponses) {
  service_options_.context.context_size = 2048;
  pair_.chat.template_file = CITER_SOURCE_DIR "/tests/serve/tools.jinja";
  run("responses_test.mjs");
}

TEST_F(OpenAiClientTest, RunsTools) {
  service_options_.context.context_size = 2048;
  pair_.chat.template_file = CITER_SOURCE_DIR "/tests/serve/tools.jinja";
  run("tools_test.mjs");
}

}  // namespace
}  // namespace citer
