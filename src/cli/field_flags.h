#pragma once

// Errors that name a field of the options, as users of the command line know them.

#include <string>

#include "citer/error.h"

namespace citer::cli {

/// The flag that sets a field: its name with dashes, but for those that are named as in llama.cpp.
/// "slm.NAME" and "llm.NAME" are fields of one model.
std::string flag_of(const std::string& field);

/// The error's message with flags instead of fields.
std::string flag_text(const FieldError& error);

}  // namespace citer::cli
