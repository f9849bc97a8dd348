#pragma once

#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/confined_worker.h"
#include "citer/generation.h"

namespace citer {

class Model;

/// A Jinja chat template, rendered by minja as the models' authors wrote it. Any thread may use it.
///
/// minja runs in a process of its own (ConfinedWorker): a template may loop or call itself without
/// end, or fill the memory, and only what it was to render fails. That process has a copy of what
/// this one has written to when it is made: best made before contexts are.
class ChatTemplate {
 public:
  /// `source_name` names the template in errors (a GGUF or a file). Throws InputError with the
  /// template's line when it does not parse, or breaks a limit on simple messages.
  ChatTemplate(const std::string& source, const std::string& source_name, const Model& model,
               Confinement limits = {});
  ChatTemplate(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// The model's own template, or the one in `override_file` unless that is empty. Throws
  /// InputError when there is none.
  static ChatTemplate for_model(const Model& model, const std::string& override_file);

  /// The prompt that leads to the assistant's next message, for messages and tools as OpenAI's API
  /// has them, and variables of the template (an object); tools and variables may be null. Throws
  /// InputError: it fails or refuses the messages (with the template's line), or breaks a limit.
  std::string render(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                     const nlohmann::ordered_json& variables) const;

  /// Whether it tells the model of tools and of calls that were made.
  bool takes_tools() const;
  /// Between which tags the model thinks, as far as the source shows; `is_open` is false.
  std::optional<Thinking> thinking() const;
  const std::string& source() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace citer
