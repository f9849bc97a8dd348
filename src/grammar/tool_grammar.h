#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace citer {

/// How a chat template has the model write a call.
enum class ToolCallForm {
  kTagged,  ///< <tool_call>{"name": ..., "arguments": {...}}</tool_call>, any number (Hermes, Qwen)
  kBare,    ///< the whole answer is {"name": ..., "parameters": {...}} (Llama 3)
};

inline constexpr std::string_view kToolCallOpen = "<tool_call>";
inline constexpr std::string_view kToolCallClose = "</tool_call>";

/// A grammar of one call of one of these `tools` (OpenAI's objects of type function), its arguments
/// an object as the function's schema has it; of one or more calls, where `several` and the form
/// has room for them. Throws UsageError as json_schema_to_grammar() does.
std::string tool_call_grammar(ToolCallForm form, const nlohmann::ordered_json& tools,
                              bool several = false);

}  // namespace citer
