#pragma once

// Functions that a model may call: what its chat template tells it of them, and the calls in what
// it writes.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/tool_grammar.h"
#include "serve/json_fields.h"

namespace citer {

/// The form that a template's source shows; none where it is neither.
std::optional<ToolCallForm> tool_call_form(const std::string& chat_template);

struct ToolCall {
  std::string name;
  std::string arguments;  ///< JSON
};

/// Tells the calls in an answer's text from its content, as the text comes.
class ToolText {
 public:
  struct Rest {
    std::string content;
    std::vector<ToolCall> calls;
  };

  explicit ToolText(ToolCallForm form) : form_(form) {}

  /// What is content for sure; the rest may be a call, or its beginning.
  std::string push(std::string_view text);
  /// At the end of the text: the calls. What was held back and is no call is content.
  Rest finish();

 private:
  ToolCallForm form_;
  bool in_content_ = false;  ///< for good: the bare form has one call or none
  bool in_calls_ = false;
  std::string held_;
};

}  // namespace citer
