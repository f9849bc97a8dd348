#include "serve/server_api.h"

#include <ctime>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "serve/api_error.h"
#include "serve/json_fields.h"

namespace citer {

namespace {

constexpr int kNotImplemented = 501;

}  // namespace

ServerApi::ServerApi(ModelHost& host, const RequestCounts& requests, std::string version)
    : host_(host),
      requests_(requests),
      version_(std::move(version)),
      started_(std::time(nullptr)) {}

HttpReply ServerApi::handle(const Route& route, const HttpRequest& request) {
  if (const auto* own = std::get_if<ServerHandler>(&route.handler)) return (this->**own)(request);
  return by_model(std::get<ModelHandler>(route.handler), request);
}

/// The model that a request names, in its body or its address; "" for none.
std::string ServerApi::model_of(const HttpRequest& request) const {
  if (host_.has_one()) return "";
  if (request.body.empty()) return std::string(request.model);
  const Json body = parse_body(request.body);
  return Fields(body).string("model").value_or("");
}

/// The model stays loaded until the answer's last byte is written.
HttpReply ServerApi::by_model(ModelHandler handler, const HttpRequest& request) {
  const std::shared_ptr<Api> api = host_.use(model_of(request), request.check);
  HttpReply reply = (api.get()->*handler)(request);
  if (reply.stream) {
    reply.stream = [api, stream = std::move(reply.stream)](const WriteBytes& write) {
      stream(write);
    };
  }
  return reply;
}

std::optional<bool> ServerApi::is_llm_reachable() {
  if (!host_.has_one()) return std::nullopt;
  return host_.use("", [] {})->is_llm_reachable();
}

Json ServerApi::hosted_json(const HostedModelStatus& status, const std::string& id) const {
  return {{"id", id},
          {"object", "model"},
          {"created", started_},
          {"owned_by", "citer"},
          {"aliases", status.aliases},
          {"status", {{"value", status.state}}},
          {"needed_bytes", status.bytes},
          {"active", status.uses}};
}

HttpReply ServerApi::models(const HttpRequest& request) {
  Json data = Json::array();
  if (host_.has_one()) {
    const auto api = host_.use("", request.check);
    for (const std::string& name : api->model_names()) data.push_back(api->model_json(name));
  } else {
    for (const auto& status : host_.models()) data.push_back(hosted_json(status, status.name));
  }
  return json_reply({{"object", "list"}, {"data", std::move(data)}});
}

HttpReply ServerApi::model(const HttpRequest& request) {
  constexpr std::string_view kModels = "models/";
  const std::string name(request.path.substr(request.path.find(kModels) + kModels.size()));
  if (host_.has_one()) return json_reply(host_.use("", request.check)->model_json(name));
  return json_reply(hosted_json(host_.model(name), name));
}

HttpReply ServerApi::version(const HttpRequest& /*request*/) {
  return json_reply({{"version", version_}});
}

HttpReply ServerApi::metrics(const HttpRequest& /*request*/) {
  MetricsPage page;
  requests_.add_to(page);
  host_.add_metrics(page);
  return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = page.text()};
}

HttpReply ServerApi::not_implemented(const HttpRequest& request) {
  throw ApiError(kNotImplemented,
                 fmt::format("{}: these models write text; for embeddings and ranks serve a model "
                             "that was trained for them",
                             request.path),
                 "not_implemented");
}

}  // namespace citer
