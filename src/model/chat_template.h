#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "citer/types.h"

namespace citer {

class Model;

/// A Jinja chat template, rendered by minja as the models' authors wrote it. Any thread may use it.
class ChatTemplate {
 public:
  /// `source_name` names the template in errors (a GGUF or a file). Throws InputError with the
  /// template's line when it does not parse.
  ChatTemplate(const std::string& source, const std::string& source_name, const Model& model);
  ChatTemplate(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// The model's own template, or the one in `override_file` unless that is empty. Throws
  /// InputError when there is none.
  static ChatTemplate for_model(const Model& model, const std::string& override_file);

  /// The prompt that leads to the assistant's next message. Throws InputError with the template's
  /// line when it fails or refuses the messages.
  std::string render(const std::vector<ChatMessage>& messages) const;

  /// The same for messages and tools as OpenAI's API has them; `tools` may be empty.
  std::string render(const nlohmann::ordered_json& messages,
                     const nlohmann::ordered_json& tools) const;

  /// Whether it tells the model of tools and of calls that were made.
  bool takes_tools() const;
  const std::string& source() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace citer
