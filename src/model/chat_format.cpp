#include "model/chat_format.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "base/file.h"
#include "base/rng.h"
#include "base/text.h"
#include "citer/error.h"
#include "model/fingerprint.h"

namespace citer {

namespace {

using Json = nlohmann::ordered_json;

const Model& template_owner(const Model& slm, const Model& llm) {
  return llm.chat_template().empty() && !slm.chat_template().empty() ? slm : llm;
}

Json parse_variables(const std::string& text) {
  if (text.empty()) return nullptr;
  Json variables = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (variables.is_object()) return variables;
  throw FieldError({"template_kwargs"}, fmt::format("expected a JSON object, found '{}'", text));
}

/// Throws where an option of the template is given and texts are not put in it.
void check_used(const ChatOptions& options, bool has_template) {
  const char* given = !options.system_prompt.empty()     ? "system_prompt"
                      : !options.template_kwargs.empty() ? "template_kwargs"
                                                         : nullptr;
  if (given == nullptr) return;
  if (options.raw) throw FieldError({given, "raw"}, "raw prompts have none; give one, not both");
  if (has_template) return;
  throw FieldError({given}, "the models have no chat template; give a chat template file");
}

Json messages_json(const Prompt& prompt) {
  Json messages = Json::array();
  for (const ChatMessage& message : prompt.messages) {
    messages.push_back({{"role", message.role}, {"content", message.content}});
  }
  if (messages.empty()) messages.push_back({{"role", "user"}, {"content", prompt.text}});
  return messages;
}

/// How thinking is marked in the answer to a prompt.
std::optional<Thinking> thinking_after(std::string_view prompt, std::optional<Thinking> tags) {
  if (!tags) return tags;
  const std::string_view end = trim_end(prompt);
  if (end.ends_with(tags->close)) return std::nullopt;  // the template has thought for it
  tags->is_open = end.ends_with(tags->open);
  return tags;
}

/// A prompt as it was read for the LLM and for the SLM.
Prompt for_both(Prompt llm, Prompt slm) {
  llm.llm_tokens = std::exchange(llm.tokens, std::move(slm.tokens));
  return llm;
}

}  // namespace

ChatFormat::ChatFormat(const Model& slm, const Model& llm, const Vocab& vocab, ChatOptions options,
                       bool by_text)
    : slm_(slm),
      llm_(llm),
      vocab_(vocab),
      controls_(vocab),
      owner_(template_owner(slm, llm)),
      options_(std::move(options)),
      has_template_(!options_.template_file.empty() || !options_.llm_template.empty() ||
                    !owner_.chat_template().empty()),
      for_slm_(by_text ? std::make_unique<const ChatFormat>(llm, slm, slm.vocab(), options_)
                       : nullptr),
      variables_(std::make_shared<const Json>(parse_variables(options_.template_kwargs))) {
  check_used(options_, has_template_);
  if (!is_used()) return;
  try {
    chat_template();  // before there are contexts, whose memory its process would keep a copy of
  } catch (const InputError&) {
    // What is wrong with it is said where it is used.
  }
}

const ChatTemplate& ChatFormat::chat_template() const {
  const std::lock_guard lock(mutex_);
  const bool is_at_server = options_.template_file.empty() && !options_.llm_template.empty();
  if (!template_ && is_at_server) {
    template_.emplace(options_.llm_template, "the LLM's server", owner_);
  } else if (!template_) {
    template_.emplace(ChatTemplate::for_model(owner_, options_.template_file));
  }
  return *template_;
}

/// What the template's prompts begin with, before the user's words: a control token, or a word. ""
/// where they begin with nothing of their own.
std::string ChatFormat::find_opening(const ChatTemplate& used) const {
  const std::string said = "citer?";
  try {
    const Json messages = {{{"role", "user"}, {"content", said}}};
    const std::string text = used.render(messages, nullptr, *variables_);
    const std::string_view before = trim(std::string_view(text).substr(0, text.find(said)));
    if (before.empty()) return "";
    const Token first = vocab_.tokenize(before, false, true).front();
    if (vocab_.piece(first).empty()) return vocab_.spelling(first);
    return {before.begin(), std::find_if(before.begin(), before.end(), is_space)};
  } catch (const InputError&) {
    return "";  // what is wrong with it is said where it is used
  }
}

/// Whether a prompt is put in the template.
bool ChatFormat::takes(const Prompt& prompt) const {
  if (!prompt.messages.empty()) return true;
  if (prompt.raw || !is_used()) return false;
  const ChatTemplate& made = chat_template();
  const std::lock_guard lock(mutex_);
  if (!opening_) opening_ = find_opening(made);
  return opening_->empty() || !prompt.text.starts_with(*opening_);
}

Prompt ChatFormat::tokenized(const std::string& text) const {
  return {.tokens = controls_.tokenize(text)};
}

Prompt ChatFormat::read(const Prompt& prompt) const {
  if (prompt.tokens.empty()) {
    Prompt read = read_for_one(prompt);
    read.id = prompt.id;
    if (!for_slm_) return read;
    Prompt same = prompt;
    same.raw = read.raw;
    return for_both(std::move(read), for_slm_->read_for_one(same));
  }
  if (!for_slm_ || !prompt.llm_tokens.empty()) return prompt;
  throw FieldError({"prompt"},
                   "the models' vocabularies differ: expected text, found tokens of one of them");
}

Prompt ChatFormat::read_for_one(const Prompt& prompt) const {
  if (takes(prompt)) return read_for_one(messages_json(prompt), nullptr, nullptr);
  Prompt read = tokenized(prompt.text);
  read.raw = true;
  return read;
}

std::string ChatFormat::render(const Json& messages, const Json& tools,
                               const Json& variables) const {
  return ControlTokens::unmarked(render_marked(messages, tools, variables));
}

/// Control tokens in what others than the assistant wrote are marked as text.
std::string ChatFormat::render_marked(const Json& messages, const Json& tools,
                                      const Json& variables) const {
  Json all = messages;
  const bool brings_system = !messages.empty() && messages.front().value("role", "") == "system";
  if (!options_.system_prompt.empty() && !brings_system) {
    all.insert(all.begin(), Json{{"role", "system"}, {"content", options_.system_prompt}});
  }
  for (Json& message : all) {
    if (message.value("role", "") == "assistant" || !message["content"].is_string()) continue;
    message["content"] = controls_.marked(message["content"].get<std::string>());
  }
  Json context = *variables_;
  if (!variables.empty()) context.update(variables);
  return chat_template().render(all, tools, context);
}

Prompt ChatFormat::read(const Json& messages, const Json& tools, const Json& variables) const {
  Prompt read = read_for_one(messages, tools, variables);
  if (!for_slm_) return read;
  return for_both(std::move(read), for_slm_->read_for_one(messages, tools, variables));
}

Prompt ChatFormat::read_for_one(const Json& messages, const Json& tools,
                                const Json& variables) const {
  const std::string text = render_marked(messages, tools, variables);
  Prompt prompt = tokenized(text);
  prompt.thinking = thinking_after(text, chat_template().thinking());
  return prompt;
}

std::string ChatFormat::source() const {
  if (!options_.template_file.empty()) return read_file(options_.template_file);
  return options_.llm_template.empty() ? owner_.chat_template() : options_.llm_template;
}

std::string ChatFormat::name() const {
  if (for_slm_) return for_slm_->name();
  if (!is_used()) return "raw";
  std::string name = "chat template " + fingerprint_text(hash64(source()));
  if (!options_.system_prompt.empty()) {
    name += ", system prompt " +
            Json(options_.system_prompt).dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (!variables_->empty()) name += ", " + variables_->dump();
  return name;
}

bool ChatFormat::models_differ() const {
  const std::string slm = slm_.chat_template();
  const std::string llm =
      options_.llm_template.empty() ? llm_.chat_template() : options_.llm_template;
  return options_.template_file.empty() && !for_slm_ && !slm.empty() && !llm.empty() && slm != llm;
}

}  // namespace citer
