#pragma once

#include <chrono>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "citer/service.h"
#include "serve/generation_request.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/response_writer.h"

namespace citer {

struct ApiOptions {
  GenerationOptions defaults;            ///< where a request says nothing
  bool random_seed = true;               ///< where a request gives no seed: draw one
  std::optional<int> most_tokens{};      ///< of an answer, whatever its request says
  std::chrono::seconds time_limit{600};  ///< of a request that generates
  /// Gets a line that whoever runs the server should read. Called by any thread.
  std::function<void(const std::string&)> on_note{};
  /// By which a server of several models has this one; "": it is the only one, `citer`.
  std::string name{};
  std::vector<std::string> aliases{};  ///< further names of it
  bool any_model = false;              ///< names that are not known are names of it, too
  std::string version{};               ///< of the program
  std::string slot_folder{};           ///< where slots are saved; "": nowhere
  bool shows_slots = true;             ///< GET /slots says what is written
};

/// What the routes of one service do. All methods may be called from any thread; what they throw is
/// for api_error_of().
class Api {
 public:
  /// Throws UsageError when the defaults name a policy or budget that there is not. Service and
  /// metrics must outlive it.
  Api(Service& service, ServerMetrics& metrics, ApiOptions options);

  // Answers are written (api.cpp).
  HttpReply chat_completions(const HttpRequest& request);
  HttpReply completions(const HttpRequest& request);
  HttpReply llama_server_completion(const HttpRequest& request);
  HttpReply responses(const HttpRequest& request);
  HttpReply messages(const HttpRequest& request);
  // The tokens of a request's prompt.
  HttpReply count_chat_tokens(const HttpRequest& request);
  HttpReply count_responses_tokens(const HttpRequest& request);
  HttpReply count_tokens(const HttpRequest& request);

  // What is told of the models, and of tokens (api_info.cpp).
  HttpReply tokenize(const HttpRequest& request);
  HttpReply detokenize(const HttpRequest& request);
  HttpReply tokenizer_info(const HttpRequest& request);
  HttpReply apply_template(const HttpRequest& request);
  HttpReply props(const HttpRequest& request);
  HttpReply slots(const HttpRequest& request);
  // Slots in files (slot_actions.cpp).
  HttpReply slot_action(const HttpRequest& request);
  // For clients that have the SLM (decide.cpp).
  HttpReply decide(const HttpRequest& request);
  HttpReply decide_info(const HttpRequest& request);
  HttpReply vocabulary(const HttpRequest& request);

  /// The names that are listed.
  std::vector<std::string> model_names() const;
  /// What is told of one. Throws ApiError 404 for a name that a request may not have.
  Json model_json(const std::string& name) const;
  /// Whether the server that runs the LLM answers; nothing where there is none.
  std::optional<bool> is_llm_reachable() const;

 private:
  void check_sessions() const;
  RequestLimits limits() const;
  HttpReply generate(GenerationRequest parsed, const HttpRequest& request,
                     std::chrono::steady_clock::time_point arrival);
  HttpReply counted(const GenerationRequest& parsed) const;
  std::vector<std::string> prompt_texts(const GenerationRequest& parsed,
                                        const std::vector<Prompt>& prompts) const;
  Prompt conversation(const GenerationRequest& parsed) const;
  std::string rendered(const GenerationRequest& parsed) const;
  std::vector<Prompt> prompts_of(const GenerationRequest& parsed) const;
  void check_grammar(const GenerationRequest& parsed) const;
  std::vector<Request> requests_of(const GenerationRequest& parsed, const Routing& routing,
                                   const std::vector<Prompt>& prompts) const;
  ResponseFormat format_of(const GenerationRequest& parsed, const Routing& routing,
                           const std::vector<Prompt>& prompts) const;
  std::string shown_name(const GenerationRequest& parsed) const;
  bool is_own(std::string_view name) const;
  std::string preset_of(const std::string& model) const;
  /// The preset that a model's name stands for; throws ApiError 404 where there is none.
  std::string known_preset_of(const std::string& model) const;

  Service& service_;
  ServerMetrics& metrics_;
  ApiOptions options_;
  std::time_t started_;
  std::string fingerprint_;  ///< of the models, routers and formats that write the answers
};

HttpReply json_reply(const Json& json);

/// The chat template's source; null where there is none.
Json template_json(const Pair& pair);

/// How a pair's chat template has tools called; none where there is no template, either.
std::optional<ToolCallForm> tool_call_form(const Pair& pair);

}  // namespace citer
