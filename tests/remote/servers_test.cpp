// An LLM at other kinds of servers: llama-server itself; SGLang and vLLM by stand-ins that answer
// as their documentation says.
#include "remote/llama_server.h"
#include "remote/remote_pair.h"
#include "remote/stand_in.h"
#include "support/error_text.h"

namespace citer::test {
namespace {

class RemoteServers : public RemotePairTest {
 protected:
  /// Greedy texts are those of the pair in one process; drawn ones come to their end.
  void expect_same_texts(const std::string& url, const std::string& kind) {
    const auto client = client_of(url);
    for (const double threshold : {0.5, 1.0}) {
      for (const int pending : {1, 0}) {
        const GenerationOptions how = options(threshold, pending);
        EXPECT_EQ(texts(*client, how), texts(*service_, how));
      }
    }
    const LlmServerStatus status = *client->status().llm_server;
    EXPECT_EQ(status.kind, kind);
    EXPECT_GT(status.trips, 0);
    EXPECT_EQ(status.faults, 0);
    GenerationOptions drawn = options(0.9);
    drawn.sampling = {.temperature = 0.8, .top_k = 10, .seed = 3};
    EXPECT_EQ(texts(*client, drawn), texts(*service_, drawn));
    drawn.sampling.top_k = 0;
    EXPECT_THROW(texts(*client, drawn), FieldError);
  }
};

TEST_F(RemoteServers, LlamaServer) {
  if (!LlamaServerProgram::is_installed()) GTEST_SKIP() << "llama-server is not installed";
  start();
  const LlamaServerProgram server;
  expect_same_texts(server.url(), "llama-server");
}

TEST_F(RemoteServers, VllmByItsDocumentation) {
  start();
  const StandIn server(StandIn::Kind::kVllm, *service_);
  expect_same_texts(server.url(), "vllm");
}

TEST_F(RemoteServers, SglangByItsDocumentation) {
  start();
  const StandIn server(StandIn::Kind::kSglang, *service_);
  expect_same_texts(server.url(), "sglang");
}

TEST_F(RemoteServers, AnotherKindOfServer) {
  choose_bundled_pair();
  httplib::Server server;
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  server.wait_until_ready();
  EXPECT_THAT(error_text<InputError>([&] { client_of(fmt::format("http://127.0.0.1:{}", port)); }),
              testing::HasSubstr("found another kind of server"));
  server.stop();
  thread.join();
}

}  // namespace
}  // namespace citer::test
