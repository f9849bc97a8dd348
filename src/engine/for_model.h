#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

/// Does what is done for one model of a pair; fields that an error names get "slm." or "llm."
/// before them.
template <typename Work>
auto for_model(const std::string& model, const Work& work) {
  try {
    return work();
  } catch (const FieldError& e) {
    std::vector<std::string> fields;
    for (const std::string& field : e.fields())
      fields.push_back(fmt::format("{}.{}", model, field));
    throw FieldError(fields, e.problem());
  }
}

}  // namespace citer
