#include "model/chat_template.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <vector>

#include <llama.h>
#include <nlohmann/json.hpp>

// minja writes to stderr what it cannot learn about a template's tools, which nobody asked it for.
#define fprintf(...) static_cast<void>(0)
#include <minja/chat-template.hpp>
#undef fprintf

#include <mutex>

#include <fmt/format.h>

#include "base/confined_worker.h"
#include "base/file.h"
#include "citer/error.h"
#include "model/model.h"
#include "model/thinking_tags.h"

namespace citer {

namespace {

using Json = nlohmann::ordered_json;

/// Bytes that a rendered text may have: more than any request has.
constexpr std::size_t kMostText = 32 << 20;

/// minja says where ("at row 3, column 7:") over several lines; keep the first two on one line.
std::string one_line(std::string_view what) {
  std::string text;
  for (char c : what.substr(0, what.find('\n', what.find('\n') + 1))) text += c == '\n' ? ' ' : c;
  return text;
}

std::string special_text(const Vocab& vocab, Token token) {
  return token < 0 ? "" : vocab.spelling(token);
}

/// What minja is told of a template.
struct TemplateText {
  std::string source;
  std::string bos;
  std::string eos;
};

/// minja's side, all of which runs confined. Asked with "" whether the template takes tools it
/// answers "tools" or ""; asked with [messages, tools, variables] in CBOR, which leaves strings
/// that are no UTF-8 as they are, it renders.
class Renderer {
 public:
  explicit Renderer(TemplateText text) : text_(std::move(text)) {}

  std::string answer(std::string_view request) {
    if (!made_) made_.emplace(text_.source, text_.bos, text_.eos);
    if (request.empty()) {
      const minja::chat_template_caps& caps = made_->original_caps();
      return caps.supports_tools && caps.supports_tool_calls ? "tools" : "";
    }
    const Json given = Json::from_cbor(request);
    minja::chat_template_inputs inputs;
    inputs.messages = given[0];
    if (!given[1].empty()) inputs.tools = given[1];
    if (!given[2].empty()) inputs.extra_context = given[2];
    std::string text = made_->apply(inputs);
    if (text.size() > kMostText) {
      throw std::runtime_error(fmt::format("its text has more than {} MiB", kMostText >> 20));
    }
    return text;
  }

 private:
  TemplateText text_;
  std::optional<minja::chat_template> made_;
};

}  // namespace

struct ChatTemplate::Impl {
  Impl(std::string name, TemplateText told, bool adds_bos, Confinement limits)
      : source_name(std::move(name)),
        text(std::move(told)),
        tokenizing_adds_bos(adds_bos),
        renderer([r = std::make_shared<Renderer>(text)](
                     std::string_view request) { return r->answer(request); },
                 limits) {}

  std::string source_name;
  TemplateText text;
  bool tokenizing_adds_bos;
  bool takes_tools = false;
  std::mutex mutex;  ///< for the renderer, which is one thread's at a time
  ConfinedWorker renderer;
};

ChatTemplate::ChatTemplate(const std::string& source, const std::string& source_name,
                           const Model& model, Confinement limits) {
  const Vocab& vocab = model.vocab();
  TemplateText text{source, special_text(vocab, llama_vocab_bos(vocab.handle())),
                    special_text(vocab, llama_vocab_eos(vocab.handle()))};
  impl_ = std::make_unique<Impl>(source_name, std::move(text),
                                 llama_vocab_get_add_bos(vocab.handle()), limits);
  try {
    impl_->takes_tools = !impl_->renderer.call("").empty();
  } catch (const ResourceError& e) {
    throw InputError(fmt::format("{}: chat template failed: {}", source_name, e.what()));
  } catch (const Error& e) {
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
  const std::vector<std::uint8_t> request =
      Json::to_cbor(Json::array({messages, tools, variables}));
  const std::lock_guard lock(impl_->mutex);
  try {
    std::string text =
        impl_->renderer.call({reinterpret_cast<const char*>(request.data()), request.size()});
    // A BOS that both the template and the tokenizer put first would be there twice.
    const std::string& bos = impl_->text.bos;
    if (impl_->tokenizing_adds_bos && text.starts_with(bos)) text.erase(0, bos.size());
    return text;
  } catch (const Error& e) {
    throw InputError(
        fmt::format("{}: chat template failed: {}", impl_->source_name, one_line(e.what())));
  }
}

bool ChatTemplate::takes_tools() const { return impl_->takes_tools; }

std::optional<Thinking> ChatTemplate::thinking() const {
  const auto found = std::find_if(
      kThinkingTags.begin(), kThinkingTags.end(),
      [this](const ThinkingTags& tags) { return source().find(tags.close) != std::string::npos; });
  if (found == kThinkingTags.end()) return std::nullopt;
  return Thinking{.open = std::string(found->open), .close = std::string(found->close)};
}

const std::string& ChatTemplate::source() const { return impl_->text.source; }

}  // namespace citer
