#pragma once

// A pair whose LLM's server fails.

#include <memory>
#include <string>
#include <vector>

#include "remote/faulty_server.h"
#include "remote/remote_pair.h"
#include "support/error_text.h"

namespace citer::test {

class FaultyPairTest : public RemotePairTest {
 protected:
  using Fault = FaultyServer::Fault;

  std::vector<Answer> write(const RemoteOptions& remote, const GenerationOptions& how) {
    client_ = client_service(remote);
    return client_->write_all(requests(how));
  }

  /// A request that goes wrong once is made again, and nothing is missing.
  void expect_nothing_missing(const RemoteOptions& remote) {
    const std::vector<std::string> wanted = texts(*service_, options(0.9));
    const std::vector<Answer> answers = write(remote, options(0.9));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      EXPECT_EQ(answers[i].text, wanted[i]);
      EXPECT_EQ(answers[i].counters.unanswered, 0) << answers[i].llm_fault;
    }
    EXPECT_EQ(client_->status().llm_server->retries, 1);
  }

  /// Where the LLM is required answers fail.
  void expect_refusal(const std::string& why) {
    GenerationOptions required = options(0.9);
    required.llm_required = true;
    EXPECT_THAT(error_text<ResourceError>([&] { client_->write_all(requests(required)); }),
                testing::HasSubstr(why));
  }

  std::unique_ptr<Service> client_;
};

}  // namespace citer::test
