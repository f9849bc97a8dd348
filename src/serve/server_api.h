#pragma once

// What the server's routes do, whatever models it has.

#include <memory>
#include <optional>
#include <string>

#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/model_host.h"
#include "serve/routes.h"

namespace citer {

/// All methods may be called from any thread; what they throw is for api_error_of().
class ServerApi {
 public:
  /// `requests` and the host must outlive it.
  ServerApi(ModelHost& host, const RequestCounts& requests, std::string version);

  /// Does what a route says: what is one model's business by the model that the request names.
  HttpReply handle(const Route& route, const HttpRequest& request);

  /// Whether the server that runs the LLM answers; nothing where there is none, or several models.
  std::optional<bool> is_llm_reachable();

  HttpReply models(const HttpRequest& request);
  /// The model that the path's last part names.
  HttpReply model(const HttpRequest& request);
  HttpReply version(const HttpRequest& request);
  HttpReply metrics(const HttpRequest& request);
  /// What these models are not for: 501.
  HttpReply not_implemented(const HttpRequest& request);

 private:
  std::string model_of(const HttpRequest& request) const;
  HttpReply by_model(HttpReply (Api::*handler)(const HttpRequest&), const HttpRequest& request);
  Json hosted_json(const HostedModelStatus& status, const std::string& id) const;

  ModelHost& host_;
  const RequestCounts& requests_;
  std::string version_;
  std::time_t started_;
};

}  // namespace citer
