// An LLM at other kinds of servers: llama-server itself; SGLang and vLLM by stand-ins that answer
// as their documentation says.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "remote/remote_pair.h"
#include "remote/stand_in.h"
#include "support/error_text.h"
#include "support/subprocess.h"

namespace citer::test {
namespace {

constexpr const char* kTool = CITER_SOURCE_DIR "/bench/llama-tool";

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

/// llama-server with the bundled LLM.
class LlamaServerProgram {
 public:
  LlamaServerProgram() {
    const std::string model = CITER_SOURCE_DIR "/models/demo/llm.gguf";
    const std::string port = std::to_string(port_);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
      dup2(STDERR_FILENO, STDOUT_FILENO);
      execl(kTool, kTool, "llama-server", "-m", model.c_str(), "--port", port.c_str(), "-np", "4",
            "-c", "2048", "-t", "1", "-fa", "off", "-ngl", "0", nullptr);
      _exit(127);
    }
  }
  ~LlamaServerProgram() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  LlamaServerProgram(const LlamaServerProgram&) = delete;
  LlamaServerProgram& operator=(const LlamaServerProgram&) = delete;

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

 private:
  /// One that is free now.
  static int free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    bind(fd, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    close(fd);
    return ntohs(address.sin_port);
  }
  int port_ = free_port();
  pid_t pid_ = -1;
};

TEST_F(RemoteServers, LlamaServer) {
  if (run_process(kTool, {"llama-server", "--version"}).status != 0) {
    GTEST_SKIP() << "llama-server is not installed";
  }
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
