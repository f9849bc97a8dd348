#pragma once

#include <string>
#include <vector>

#include "shape.h"
#include "vocab.h"

namespace citer::demo {

enum class WeightType { kF32, kF16, kQ8 };

/// Leads chat messages to the tasks' prompt forms: a user message that lists "Choices:" is asked
/// for an answer, any other for a solution; earlier answers end as the model ends them. A system
/// message goes before it all: the models never saw one, and there it disturbs them least.
extern const char* const kChatTemplate;

/// Writes a llama-architecture GGUF that llama.cpp loads, in one step. Vectors stay F32; so do
/// matrices whose rows the type's block size does not divide. Throws InputError or ResourceError.
void write_gguf(const std::string& path, const std::string& name, const Shape& shape,
                const std::vector<float>& weights, const Vocabulary& vocabulary, WeightType type);

}  // namespace citer::demo
