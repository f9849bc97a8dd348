#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "citer/service.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/openai_request.h"
#include "serve/openai_response.h"

namespace citer {

struct ApiOptions {
  GenerationOptions defaults;            ///< where a request says nothing
  bool random_seed = true;               ///< where a request gives no seed: draw one
  std::chrono::seconds time_limit{600};  ///< of a request that generates
  /// Gets a line that whoever runs the server should read. Called by any thread.
  std::function<void(const std::string&)> on_note{};
};

/// What the server's routes do. All methods may be called from any thread; what they throw is for
/// api_error_of().
class Api {
 public:
  /// Throws UsageError when the defaults name a policy or budget that there is not. Service and
  /// metrics must outlive it.
  Api(Service& service, ServerMetrics& metrics, ApiOptions options);

  HttpReply chat_completions(const HttpRequest& request);
  HttpReply completions(const HttpRequest& request);
  HttpReply models(const HttpRequest& request);
  HttpReply tokenize(const HttpRequest& request);
  HttpReply detokenize(const HttpRequest& request);
  HttpReply props(const HttpRequest& request);
  HttpReply metrics(const HttpRequest& request);

 private:
  RequestLimits limits() const;
  HttpReply generate(GenerationRequest parsed, const HttpRequest& request,
                     std::chrono::steady_clock::time_point arrival);
  std::vector<Prompt> prompts_of(const GenerationRequest& parsed) const;
  void check_grammar(const GenerationRequest& parsed) const;
  std::vector<Request> requests_of(const GenerationRequest& parsed, const Routing& routing,
                                   const std::vector<Prompt>& prompts) const;
  ResponseFormat format_of(const GenerationRequest& parsed, const Routing& routing,
                           const std::vector<Prompt>& prompts) const;

  Service& service_;
  ServerMetrics& metrics_;
  ApiOptions options_;
};

}  // namespace citer
