#pragma once

// Fields of requests that go on with a conversation: tools and thinking. All throw ApiError 400
// that names the field.

#include <string>

#include "serve/generation_request.h"

namespace citer {

/// `tools` and `tool_choice` of chat completions.
void parse_tools(const Fields& fields, GenerationRequest& request);

/// A function as templates are told of it: {"type": "function", "function": {name, description,
/// parameters}}. `parameters_name` is the field with the schema of its arguments. The caller
/// refuses the other fields.
Json parse_function(const Fields& fields, const char* parameters_name);

/// `tool_choice` and `parallel_tool_calls`. `nested`: an object's name stands in an object of its
/// own, as in chat completions; else beside its type, as in responses.
void parse_tool_choice(const Fields& fields, bool nested, GenerationRequest& request);

/// The tool that a field names has to be called, once.
void choose_tool(const Fields& choice, const char* name, GenerationRequest& request);

/// Which of the request's tools may be called ("auto"), or one has to be ("required"), or none.
void choose_tools(const std::string& mode, const std::string& field, GenerationRequest& request);

/// Throws where a call has to be made, and the answer must match something else, too.
void check_must_call(const GenerationRequest& request);

/// Whether the answer goes on with the last message. Without a word of it it does where that is the
/// assistant's, as llama-server has it.
void parse_continuation(const Fields& fields, GenerationRequest& request);

/// What the template is told of thinking, and how long it may last.
void parse_thinking(const Fields& fields, const RequestLimits& limits, GenerationRequest& request);
void set_reasoning_effort(const std::string& effort, GenerationRequest& request);

}  // namespace citer
