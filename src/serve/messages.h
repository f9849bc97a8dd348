#pragma once

// Conversations, as chat templates get them: content as text, calls of tools as chat completions
// have them.

#include <initializer_list>
#include <string>
#include <string_view>

#include "serve/json_fields.h"

namespace citer {

/// The field `messages` of chat completions, which must be there and not be empty. Throws ApiError
/// 400 that names the field at fault.
Json parse_messages(const Fields& fields);

/// Text of a message: a string, or an array of parts of these types. Throws as above.
std::string parse_text(const Json* content, const std::string& path,
                       std::initializer_list<std::string_view> types = {"text", "refusal"});

/// A call that was made; `arguments` is JSON text.
Json tool_call_json(const std::string& id, const std::string& name, const std::string& arguments);

/// Such a conversation, put together from the parts that other APIs have it in. What an assistant
/// thought, said and called one after another is one message.
class Conversation {
 public:
  void add(const std::string& role, const std::string& text);
  void add_thought(const std::string& text);
  /// `arguments` is JSON text.
  void add_call(const std::string& id, const std::string& name, const std::string& arguments);
  void add_result(const std::string& call_id, const std::string& text);

  const Json& messages() const { return messages_; }

 private:
  Json& assistant();

  Json messages_ = Json::array();
};

}  // namespace citer
