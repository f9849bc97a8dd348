#include "serve/routes.h"

#include <algorithm>
#include <iterator>

#include "serve/api.h"
#include "serve/server_api.h"

namespace citer {

namespace {

constexpr Route kRoutes[] = {
    {"POST", "/v1/chat/completions", &Api::chat_completions},
    {"POST", "/chat/completions", &Api::chat_completions},
    {"POST", "/v1/chat/completions/input_tokens", &Api::count_chat_tokens},
    {"POST", "/chat/completions/input_tokens", &Api::count_chat_tokens},
    {"POST", "/v1/completions", &Api::completions},
    {"POST", "/completions", &Api::completions},
    {"POST", "/completion", &Api::llama_server_completion},
    {"POST", "/v1/responses", &Api::responses},
    {"POST", "/responses", &Api::responses},
    {"POST", "/v1/responses/input_tokens", &Api::count_responses_tokens},
    {"POST", "/v1/messages", &Api::messages},
    {"POST", "/v1/messages/count_tokens", &Api::count_tokens},
    {"GET", "/v1/models", &ServerApi::models},
    {"GET", "/models", &ServerApi::models},
    {"GET", "/v1/models/", &ServerApi::model},
    {"GET", "/models/", &ServerApi::model},
    {"POST", "/v1/citer/decide", &Api::decide},
    {"GET", "/v1/citer/llm", &Api::decide_info},
    {"GET", "/v1/citer/vocabulary", &Api::vocabulary},
    {"POST", "/tokenize", &Api::tokenize},
    {"POST", "/detokenize", &Api::detokenize},
    {"GET", "/tokenizer_info", &Api::tokenizer_info},
    {"POST", "/apply-template", &Api::apply_template},
    {"GET", "/props", &Api::props},
    {"GET", "/slots", &Api::slots},
    {"POST", "/slots/", &Api::slot_action},
    {"GET", "/version", &ServerApi::version},
    {"GET", "/metrics", &ServerApi::metrics},
    {"POST", "/v1/embeddings", &ServerApi::not_implemented},
    {"POST", "/embeddings", &ServerApi::not_implemented},
    {"POST", "/embedding", &ServerApi::not_implemented},
    {"POST", "/v1/rerank", &ServerApi::not_implemented},
    {"POST", "/v1/reranking", &ServerApi::not_implemented},
    {"POST", "/rerank", &ServerApi::not_implemented},
    {"POST", "/reranking", &ServerApi::not_implemented},
};

}  // namespace

const Route* find_route(std::string_view path) {
  const auto* at = std::find_if(std::begin(kRoutes), std::end(kRoutes), [&](const Route& route) {
    const bool goes_on = route.path.ends_with('/') && path.size() > route.path.size();
    return route.path == path || (goes_on && path.starts_with(route.path));
  });
  return at == std::end(kRoutes) ? nullptr : at;
}

}  // namespace citer
