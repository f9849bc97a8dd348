#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "citer/generation.h"
#include "model/chat_template.h"
#include "model/control_tokens.h"
#include "model/model.h"

namespace citer {

/// How a pair's prompts become tokens: the one way that command line, server, training and
/// evaluation share. Any thread may use it.
class ChatFormat {
 public:
  /// `vocab` has the tokens that both models know; or else, `by_text`, the LLM's. All must outlive
  /// it. Throws UsageError for options that have no meaning together, or without a template.
  ChatFormat(const Model& slm, const Model& llm, const Vocab& vocab, ChatOptions options,
             bool by_text = false);

  /// The prompt as tokens, and how thinking is marked in its answer; `raw` if its text was read as
  /// it is. A text that begins as the template's prompts do was put in the format by hand, and is.
  /// Control tokens are read as such where the template or the assistant writes them, and in texts
  /// that are read as they are; in what others say they are text. Where the vocabularies differ
  /// each model gets what is said in its own template, if it has one, and tokens; then
  /// Prompt::llm_tokens is set. Throws InputError: there is a conversation and no template, or the
  /// template is malformed or refuses it.
  Prompt read(const Prompt& prompt) const;

  /// The same of messages and tools as OpenAI's API has them, and variables of the template beside
  /// ChatOptions::template_kwargs, which they go before; tools and variables may be null.
  Prompt read(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
              const nlohmann::ordered_json& variables) const;

  /// The text that the tokens are read from.
  std::string render(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                     const nlohmann::ordered_json& variables) const;

  /// Whether texts are put in the template.
  bool is_used() const { return has_template_ && !options_.raw; }
  /// What distinguishes the format of texts, on one line: "raw", or the template by a hash of its
  /// source, with system prompt and variables; of the SLM's prompts where they are others.
  std::string name() const;
  /// Whether both models have a template of their own, and the SLM's is not the one that is used.
  bool models_differ() const;
  /// Throws InputError: there is none, or it is malformed.
  const ChatTemplate& chat_template() const;

 private:
  Prompt read_for_one(const Prompt& prompt) const;
  Prompt read_for_one(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                      const nlohmann::ordered_json& variables) const;
  bool takes(const Prompt& prompt) const;
  std::string find_opening(const ChatTemplate& used) const;
  Prompt tokenized(const std::string& text) const;
  std::string render_marked(const nlohmann::ordered_json& messages,
                            const nlohmann::ordered_json& tools,
                            const nlohmann::ordered_json& variables) const;
  std::string source() const;

  const Model& slm_;
  const Model& llm_;
  const Vocab& vocab_;
  ControlTokens controls_;
  const Model& owner_;  ///< whose template is used, where there is no file
  ChatOptions options_;
  bool has_template_;
  std::unique_ptr<const ChatFormat> for_slm_;                ///< where its prompts are others
  std::shared_ptr<const nlohmann::ordered_json> variables_;  ///< an object, or null
  mutable std::mutex mutex_;
  mutable std::optional<ChatTemplate> template_;  ///< made when it is first used
  mutable std::optional<std::string> opening_;    ///< of its prompts, likewise
};

}  // namespace citer
