#include "serve/llama_server_response.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/utf8.h"

namespace citer {

namespace {

const char* stop_type(FinishReason reason) {
  switch (reason) {
    case FinishReason::kEndOfGeneration:
      return "eos";
    case FinishReason::kStopString:
      return "word";
    default:
      return "limit";
  }
}

/// The stop string that ended an answer: what its tokens hold behind the text; "": none did.
std::string stopping_word(const Answer& answer, const Json& stops) {
  if (answer.finish != FinishReason::kStopString) return "";
  std::string all;
  for (const TokenRecord& token : answer.tokens) all += token.piece;
  const std::string_view rest =
      std::string_view(all).substr(std::min(answer.text.size(), all.size()));
  for (const Json& stop : stops) {
    if (rest.starts_with(stop.get_ref<const std::string&>())) return stop;
  }
  return "";
}

/// Whether it ended since the context holds no more.
bool fills_context(const Answer& answer, int context_size) {
  const int tokens = answer.prompt_tokens + static_cast<int>(answer.tokens.size());
  return answer.finish == FinishReason::kLength && tokens >= context_size;
}

Json ids_of(const std::vector<TokenRecord>& tokens) {
  Json ids = Json::array();
  for (const TokenRecord& token : tokens) ids.push_back(token.id);
  return ids;
}

/// The value at a path of names with slashes between them; null: there is none.
const Json* at_path(const Json& object, std::string_view path) {
  const Json* value = &object;
  while (value != nullptr) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const auto at = value->find(path.substr(0, end));
    if (!value->is_object() || at == value->end()) return nullptr;
    value = &*at;
    if (end == path.size()) break;
    path.remove_prefix(end + 1);
  }
  return value;
}

/// Of an answer the fields that were asked for, by their paths; all where none was.
Json chosen(const Json& answer, const std::vector<std::string>& fields) {
  if (fields.empty()) return answer;
  Json some = Json::object();
  for (const std::string& field : fields) {
    if (const Json* value = at_path(answer, field)) some[field] = *value;
  }
  return some;
}

}  // namespace

/// Without the end of generation.
std::vector<TokenRecord> LlamaServerWriter::shown(const std::vector<TokenRecord>& tokens) const {
  std::vector<TokenRecord> shown;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(shown),
               [&](const TokenRecord& token) { return !vocab().is_end_of_generation(token.id); });
  return shown;
}

/// An answer's object, without its text and tokens.
Json LlamaServerWriter::last_of(std::size_t index, const Answer& answer) const {
  const LlamaServerFormat& wanted = format().llama_server;
  Json last = {{"index", index},
               {"content", ""},
               {"tokens", Json::array()},
               {"stop", true},
               {"model", format().model},
               {"tokens_predicted", answer.tokens.size()},
               {"tokens_evaluated", answer.prompt_tokens},
               {"tokens_cached", answer.cached_tokens},
               {"generation_settings", wanted.settings},
               {"prompt", valid_utf8(format().prompts[index])},
               {"has_new_line", answer.text.find('\n') != std::string::npos},
               {"truncated", fills_context(answer, format().context_size)},
               {"stop_type", stop_type(answer.finish)},
               {"stopping_word", stopping_word(answer, wanted.settings["stop"])},
               {"timings", Timings(answer).json()}};
  last["citer"] = citer_object({answer});
  return last;
}

std::string LlamaServerWriter::whole(const std::vector<Answer>& answers) {
  const LlamaServerFormat& wanted = format().llama_server;
  Json all = Json::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::vector<TokenRecord> tokens = shown(answers[i].tokens);
    Json whole = last_of(i, answers[i]);
    whole["content"] = valid_utf8(answers[i].text);
    if (wanted.has_tokens) whole["tokens"] = ids_of(tokens);
    if (format().logprobs) whole["completion_probabilities"] = token_logprobs(vocab(), tokens);
    all.push_back(chosen(whole, wanted.fields));
  }
  return answers.size() == 1 ? all.front().dump() : all.dump();
}

std::string LlamaServerWriter::begin(std::size_t index) {
  streams_.resize(std::max(streams_.size(), index + 1));
  return "";
}

Json LlamaServerWriter::event_of(std::size_t index, const TokenRecord& token,
                                 const Stream& stream) const {
  Json event = {{"index", index},
                {"content", ""},
                {"tokens", Json::array({token.id})},
                {"stop", false},
                {"tokens_predicted", stream.written}};
  if (format().logprobs) event["completion_probabilities"] = token_logprobs(vocab(), {token});
  if (format().timings_per_token) event["timings"] = stream.timings.json();
  if (format().trace) event["citer"] = {{"trace", trace_of({token})}};
  return event;
}

std::string LlamaServerWriter::grow(std::size_t index, const Growth& growth) {
  Stream& stream = streams_[index];
  stream.held += valid_utf8(growth.text());
  std::vector<Json> events;
  for (const TokenRecord& token : shown(growth.tokens)) {
    ++stream.written;
    stream.timings.add(token);
    events.push_back(event_of(index, token, stream));
  }
  if (events.empty()) return "";
  events.back()["content"] = std::exchange(stream.held, "");
  std::string text;
  for (const Json& event : events) text += sse_event(event.dump());
  return text;
}

std::string LlamaServerWriter::end(std::size_t index, const Answer& answer) {
  Json last = last_of(index, answer);
  last["content"] = std::exchange(streams_[index].held, "");
  last["citer"].erase("trace");  // its events had it
  return sse_event(chosen(last, format().llama_server.fields).dump());
}

std::string LlamaServerWriter::close(const std::vector<Answer>& /*answers*/) { return ""; }

std::string LlamaServerWriter::fail(const ApiError& error) { return sse_event(error_body(error)); }

}  // namespace citer
