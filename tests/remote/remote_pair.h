#pragma once

// The bundled pair twice: its LLM at a server in this process, and its SLM with that LLM.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "remote/remote_llm.h"
#include "serve/server.h"

namespace citer::test {

class RemotePairTest : public ServerTest {
 protected:
  RemotePairTest() { service_options_.sessions = 4; }

  /// The service that asks the server; it writes what the server's own service does.
  std::unique_ptr<Service> client_service(const RemoteOptions& remote) const {
    PairOptions pair = pair_;
    pair.llm = {};
    pair.llm_server = make_remote_llm(remote);
    ServiceOptions options = service_options_;
    options.sessions = 0;
    options.by_times = false;
    return std::make_unique<Service>(std::make_shared<Pair>(pair), options);
  }
  std::unique_ptr<Service> client_of(const std::string& url) const {
    return client_service({.url = url});
  }

  static std::vector<Request> requests(const GenerationOptions& options, std::size_t n = 6) {
    std::vector<Request> requests;
    for_each_line(CITER_SOURCE_DIR "/models/demo/data/math.test.jsonl",
                  [&](std::string_view line, int) {
                    if (requests.size() == n) return;
                    Request request;
                    request.prompt.text = Json::parse(line).at("prompt");
                    request.options = options;
                    requests.push_back(std::move(request));
                  });
    return requests;
  }

  static GenerationOptions options(double threshold, int pending_tokens = 1) {
    GenerationOptions options;
    options.policy = "maxprob";
    options.threshold = threshold;
    options.pending_tokens = pending_tokens;
    options.max_tokens = 80;
    return options;
  }

  static std::vector<std::string> texts(Service& service, const GenerationOptions& options,
                                        std::size_t n = 6) {
    std::vector<std::string> texts;
    for (const Answer& answer : service.write_all(requests(options, n))) {
      texts.push_back(answer.text);
    }
    return texts;
  }
};

}  // namespace citer::test
