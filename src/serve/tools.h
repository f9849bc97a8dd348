#pragma once

// Functions that a model may call: what its chat template tells it of them, and the calls in what
// it writes.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

/// What may be called in an answer.
struct CallableTools {
  std::vector<std::string> names{};
  bool must_call = false;  ///< by a grammar: there is nothing else in the answer
  bool only_one = false;   ///< of several calls the first
};

/// Tells the calls in an answer's text from its content, as the text comes: one or more in tags,
/// behind the content; or without tags, or in a fence of Markdown, as models write them that were
/// not taught the tags. A call without tags is one if it names a tool that may be called.
class ToolText {
 public:
  struct Rest {
    std::string content;
    std::vector<ToolCall> calls;
  };

  explicit ToolText(CallableTools tools) : tools_(std::move(tools)) {}

  /// What is content for sure; the rest may be a call, or its beginning.
  std::string push(std::string_view text);
  /// At the end of the text: the calls. What was held back and is no call is content, but for a
  /// call that was cut off.
  Rest finish(bool is_cut_off);

 private:
  struct Begin {
    std::size_t at = 0;
    bool is_sure = false;  ///< else what there is may become one
  };
  Begin find_begin() const;

  CallableTools tools_;
  bool has_content_ = false;
  bool in_calls_ = false;
  std::string held_;
};

}  // namespace citer
