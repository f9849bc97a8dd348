#pragma once

#include <string>

#include <fmt/format.h>
#include <httplib.h>

#include "support/subprocess.h"

namespace citer::test {

/// llama-server with the bundled LLM.
class LlamaServerProgram {
 public:
  static bool is_installed() {
    return run_process(kTool, {"llama-server", "--version"}).status == 0;
  }

  int port() const { return port_; }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

  /// Waits until it has its model, some seconds at most.
  bool is_ready() const {
    if (!listens(port_)) return false;
    httplib::Client client("127.0.0.1", port_);
    for (int i = 0; i < 500; ++i) {
      const httplib::Result result = client.Get("/health");
      if (result && result->status == 200) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }

 private:
  static constexpr const char* kTool = CITER_SOURCE_DIR "/bench/llama-tool";
  int port_ = free_port();
  BackgroundProcess process_{
      kTool,
      {"llama-server", "-m", CITER_SOURCE_DIR "/models/demo/llm.gguf", "--port",
       std::to_string(port_), "-np", "4", "-c", "2048", "-t", "1", "-fa", "off", "-ngl", "0"}};
};

}  // namespace citer::test
