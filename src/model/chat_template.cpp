#include "model/chat_template.h"

#include <algorithm>
#include <cstdio>
#include <exception>

#include <llama.h>
#include <nlohmann/json.hpp>

// minja writes to stderr what it cannot learn about a template's tools, which nobody asked it for.
#define fprintf(...) static_cast<void>(0)
#include <minja/chat-template.hpp>
#undef fprintf

#include <mutex>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "model/model.h"
#include "model/thinking_tags.h"

namespace citer {

struct ChatTemplate::Impl {
  Impl(std::string name, minja::chat_template used, bool adds_bos)
      : source_name(std::move(name)),
        chat_template(std::move(used)),
        tokenizing_adds_bos(adds_bos) {}

  std::string source_name;
  minja::chat_template chat_template;
  bool tokenizing_adds_bos;
  std::mutex mutex;  ///< minja does not say that it renders on several threads
};

namespace {

/// minja says where ("at row 3, column 7:") over several lines; keep the first two on one line.
std::string one_line(std::string_view what) {
  std::string text;
  for (char c : what.substr(0, what.find('\n', what.find('\n') + 1))) text += c == '\n' ? ' ' : c;
  return text;
}

std::string special_text(const Vocab& vocab, Token token) {
  return token < 0 ? "" : vocab.spelling(token);
}

}  // namespace

ChatTemplate::ChatTemplate(const std::string& source, const std::string& source_name,
                           const Model& model) {
  const Vocab& vocab = model.vocab();
  try {
    impl_ = std::make_unique<Impl>(
        source_name,
        minja::chat_template(source, special_text(vocab, llama_vocab_bos(vocab.handle())),
                             special_text(vocab, llama_vocab_eos(vocab.handle()))),
        llama_vocab_get_add_bos(vocab.handle()));
  } catch (const std::exception& e) {
    throw InputError(
        fmt::format("{}: chat template does not parse: {}", source_name, one_line(e.what())));
  }
}

ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

ChatTemplate ChatTemplate::for_model(const Model& model, const std::string& override_file) {
  if (!override_file.empty()) return {read_file(override_file), override_file, model};
  const std::string source = model.chat_template();
  if (source.empty()) {
    throw InputError(fmt::format(
        "{}: this model has no chat template; give a chat template file, or a prompt that is "
        "plain text",
        model.options().path));
  }
  return {source, model.options().path, model};
}

std::string ChatTemplate::render(const nlohmann::ordered_json& messages,
                                 const nlohmann::ordered_json& tools,
                                 const nlohmann::ordered_json& variables) const {
  minja::chat_template_inputs inputs;
  inputs.messages = messages;
  if (!tools.empty()) inputs.tools = tools;
  if (!variables.empty()) inputs.extra_context = variables;
  const std::lock_guard lock(impl_->mutex);
  try {
    std::string text = impl_->chat_template.apply(inputs);
    // A BOS that both the template and the tokenizer put first would be there twice.
    const std::string& bos = impl_->chat_template.bos_token();
    if (impl_->tokenizing_adds_bos && text.starts_with(bos)) text.erase(0, bos.size());
    return text;
  } catch (const std::exception& e) {
    throw InputError(
        fmt::format("{}: chat template failed: {}", impl_->source_name, one_line(e.what())));
  }
}

bool ChatTemplate::takes_tools() const {
  const minja::chat_template_caps& caps = impl_->chat_template.original_caps();
  return caps.supports_tools && caps.supports_tool_calls;
}

std::optional<Thinking> ChatTemplate::thinking() const {
  const auto found = std::find_if(
      kThinkingTags.begin(), kThinkingTags.end(),
      [this](const ThinkingTags& tags) { return source().find(tags.close) != std::string::npos; });
  if (found == kThinkingTags.end()) return std::nullopt;
  return Thinking{.open = std::string(found->open), .close = std::string(found->close)};
}

const std::string& ChatTemplate::source() const { return impl_->chat_template.source(); }

}  // namespace citer
